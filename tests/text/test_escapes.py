"""Escape sequences of terminals, as they are in texts that programs write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.text import Block, CutRules, ReadOptions, cut, read_text
from ttsflow.text.escapes import begun_escape, without_escapes

SEQUENCES = [
    "\x1b[31m", "\x1b[1;38;5;208m", "\x1b[m", "\x1b[2K", "\x1b[?25l", "\x1b[10;20H", "\x1b[38:2::1:2:3m",
    "\x1b[4 q", "\x1b]0;a title\x07", "\x1b]8;;https://example.org/a?b=c\x1b\\", "\x1b]8;;\x1b\\",
    "\x1bP1$r0m\x1b\\", "\x1b_Gi=1;AAAA\x1b\\", "\x1b(B", "\x1b)0", "\x1b#8", "\x1b7", "\x1b8", "\x1b=",
    "\x1b>", "\x1bc", "\x1bM", "\x1b",
]  # fmt: skip


@pytest.mark.parametrize("sequence", SEQUENCES[:-1], ids=repr)
def test_no_sequence_is_left_and_the_words_around_it_are(sequence: str) -> None:
    assert without_escapes(f"He {sequence}was{sequence} here.{sequence}") == "He was here."


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("broken off \x1b[31", "broken off "),
        ("broken off \x1b]0;a title", "broken off "),
        ("\x1b]0;a title\nNext line.", "\nNext line."),
        ("\x1b Words", " Words"),
        ("[31m is how red begins", "[31m is how red begins"),
        ("\x1b\x1b[31mred", "red"),
    ],
)
def test_what_is_no_whole_sequence(text: str, left: str) -> None:
    assert without_escapes(text) == left


def test_a_sequence_without_an_end_hides_no_whole_text() -> None:
    assert without_escapes("\x1b]" + "word " * 2_000).endswith("word word ")
    assert without_escapes("\x1b[" + "1" * 1_000).endswith("111")


@given(st.lists(st.sampled_from([*SEQUENCES, "a", "[", "]", "\\", "0", ";", " ", "\n", "\x07"])).map("".join))
def test_a_text_in_two_pieces_loses_the_same(text):
    for at in range(len(text) + 1):
        begun = begun_escape(text[:at])
        first, second = text[:at].removesuffix(begun), begun + text[at:]
        assert without_escapes(first) + without_escapes(second) == without_escapes(text)
    assert "\x1b" not in without_escapes(text)


@pytest.mark.parametrize("format", ["text", "markdown"])
def test_colours_do_not_change_how_a_text_is_read(format: str) -> None:
    lines = [
        "# A title",
        "",
        "The prose of a paragraph that an editor has broken at the end",
        "of its line goes on here.",
    ]
    coloured = "\n".join(f"\x1b[1;33m{line}\x1b[0m" for line in lines)
    options = ReadOptions(format=format)
    assert list(read_text(coloured, options).blocks()) == list(read_text("\n".join(lines), options).blocks())


def test_no_engine_gets_one_out_of_a_block() -> None:
    assert [chunk.text for chunk in cut([Block("\x1b[31mRed.\x1b[0m")], CutRules("en", 250))] == ["Red."]
