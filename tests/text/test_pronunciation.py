"""How words are spoken: lexicons, patterns, and chunks that become too long by them."""

# ruff: noqa: RUF001  # marks of several scripts

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.errors import ConfigError
from ttsflow.text import Block, Chunk, CutRules, cut
from ttsflow.text.pronunciation import NAMED, Entry, Lexicon, Pattern, Pronunciation, read_lexicon

ROOMY = CutRules("en", 250, 0)


def spoken(text: str, *entries: Entry, patterns: tuple[Pattern, ...] = (), language: str = "en") -> str:
    """How a text is spoken that is one chunk."""
    [chunk] = Pronunciation(Lexicon(entries), patterns).spoken(
        Chunk(text, 0.5, True), CutRules(language, 10_000, 0)
    )
    assert chunk.shown == text
    assert chunk.pause_s == 0.5
    return chunk.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- milk", "milk"), ("* two eggs.", "two eggs."), ("• “Three.”", "“Three.”"), ("-  a - b", "a - b"),
        ("-5 degrees", "-5 degrees"), ("— Oui.", "— Oui."), ("*this*", "*this*"), ("a - b", "a - b"),
        ("-", "-"), ("1. one", "1. one"), ("- SQL", "sequel"),
    ],
)  # fmt: skip
def test_the_bullet_of_an_item_is_not_heard(text: str, said: str) -> None:
    assert spoken(text, Entry("sql", "sequel")) == said


# ---------------------------------------------------------------- lexicons


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SQL, sql and MySQL.", "sequel, sequel and MySQL."),
        ("sql_x, sql2, sql-x", "sql_x, sql2, sequel-x"),
        ("us and US and Us", "us and U S and Us"),
        ("New York, New Yorker, new", "the city, newly Yorker, new"),
        ("C++ or C# (c++)", "see plus plus or C# (see plus plus)"),
        ("Anna’s don’t", "Ana’s do not"),
        ("Straße, STRASSE, Straße", "street, STRASSE, street"),
        ("İSQL İ sql", "İSQL İ sequel"),
        ("私は北京に行く。", "私はペキンに行く。"),
        ("हिन्दी हि", "हिन्दी hi"),
        ("", ""),
    ],
)
def test_whole_words_become_what_is_spoken(text: str, said: str) -> None:
    entries = (
        Entry("sql", "sequel"), Entry("US", "U S"), Entry("New", "newly"), Entry("New York", "the city"),
        Entry("c++", "see plus plus"), Entry("Anna", "Ana"), Entry("don't", "do not"),
        Entry("straße", "street"), Entry("北京", "ペキン"), Entry("हि", "hi"),
    )  # fmt: skip
    assert spoken(text, *entries) == said


def test_what_is_spoken_is_not_looked_up_again() -> None:
    loop = (Entry("one", "two"), Entry("two", "one one"), Entry("self", "self self"))
    assert spoken("one two self", *loop) == "two one one self self"


def test_an_entry_may_be_of_one_language() -> None:
    entries = (Entry("chat", "shah", "fr"), Entry("chat", "talk"), Entry("us", "we", "en-US"))
    assert spoken("chat us", *entries) == "talk we"
    assert spoken("chat us", *entries, language="fr-ca") == "shah us"
    assert spoken("chat us", *entries, language="en-gb") == "talk us"


def test_of_two_entries_the_later_counts() -> None:
    assert spoken("a b", Entry("b", "x"), Entry("b", "y")) == "a y"


words = st.text(st.sampled_from("abcXY北'.+ -_é"), min_size=1, max_size=6).filter(str.strip)


@given(st.lists(st.tuples(words, words), max_size=12), st.text(st.sampled_from("defXZ海’,;1 \n")))
def test_a_text_without_its_words_stays_as_it_is(pairs: list[tuple[str, str]], text: str) -> None:
    entries = [
        Entry(word, said) for word, said in pairs if not set("".join(word.split())) <= set("defXZ海',;1")
    ]
    pronunciation = Pronunciation(Lexicon(entries))
    for chunk in cut([Block(text)], ROOMY):
        assert list(pronunciation.spoken(chunk, ROOMY)) == [chunk]


