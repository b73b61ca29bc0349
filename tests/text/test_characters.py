"""Characters that nobody is to hear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.text import Block, CutRules, cut
from ttsflow.text.characters import audible
from ttsflow.text.escapes import without_escapes

ODD = (
    "\x00\x07\x7f\xad\u061c\u180e\u200b\u200c\u200d\u200e\u202e\u2060\u2063\ufe0f\ufeff\ufffd\ufffe\U000e0061"
)


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("The win\u200bdow was nega\xadtive.", "The window was negative."),
        ("\ufeffChapter \u2060one", "Chapter one"),
        ("co\ufffeoperate, na\u200dive", "cooperate, naive"),
        ("a caf\ufffd here", "a caf here"),
        ("\x07Ring!\x1b\x7f", "Ring!"),
        ("\u202eabc\u202c \u200eb", "abc b"),
        ("tab\tand\nline\x0b", "tab\tand\nline\x0b"),
        ("می\u200cروم", "می\u200cروم"),  # Persian: "I go", with a break that is no space
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d👩\u200d👧 👍🏽 ❤\ufe0f 1\ufe0f\u20e3", "👩\u200d👩\u200d👧 👍🏽 ❤\ufe0f 1\ufe0f\u20e3"),
        ("葛\U000e0100城", "葛城"),
    ],
)
def test_what_is_left_out_and_what_is_not(text: str, heard: str) -> None:
    assert audible(text) == heard


def test_no_engine_gets_them_in_any_place_of_a_text() -> None:
    text = "".join(f"{char}so{char}me wo{char}rds {char}{char}." for char in ODD)
    (chunk,) = cut([Block(text)], CutRules("en", 10_000))
    assert not set(chunk.text) & set(ODD)
    assert chunk.text == "some words ." * len(ODD)


@given(st.text(st.sampled_from([*ODD, "a", " ", "م", "क", "👩", "❤", "1"]) | st.characters()))
def test_what_is_heard_stays(text: str) -> None:
    heard = audible(text)
    assert audible(heard) == heard
    assert [char for char in without_escapes(text) if char.isalnum()] == [
        char for char in heard if char.isalnum()
    ]


@pytest.mark.parametrize(
    "code", [0x034F, 0x115F, 0x17B4, 0x180F, 0x206A, 0x2800, 0x3164, 0xE000, 0xE0001, 0xFFF0, 0x10FFFD]
)
def test_what_has_no_look_or_the_look_of_one_font_is_left_out(code: int) -> None:
    assert audible(f"a word{chr(code)} here") == "a word here"
