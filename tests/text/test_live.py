"""Text that comes bit by bit is cut as it is when it is there at once."""

# ruff: noqa: RUF001  # marks of several scripts

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.text import Block, Chunk, Pauses, cut
from ttsflow.text.characters import audible
from ttsflow.text.live import LiveCutter
from ttsflow.text.stops import CutRules

PAUSES = Pauses(1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
SENTENCES = [
    "He went home and did not look back.", "Yes.", "Why not?", "Dr. Smith came at 5 p.m. and left.",
    '"Oh dear!" she said.', 'He said "Hello. How are you?" and smiled at them all.', "It cost 3.14 euros!",
    "“Yes. No,” he said (see p. 4.), and that was all.", "Wait... what is it now?", "Das war am 3. Mai so.",
    "「行く。」と言った。", "「そう。」とても寒い。", "We need: i. A pen ii. A book.",
    "你好。我很好！", "“你好。”他说。", "It's Tom's, isn't it?", "«Oui.» dit-il.", "—", "...", "🎉",
    "a word " * 30 + "and an end.", "into the garden and over a wall, or " * 8 + "so.",
    "in the house of the old man with the cat " * 8 + "so.", "mit dem Hund und in den Garten " * 8 + "so.",
    'The screen is 5" wide, or 5\'4".', "'Tis the room of a boy, and 'twas cold.",
    "I am sad :( but fine now.", "今天天气很好！", "Rock 'n' roll; 't is laat.",
    "A talk--a long one--went on.", "The man – he was old – left.",
    "one, two; three: four, " * 8 + "five.", "x" * 90 + " y.",
]  # fmt: skip
COLOURED = [
    "\x1b[1;31mRed\x1b[0m, and \x1b[4mmore\x1b[m.", "\x1b]0;A title\x07Words.", "\x1b(B\x1b[mHe left.\x1b[K",
    "A \x1b]8;;https://example.org/\x1b\\link\x1b]8;;\x1b\\ here.",
]  # fmt: skip
ADDRESSED = [
    "See https://www.example.org/a/b.html?c=d#e,", "and write to ann.lee+x@example.org.",
    "It is on ftp://mirror.example.org/.",
]  # fmt: skip
texts = st.lists(st.sampled_from([*SENTENCES, *COLOURED]), min_size=1, max_size=8).map(" ".join)
languages = st.sampled_from(["en", "de", "fr", "zh-cn", "ja"])
shapes = st.tuples(languages, st.sampled_from([40, 100, 250]), st.sampled_from([0, 20, 40]))


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    at = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(at)]


def live(pieces: list[str], rules: CutRules, **options: object) -> list[Chunk]:
    cutter = LiveCutter(rules, PAUSES, **options)
    return [chunk for piece in pieces for chunk in cutter.feed(piece)] + list(cutter.finish())


@given(texts, shapes, st.lists(st.integers(0, 10_000), max_size=60))
def test_a_paragraph_is_cut_as_if_it_were_there_at_once(text, shape, cuts):
    language, most, least = shape
    whole = cut([Block(text)], CutRules(language, most, least), PAUSES, live=True)
    assert live(pieces_of(text, cuts), CutRules(language, most, least)) == list(whole)


@given(texts, shapes)
def test_a_paragraph_that_comes_in_single_characters(text, shape):
    language, most, least = shape
    rules = CutRules(language, most, least)
    assert live(list(text), rules) == live([text], rules)


lines = st.lists(
    st.sampled_from(
        [*SENTENCES, "# A title", "- an item", "1. one", "", "", " ", "wrapped prose " * 4, *COLOURED]
    )
    | st.text(st.sampled_from("ab .\r\n\t\u2028\u200d-*1\x1b[]m"), max_size=12),
    max_size=12,
)


@pytest.mark.parametrize("how", ["auto", "each", "wrapped"])
@given(lines, shapes, st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 10_000), max_size=60))
def test_lines_mean_the_same_wherever_the_pieces_end(how, lines, shape, end, cuts):
    text, rules = end.join(lines), CutRules(*shape)
    found = live(pieces_of(text, cuts), rules, lines=how)
    assert found == live([text], rules, lines=how)
    assert "".join("".join(chunk.text.split()) for chunk in found) == "".join(audible(text).split())