@given(
    st.lists(st.tuples(words, words), max_size=12),
    words,
    st.text(st.sampled_from("abcXY北’. +"), max_size=80),
)
def test_chunks_that_are_cut_again_have_all_that_is_spoken(
    pairs: list[tuple[str, str]], much: str, text: str
) -> None:
    entries = [Entry("a", f"{much} " * 30), *(Entry(word, said) for word, said in pairs)]
    whole, rules = " ".join(text.split()), CutRules("en", 40, 10)
    chunks = list(Pronunciation(Lexicon(entries)).spoken(Chunk(whole, 0.5, True, "T"), rules))
    assert [chunk.chapter for chunk in chunks] == ["T", *[None] * (len(chunks) - 1)]
    assert [chunk.pause_s for chunk in chunks] == [*[0.0] * (len(chunks) - 1), 0.5]
    assert all(len(chunk.text) <= 40 for chunk in chunks)
    [one] = Pronunciation(Lexicon(entries)).spoken(Chunk(whole, 0.5, True), CutRules("en", 100_000, 10))
    assert "".join("".join(chunk.text.split()) for chunk in chunks) == "".join(one.text.split())


def test_each_part_of_a_long_form_shows_its_own_words() -> None:
    entry = Entry("x", "very long words, " * 5 + "and an end")
    chunks = list(
        Pronunciation(Lexicon([entry])).spoken(Chunk("He saw x and went.", 0.5, True), CutRules("en", 60, 10))
    )
    assert [(chunk.text, chunk.written) for chunk in chunks] == [
        ("He saw very long words, very long words, very long words,", "He saw x"),
        ("very long words, very long words, and an end and went.", "and went."),
    ]


# ---------------------------------------------------------------- files


