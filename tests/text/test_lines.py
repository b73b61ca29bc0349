"""Lines of plain text: what their ends mean, and that nothing is lost with them."""

# ruff: noqa: RUF001  # dashes that look like the common one are what these texts are about

from __future__ import annotations

import textwrap
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.lines import labelled_texts, read
from ttsflow.text import Block, ReadOptions, read_text
from ttsflow.text.options import Lines
from ttsflow.text.plain import plain_blocks

SENTENCES = (
    "The carter had told everybody that he would not go up to the castle again.",
    "Nobody believed him, and least of all the horse, which had heard it before.",
    "In the evening a light was seen in the eastern tower where the doctor kept his bees.",
    "It went from window to window and then, quite suddenly, it was gone.",
    "“Somebody is at home,” said the landlord, and he shut the door of the inn.",
    "They played cards until midnight without saying another word about the matter at all.",
)

words = st.sampled_from(
    ["a", "Lake", "nega-", "tive", "12", "-", "—", "* * *", "Chapter 3", "“Yes.”", "雨。", "1."]
)
spaces = st.sampled_from(
    [" ", "\n", "\n", "\n\n", "\n\n\n", "  ", "\n   ", "\f", "\u3000", "\u2029", "\u2028"]
)
texts = st.lists(st.tuples(spaces, st.one_of(words, st.text(max_size=8))), max_size=80).map(
    lambda parts: (
        "".join(space + word for space, word in parts).replace("\0", "").encode("utf-8", "ignore").decode()
    )
)


def found(text: str, lines: Lines = "auto", language: str = "en") -> list[Block]:
    return list(plain_blocks(text, ReadOptions(lines=lines, language=language)))


def pages(count: int, *, head: str = "", foot: str = "", end: str = "\n\n") -> str:
    """A book of which no page ends with a sentence, unless it is the last one."""
    told = " ".join(SENTENCES).split()
    lines = textwrap.wrap(" ".join(told * (4 * count)), 70)
    per_page = len(lines) // count
    parts = []
    for page in range(count):
        body = "\n".join(lines[page * per_page : (page + 1) * per_page])
        furniture = [part.format(page + 1) for part in (foot, head) if part]
        parts.append(body + end + "".join(part + end for part in furniture))
    return "".join(parts)


def test_the_labelled_texts() -> None:
    all_texts = labelled_texts()
    assert len(all_texts) >= 60
    wrong = [f"{text.name}\n" + "\n".join(text.mistakes()) for text in all_texts if text.mistakes()]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("width", [40, 60, 72, 100])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_prose_is_joined_at_every_width(width: int, end: str) -> None:
    expected = [" ".join(SENTENCES[:4]), " ".join(SENTENCES[2:]), " ".join(SENTENCES)]
    text = "\n\n".join(textwrap.fill(paragraph, width) for paragraph in expected)
    assert read(text.replace("\n", end), "en") == [Block(paragraph) for paragraph in expected]


def test_the_options_override() -> None:
    verse = "The cat is fed.\nThe lamp is lit beside the narrow bed.\n***\n- one\n- two"
    assert [block.text for block in found(verse, "wrapped")] == [
        "The cat is fed. The lamp is lit beside the narrow bed.",
        "***",
        "- one",
        "- two",
    ]
    prose = "\n".join(textwrap.wrap(" ".join(SENTENCES), 70))
    assert [block.text for block in found(prose, "each")] == prose.split("\n")
    assert {block.kind for block in found(prose, "each")} == {"line", "paragraph"}


@pytest.mark.parametrize(
    ("head", "foot", "end"),
    [
        ("", "{}", "\n\n"),
        ("", "– {} –", "\n\n"),
        ("THE CASTLE", "{}", "\n\n"),
        ("The Castle          {}", "", "\n\n"),
        ("", "Page {} of 9", "\n\n"),
        ("", "{}", "\n"),
    ],
)
def test_page_furniture_is_left_out(head: str, foot: str, end: str) -> None:
    read_without = " ".join(block.text for block in found(pages(6)))
    assert " ".join(block.text for block in found(pages(6, head=head, foot=foot, end=end))) == read_without