@given(
    st.lists(
        st.sampled_from([*ADDRESSED, "a.", "(", ")", " ", ". ", "，", "h", "http", ":", "/", "@", "\n"])
    ).map("".join),
    st.lists(st.integers(0, 10_000), max_size=60),
)
def test_addresses_are_named_wherever_the_pieces_end(text, cuts):
    rules = CutRules("en", 100, 0)
    assert live(pieces_of(text, cuts), rules, addresses=False) == live([text], rules, addresses=False)


def test_only_hosts_are_spoken_if_so_wished() -> None:
    rules = CutRules("en", 250, 0)
    text = " ".join(ADDRESSED)
    for size in (1, 5, 1_000):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert [chunk.text for chunk in live(pieces, rules, addresses=False)] == [
            "See example.org, and write to example.org.", "It is on mirror.example.org."
        ]  # fmt: skip
        assert "".join(chunk.text for chunk in live(pieces, rules)) == text.replace(". It", ".It")


def ends(cutter: LiveCutter, text: str) -> list[str]:
    return [chunk.text for chunk in cutter.feed(text)]


def test_a_sentence_is_there_when_the_word_behind_it_is() -> None:
    cutter = LiveCutter(CutRules("en", 250, 0), PAUSES)
    assert ends(cutter, "The tea was cold") == []
    assert ends(cutter, ". ") == []
    assert ends(cutter, "It") == []
    assert ends(cutter, " ") == ["The tea was cold."]
    assert ends(cutter, "was Dr. Smith's. Then") == []
    assert ends(cutter, " he") == ["It was Dr. Smith's."]
    assert ends(cutter, " left.\n\nN") == ["Then he left."]
    assert [chunk.text for chunk in cutter.finish()] == ["N"]


def test_a_quotation_that_is_open_is_waited_for() -> None:
    cutter = LiveCutter(CutRules("en", 250, 0), PAUSES)
    assert ends(cutter, 'He said "Hello. How are you? I am') == []
    assert ends(cutter, ' fine." Then') == []
    assert ends(cutter, " ") == ['He said "Hello. How are you? I am fine."']


def test_pauses_by_the_line_ends() -> None:
    text = (
        "A title\n\nA paragraph that an editor has broken at the end\nof a line. It goes on.\n"
        "- one\n- two\n\n\nThe end."
    )
    found = live([text], CutRules("en", 250, 0))
    assert [(chunk.text, chunk.pause_s) for chunk in found] == [
        ("A title", 2.0),
        ("A paragraph that an editor has broken at the end of a line.", 1.0),
        ("It goes on.", 1.5),
        ("- one", 1.5),
        ("- two", 2.5),
        ("The end.", 2.0),
    ]


def test_a_flush_speaks_the_complete_words() -> None:
    cutter = LiveCutter(CutRules("en", 250, 40), PAUSES)
    assert ends(cutter, "Just a mom") == []
    assert [chunk.text for chunk in cutter.flush()] == ["Just a"]
    assert cutter.holds_back
    assert ends(cutter, "ent. ") == []
    assert [chunk.text for chunk in cutter.flush()] == ["moment."]
    assert not cutter.holds_back
    assert list(cutter.flush()) == list(cutter.finish()) == []


@given(texts, shapes, st.lists(st.integers(0, 10_000), max_size=20))
def test_flushes_at_any_time_lose_nothing(text, shape, cuts):
    cutter = LiveCutter(CutRules(*shape), PAUSES)
    found = []
    for piece in pieces_of(text, cuts):
        found += [*cutter.feed(piece), *cutter.flush()]
    found += cutter.finish()
    assert "".join("".join(chunk.text.split()) for chunk in found) == "".join(audible(text).split())