def test_a_csv_file(tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    file.write_text(
        '\ufeffword,spoken,language\nSQL,sequel\n\n"Dr. No", "Doctor, No",en-GB\n北京,ペキン,\n', "utf-8"
    )
    assert read_lexicon(file) == (
        [Entry("SQL", "sequel"), Entry("Dr. No", "Doctor, No", "en-GB"), Entry("北京", "ペキン")],
        None,
    )


PLS = """<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" xml:lang="en-US">
{}
</lexicon>
"""


def test_a_pls_file(tmp_path: Path) -> None:
    file = tmp_path / "terms.PLS"
    file.write_text(
        PLS.format(
            "<lexeme><grapheme>W3C</grapheme><grapheme>WWWC</grapheme><alias>first</alias>"
            '<alias prefer="true">World Wide\n Web</alias></lexeme>'
            '<lexeme xml:lang="fr"><grapheme>chat</grapheme><alias>cha</alias><phoneme>ʃa</phoneme></lexeme>'
            "<lexeme><grapheme>Newton</grapheme><phoneme>ˈnutən</phoneme></lexeme><meta/>"
        ),
        "utf-8",
    )
    entries, notice = read_lexicon(file)
    assert entries == [
        Entry("W3C", "World Wide Web", "en-US"),
        Entry("WWWC", "World Wide Web", "en-US"),
        Entry("chat", "cha", "fr"),
    ]
    assert notice is not None
    assert "1 of its lexemes have only phonemes and are left out" in notice


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"SQL,sequel\nword\n", "a.csv, line 2 has 1 column; write word,spoken"),
        ("a.csv", b"a,b,en,c\n", "line 1 has 4 columns"),
        ("a.csv", b"SQL,\n", "line 1 has no spoken form for 'SQL'"),
        ("a.csv", b",sequel\n", "line 1 has no word before its spoken form 'sequel'"),
        ("a.csv", b"a,b,not a tag\n", "line 1: 'not a tag' is no tag of a language"),
        ("a.csv", b'ok,fine\n"open,never closed\n', "line 2: no CSV"),
        ("a.csv", b"ok,fine\nStra\xdfe,street\n", "line 2: not valid in UTF-8; save the file as UTF-8"),
        ("a.csv", b"a," + b"b" * 200_000, "line 1: no CSV"),
        ("a.pls", b"<lexicon><lexeme>", "a.pls, line 1: broken XML"),
        ("a.pls", b"<html/>", "a.pls is no PLS: its first element is <html>"),
        ("a.pls", b"<lexicon><lexeme><alias>x</alias></lexeme></lexicon>", "lexeme 1 has no <grapheme>"),
        ("a.pls", b"<lexicon><lexeme><grapheme>x</grapheme></lexeme></lexicon>", "no spoken form for 'x'"),
        ("a.pls", b"", "a.pls, line 1: broken XML"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_with_its_line(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read_lexicon(tmp_path / name)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


# ---------------------------------------------------------------- patterns


def test_patterns_leave_out_and_replace() -> None:
    patterns = (
        Pattern(r"\s*\(fig\. \d+\)"),
        Pattern(r"(\d+) km\b", r"\1 kilometres"),
        Pattern(r"(?<year>\d{4})-(\d\d)", r"\2 of \g<year>", "de"),
        Pattern("!"),
    )
    text = "The way (fig. 3) is 12 km, 2020-01 !"
    assert spoken(text, patterns=patterns) == "The way is 12 kilometres, 2020-01"
    assert spoken(text, patterns=patterns, language="de-at") == "The way is 12 kilometres, 01 of 2020"


def test_words_of_a_pattern_are_looked_up_once() -> None:
    assert spoken("a", Entry("b", "c"), patterns=(Pattern("a", "b"),)) == "c"


def test_what_is_left_out_may_touch() -> None:
    assert spoken("a b c.", patterns=(Pattern(r"\s|b"),)) == "ac."
    assert spoken("a [1] [2], [3] b", patterns=(Pattern(r"\[\d\]"),)) == "a, b"


def test_a_chunk_of_which_nothing_is_left_is_a_pause() -> None:
    [chunk] = Pronunciation(patterns=[Pattern(".*")]).spoken(Chunk("All of it.", 0.5, True), ROOMY)
    assert (chunk.text, chunk.speakable, chunk.pause_s, chunk.shown) == ("", False, 0.5, "All of it.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("As shown [12], and [3, 5–7].", "As shown, and."),
        ("An array a[1234] stays.", "An array a[1234] stays."),
    ],
)
def test_citations(text: str, said: str) -> None:
    assert spoken(text, patterns=(Pattern(NAMED["citations"]),)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "The flood.12 Nobody² came[^note], “never.”³ It* ended.†",
            "The flood. Nobody came, “never.” It ended.",
        ),
        ("It has 20 km² and x² is 3 m².", "It has 20 km² and x² is 3 m²."),
        ("2 * 3 * 4 is **bold** and 3.14.", "2 * 3 * 4 is **bold** and 3.14."),
    ],
)
def test_marks_of_notes(text: str, said: str) -> None:
    assert spoken(text, patterns=(Pattern(NAMED["note_marks"]),)) == said


@pytest.mark.parametrize(
    ("pattern", "words", "said"),
    [
        ("(ab", "", "'(ab' is no regular expression: missing ) at character 4"),
        ("a**", "", "'a**' is no regular expression"),
        ("(a)", r"\2", "cannot stand for '(a)': the pattern has no group 2"),
        ("(a)", r"\g<b>", "cannot stand for '(a)'"),
    ],
)
def test_a_pattern_that_cannot_be(pattern: str, words: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"character|cannot stand") as raised:
        Pattern(pattern, words)
    assert said in str(raised.value)


def test_a_pattern_that_would_take_for_ever_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttsflow.text.pronunciation.patterns.LONGEST_S", 0.2)
    endless = Pattern(r"(?:(?:a|a)+)+b")
    with pytest.raises(ConfigError, match=r"takes more than 0.2 s for 'aaaa"):
        spoken("a" * 60, patterns=(endless,))
