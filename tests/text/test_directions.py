"""Marks of speakers and pauses: in a text that is there, and in one that still comes."""

from __future__ import annotations

import io
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.errors import InputError
from ttsflow.text import (
    NARRATOR,
    Block,
    Chunk,
    Coming,
    CutRules,
    LiveCutter,
    Pauses,
    ReadOptions,
    Role,
    chapters_of,
    cut,
    only,
    read_coming,
    read_text,
)
from ttsflow.text.directions import directed
from ttsflow.text.fences import Fences, without_code

PAUSES = Pauses(1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
RULES = CutRules("en", 100, 20)


def blocks(text: str, format: str | None = None) -> list[tuple[str, str | None, float | None]]:
    """Text, speaker and pause of each block."""
    document = read_text(text, ReadOptions(format=format))
    return [(block.text, block.role.speaker, block.pause_s) for block in document.blocks()]


def test_a_speaker_has_the_word_until_the_next_mark() -> None:
    text = 'She said: [[voice: Anna]] "Hello." [[voice]] He left.\n\n[[ VOICE:Tom B. ]]\nI am here.\n\nStill.'
    assert blocks(text) == [
        ("She said:", None, None), ('"Hello."', "Anna", None), ("He left.", None, None),
        ("I am here.", "Tom B.", None), ("Still.", "Tom B.", None),
    ]  # fmt: skip


def test_a_chapter_begins_with_the_voice_of_the_text() -> None:
    text = "CHAPTER I. One\n\n[[voice: Anna]] Here.\n\nCHAPTER II. [[pause: 3]] Two\n\nThere."
    assert blocks(text) == [
        ("CHAPTER I. One", None, None), ("Here.", "Anna", None), ("CHAPTER II.", None, 3.0),
        ("Two", None, None), ("There.", None, None),
    ]  # fmt: skip
    document = read_text(text)
    assert [chapter.title for chapter in chapters_of(document)] == ["CHAPTER I. One", "CHAPTER II. Two"]
    assert [block.role.speaker for block in only(document, "1").blocks()] == [None, "Anna"]


@pytest.mark.parametrize(
    ("mark", "seconds"),
    [("1.5", 1.5), ("1.5s", 1.5), ("500 ms", 0.5), ("0", 0.0), ("3600", 3600.0), ("2 S", 2.0)],
)
def test_a_pause_of_so_many_seconds(mark: str, seconds: float) -> None:
    assert blocks(f"One. [[pause: {mark}]] Two.") == [("One.", None, seconds), ("Two.", None, None)]


def test_a_pause_in_a_paragraph_is_exact_and_one_between_two_adds() -> None:
    text = "One [[pause: 9]] two. [[pause: 8]]\n\nThree.\n\n[[pause: 7]]\n\nFour."
    chunks = cut(read_text(text).blocks(), RULES, PAUSES)
    assert [(chunk.text, chunk.pause_s) for chunk in chunks] == [
        ("One", 9.0), ("two.", 8.0), ("Three.", 2.0), ("", 7.0), ("Four.", 2.0),
    ]  # fmt: skip


def test_short_pieces_of_two_speakers_stay_apart() -> None:
    text = "Yes. [[voice: A]] No. [[voice: B]] Oh. Ah. [[voice]] Eh."
    chunks = cut(read_text(text).blocks(), RULES, PAUSES)
    assert [(chunk.text, chunk.role.speaker, chunk.pause_s) for chunk in chunks] == [
        ("Yes.", None, 1.0), ("No.", "A", 1.0), ("Oh. Ah.", "B", 1.0), ("Eh.", None, 2.0),
    ]  # fmt: skip


def test_marks_in_markdown_and_not_in_its_code() -> None:
    text = (
        "# One [[pause: 2]]\n\n- [[voice: Anna]] *Hello* there.\n- Again.\n\n"
        "Write `[[voice: Bert]]` here.\n\n```\n[[voice: Carl]\n```\n"
    )
    found = blocks(text, "markdown")
    assert [(words.replace("\u2060", ""), speaker) for words, speaker, _ in found] == [
        ("One", None), ("Hello there.", "Anna"), ("Again.", "Anna"), ("Write [[voice: Bert]] here.", "Anna"),
    ]  # fmt: skip
    assert read_text(text, ReadOptions(format="markdown")).speakers == {"Anna": "line 3"}
    [spoken] = cut([Block(found[-1][0])], RULES)
    assert spoken.text == "Write [[voice: Bert]] here."


def test_the_lines_of_the_speakers_are_known() -> None:
    text = "One.\n[[voice: Anna]] Two.\n\n[[voice: Bert]]\nThree.\n[[voice: Anna]] Four."
    assert read_text(text).speakers == {"Anna": "line 2", "Bert": "line 4"}


def test_other_brackets_are_words_and_marks_may_be_words() -> None:
    text = "See [[wiki]], [voice: x], [[voices: y]] and [[pausing]]."
    assert blocks(text) == [(text, None, None)]
    text = "[[voice: Anna]] and [[pause: -1]]"
    document = read_text(text, ReadOptions(marks=False))
    assert [block.text for block in document.blocks()] == [text]
    assert document.speakers == {}


def test_lines_with_a_mark_alone_are_no_running_heads() -> None:
    page = (
        "The river went on and on through the wide and silent land, past farms and\n\n[[voice: Anna]]\n\n"
        + ("towns that nobody had seen before, and it was cold. " * 12)
    )
    assert read_text(page * 5).speakers == {"Anna": "line 3"}
    assert sum(speaker == "Anna" for _, speaker, _ in blocks(page * 5)) >= 5


WRONG = [
    ("One.\n\nTwo. [[voice: Anna. Three", "the mark '[[voice: Anna. Three' has no end: close it with ]]"),
    ("[[pause: 1.5] x\n\n]]", "has no end"),
    ("[[voice: " + "a" * 200 + "]]", "has no end"),
    ("[[pause]]", "[[pause]] must say how long: from 0 to 3600 seconds, such as [[pause: 1.5]]"),
    ("x [[pause: -1]]", "[[pause: -1]] must say how long"),
    ("[[pause: 1e9]]", "[[pause: 1e9]] must say how long"),
    ("[[pause: 3601]]", "must say how long"),
    ("[[pause: 99999999]]", "must say how long"),
    ("[[pause: soon]]", "must say how long"),
    ("[[pause: 1m]]", "must say how long"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_wrong_mark_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        read_text(text)
    assert said in str(raised.value)
    assert f"text, line {text.count(chr(10), 0, text.index('[[')) + 1}: " in str(raised.value)
    with pytest.raises(InputError) as raised:
        read_text(text, ReadOptions(format="markdown"))
    assert "has no end" in str(raised.value) or said in str(raised.value)


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_came_before_a_wrong_mark_is_spoken(text: str, said: str) -> None:
    coming = read_coming(io.BytesIO(f"Good morning. {text}".encode()), name="it")
    coming.begin()
    cutter = LiveCutter(RULES, PAUSES, rules_of=lambda role: RULES)
    found = [chunk.text for chunk in coming.chunks(cutter, 60.0)]
    assert found[0].startswith("Good morning.")
    assert "[[" not in "".join(found)
    with pytest.raises(InputError, match=r"^it: ") as raised:
        coming.check_whole()
    assert said in str(raised.value)


# ---------------------------------------------------------------- text that still comes


def rules_of(role: Role) -> CutRules:
    return CutRules("de", 40, 10) if role.speaker == "Berta" else RULES


def live(pieces: list[str], **options: object) -> list[Chunk]:
    cutter = LiveCutter(RULES, PAUSES, rules_of=rules_of, **options)
    return [chunk for piece in pieces for chunk in cutter.feed(piece)] + list(cutter.finish())


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    at = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(at)]


parts = st.lists(
    st.sampled_from(
        [
            "[[voice: Anna]]", "[[voice: Berta]]", "[[voice]]", "[[ pause : 1.5 ]]", "[[pause: 500ms]]", "[[",
            "]]", "[[ He said. So he did.", "He went home and did not look back.", "Yes.", "“Oh! No,”",
            "said she", "Am 3. Mai war es.",
            "a word " * 15 + "and an end.", "[[wiki]]", "[[voice", "v", "—",
        ]
    ),
    max_size=10,
).filter(lambda parts: not any(part == "[[voice" for part in parts))  # fmt: skip
cuts = st.lists(st.integers(0, 10_000), max_size=60)


@given(parts, st.sampled_from(["", " "]), cuts)
def test_a_paragraph_that_comes_is_cut_as_one_that_is_there(
    parts: list[str], between: str, cuts: list[int]
) -> None:
    text = between.join(parts)
    groups = groupby(directed([Block(text)], "text"), lambda block: block.role)
    whole = [chunk for role, some in groups for chunk in cut(some, rules_of(role), PAUSES, live=True)]
    assert live(pieces_of(text, cuts)) == whole
    assert live(list(text)) == whole


def test_what_looks_like_the_beginning_of_a_mark_holds_no_sentence_back() -> None:
    cutter = LiveCutter(RULES, PAUSES, rules_of=rules_of)
    found = [*cutter.feed("He saw [[ and left the house at once. It was cold and ")]
    assert [chunk.text for chunk in found] == ["He saw [[ and left the house at once."]


@given(parts)
def test_no_word_is_lost_where_a_mark_begins_and_does_not_end(parts: list[str]) -> None:
    text = " ".join(["[[voice: Berta]]", "[[", *parts, "[["])
    whole = cut(directed([Block(text)], "text"), rules_of(NARRATOR), PAUSES)
    assert (
        " ".join(chunk.text for chunk in live(list(text))).split()
        == " ".join(chunk.text for chunk in whole).split()
    )


@given(st.lists(parts.map(" ".join), max_size=5), cuts)
def test_lines_with_marks_mean_the_same_wherever_the_pieces_end(lines: list[str], cuts: list[int]) -> None:
    text = "\n".join(lines)
    assert live(pieces_of(text, cuts)) == live([text])


@given(parts.map(" ".join), cuts)
def test_with_addresses_and_marks(text: str, cuts: list[int]) -> None:
    text += " to ann@example.org [[voice: Anna]] http://example.org/a."
    assert live(pieces_of(text, cuts), addresses=False) == live([text], addresses=False)


def test_a_mark_that_has_begun_is_not_spoken_in_a_quiet_time() -> None:
    cutter = LiveCutter(RULES, PAUSES, rules_of=rules_of)
    assert [*cutter.feed("Hello there [[voi")] == []
    assert [chunk.text for chunk in cutter.flush()] == ["Hello there"]
    assert [*cutter.feed("ce: An")] == []
    assert [*cutter.flush()] == []
    assert [*cutter.feed("na]] Yes.")] == []
    assert [(chunk.text, chunk.role.speaker) for chunk in cutter.finish()] == [("Yes.", "Anna")]


def test_what_comes_is_the_narrators_without_marks() -> None:
    coming = Coming(["Hello. [[voice: A", "nna]] You."])
    coming.begin()
    assert {chunk.role for chunk in coming.chunks(LiveCutter(RULES, PAUSES), 60.0)} == {NARRATOR}


# ---------------------------------------------------------------- blocks of code


CODE = "Look:\n```python\nx = 1\n\n~~~\n```\nDone.\n  ~~~ a `b`\ny\n~~~~ \nEnd ``` `here`.\n```x` no\n"


def test_blocks_of_code_are_left_out() -> None:
    assert without_code(CODE) == "Look:\n\nDone.\n\nEnd ``` `here`.\n```x` no\n"
    assert without_code("A.\n```\nnever closed") == "A.\n\n"
    assert [block.text for block in read_text(CODE, ReadOptions(code=False)).blocks()][:2] == [
        "Look:",
        "Done.",
    ]
    with pytest.raises(InputError, match=r"holds nothing but code .*`text.code: true`"):
        read_text("```\nx = 1\n```\n", ReadOptions(code=False))


@given(
    st.lists(st.sampled_from(["```", "~~~", "`", "~", "\n", " ", "x", "py"]), max_size=30).map("".join), cuts
)
def test_code_is_left_out_wherever_the_pieces_end(text: str, cuts: list[int]) -> None:
    fences = Fences()
    assert "".join([*map(fences.feed, pieces_of(text, cuts)), fences.finish()]) == without_code(text)
    assert live(pieces_of(text, cuts), code=False) == live([text], code=False)


def test_time_does_not_grow_with_the_square_of_the_marks() -> None:
    """With quadratic time it would not end."""
    marks = "[[voice: Anna]]" * 50_000
    assert [block.text for block in directed([Block(f"Hello. {marks}")], "text")] == ["Hello."]