def test_furniture_beside_form_feeds_is_left_out() -> None:
    body = textwrap.fill(" ".join(SENTENCES), 70)
    text = "\f".join(
        f"RFC {9000 + 0}     Castles     May\n\n{body}\n\nMarten   [Page {page}]\n" for page in range(5)
    )
    assert [block.text for block in found(text)] == [" ".join(SENTENCES)] * 5


def test_what_people_say_again_and_again_is_no_furniture() -> None:
    prose = textwrap.fill(" ".join(SENTENCES), 70)
    text = "\n\n".join(f"{name}\nWhat happened?\n\n{prose}" for name in ("ANNA", "PETER") * 4)
    assert [block.text for block in found(text)].count("What happened?") == 8


def test_measures_are_taken_of_each_part_of_a_long_text() -> None:
    prose = "\n\n".join([textwrap.fill(" ".join(SENTENCES), 72)] * 600)
    narrow = "\n\n".join([textwrap.fill(" ".join(SENTENCES), 45)] * 1_200)
    assert {block.text for block in found(prose + "\n\n" + narrow)} == {" ".join(SENTENCES)}


# Nothing is lost


@given(texts)
def test_no_character_is_lost(text: str) -> None:
    for lines in ("auto", "wrapped", "each"):
        kept = iter("".join("".join(block.text for block in found(text, lines)).split()))
        lost = _missing("".join(text.split()), kept)
        assert next(kept, None) is None, "all that arrives is in the text, in the same order"
        assert set(lost) <= set("-‐\u00ad¬"), "only hyphens are undone"


def _missing(text: str, kept: Iterator[str]) -> list[str]:
    """The characters of `text` that `kept` passes over."""
    missing, expected = [], next(kept, None)
    for char in text:
        if char == expected:
            expected = next(kept, None)
        else:
            missing.append(char)
    assert expected is None, f"{expected!r} came from nowhere"
    return missing


def test_a_text_without_lines_of_text_has_no_blocks() -> None:
    assert found("\n \n\f\n\u2029") == []


# Long texts


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    "text",
    [
        "a\n" * 100_000,
        "1\n" * 100_000,
        "12\n\n" * 50_000,
        "- a\n" * 100_000,
        "nega-\ntive " * 50_000,
        "word and word, " * 60_000,
        "-" * 1_000_000,
        " " * 1_000_000 + "a",
        ("x" + " " * 999) * 1_000,
        "A\f" * 100_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_long_texts_of_strange_kinds_are_quick(text: str) -> None:
    """With quadratic time they would take hours."""
    assert sum(1 for _ in plain_blocks(text, ReadOptions())) > 0


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("between", ["\n\n", "\n"])
def test_a_long_text_is_not_held_twice(between: str) -> None:
    text = (textwrap.fill(" ".join(SENTENCES), 72) + between) * 8_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in plain_blocks(text, ReadOptions())) > 1_000
        assert tracemalloc.get_traced_memory()[1] < len(text) / 2
    finally:
        tracemalloc.stop()


def test_blocks_come_one_at_a_time() -> None:
    blocks = read_text(SENTENCES[0] + "\n\n" + "Another one.\n\n" * 1_000_000).blocks()
    assert next(iter(blocks)) == Block(SENTENCES[0])


def test_addresses_are_spoken_as_a_whole_or_by_their_hosts() -> None:
    text = (
        "See https://www.example.org/a/b?c=d, ask ann.lee@example.org, mailto:bo@example.org.\n\n@home, a@b"
    )
    assert [block.text for block in plain_blocks(text, ReadOptions())] == text.split("\n\n")
    assert [block.text for block in plain_blocks(text, ReadOptions(addresses=False))] == [
        "See example.org, ask example.org, example.org.",
        "@home, a@b",
    ]