def test_what_is_complete_is_in_chunks_and_what_comes_next_begins_a_sentence() -> None:
    cutter = LiveCutter(CutRules("en", 250, 0), PAUSES, code=False)
    assert list(cutter.feed("Just a mom")) == []
    assert [(chunk.text, chunk.pause_s) for chunk in cutter.complete()] == [("Just a mom", PAUSES.sentence_s)]
    assert list(cutter.complete()) == []
    assert list(cutter.feed("ent, please")) == []
    assert [chunk.text for chunk in cutter.finish()] == ["ent, please"]


def test_an_escape_sequence_is_waited_for_even_by_a_flush() -> None:
    cutter = LiveCutter(CutRules("en", 250, 0), PAUSES)
    assert ends(cutter, "It is red. \x1b[3") == []
    assert [chunk.text for chunk in cutter.flush()] == ["It is red."]
    assert not cutter.holds_back
    assert ends(cutter, "1mSo it is. \x1b]0;A ti") == []
    assert ends(cutter, "tle\x07And ") == ["So it is."]
    assert ends(cutter, "more.\x1b[0") == []
    assert [chunk.text for chunk in cutter.finish()] == ["And more."]


def test_a_flush_waits_for_no_space_where_the_script_has_none() -> None:
    cutter = LiveCutter(CutRules("zh-cn", 80, 0), PAUSES)
    assert ends(cutter, "你好，我是") == []
    assert [chunk.text for chunk in cutter.flush()] == ["你好，我是"]
    assert ends(cutter, "一个学生，用 Pyth") == []
    assert [chunk.text for chunk in cutter.flush()] == ["一个学生，用"]
    assert ends(cutter, "on 写。") == []
    assert [chunk.text for chunk in cutter.finish()] == ["Python 写。"]


@pytest.mark.usefixtures("quickly")
def test_a_sentence_that_never_ends_is_cut_all_the_same() -> None:
    cutter = LiveCutter(CutRules("en", 250, 40), PAUSES)
    spoken, most = 0, 0
    for count in range(5_000):
        spoken += sum(len(text) + 1 for text in ends(cutter, "word "))
        most = max(most, 5 * (count + 1) - spoken)
    assert most < 350


@pytest.mark.usefixtures("quickly")
def test_a_piece_of_megabytes_and_a_million_of_one_character() -> None:
    whole = "It was the best of times. " * 40_000
    rules = CutRules("en", 250, 40)
    assert live([whole], rules) == list(cut([Block(whole)], CutRules("en", 250), PAUSES, live=True))
    assert len(live(["x"] * 20_000, rules)) == 80


@pytest.mark.parametrize("marks", [20, 29, 30, 31, 50, 300])
def test_a_character_of_very_many_marks_is_cut_alike(marks: int) -> None:
    text, rules = "a " * 124 + "a" + "\u0301" * marks + " and more.", CutRules("en", 250, 40)
    whole = list(cut([Block(text)], rules, PAUSES, live=True))
    assert "".join("".join(chunk.text.split()) for chunk in whole) == "".join(text.split())
    assert max(len(chunk.text) for chunk in whole) <= 250
    for size in (1, 7, 100, 1_000):
        assert live([text[at : at + size] for at in range(0, len(text), size)], rules) == whole


@pytest.mark.parametrize("marks", [5, 34, 35, 36, 60, 300])
def test_only_a_character_that_no_script_has_is_torn(marks: int) -> None:
    text, rules = "ae" + "\u0301" * marks, CutRules("en", 4, 0)
    whole = list(cut([Block(text)], rules, PAUSES, live=True))
    assert whole[0].text == "a"
    assert whole[1].text == ("e" + "\u0301" * marks if marks <= 35 else "e\u0301\u0301\u0301")
    for size in (1, 2, 7, 100):
        assert live([text[at : at + size] for at in range(0, len(text), size)], rules) == whole


@pytest.mark.usefixtures("quickly")
def test_the_words_of_a_long_text_stay_in_order() -> None:
    words = [f"word{number}" for number in range(3_000)]
    found = live([word + (". " if len(word) % 3 else "\n") for word in words], CutRules("en", 100, 30))
    assert re.findall(r"word\d+", " ".join(chunk.text for chunk in found)) == words
