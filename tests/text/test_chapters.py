"""The chapters of a document, and documents of some of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttsflow.errors import InputError
from ttsflow.text import CutRules, Ramp, ReadOptions, beginning, chapters_of, cut, only, read_file, read_text
from ttsflow.text.chapters import ranges_in

TEXT = "The Book\n\n\nCHAPTER I. Dawn\n\nOne two three.\n\nFour.\n\n\nCHAPTER II. Dusk\n\nFive six.\n"


def test_what_stands_before_the_first_is_number_0() -> None:
    found = chapters_of(read_text(TEXT))
    assert [(chapter.number, chapter.title, chapter.words) for chapter in found] == [
        (0, "", 2), (1, "CHAPTER I. Dawn", 7), (2, "CHAPTER II. Dusk", 5),
    ]  # fmt: skip
    assert found[2].chars == len("CHAPTERII.DuskFivesix.")


def test_a_text_without_chapters_is_one() -> None:
    assert [(chapter.number, chapter.words) for chapter in chapters_of(read_text("One. Two."))] == [(0, 2)]


def test_markdown_with_one_title_has_its_chapters_a_level_below(tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text("# The Book\n\n## Dawn\n\nOne.\n\n### deeper\n\n## Dusk\n\nTwo.\n")
    assert [chapter.title for chapter in chapters_of(read_file(book))] == ["", "Dawn", "Dusk"]
    book.write_text("# Dawn\n\nOne.\n\n## part\n\n# Dusk\n\nTwo.\n")
    assert [chapter.title for chapter in chapters_of(read_file(book))] == ["Dawn", "Dusk"]


def test_some_chapters_alone() -> None:
    document = read_text(TEXT)
    chosen = [block.text for block in only(document, "2").blocks()]
    assert chosen == ["CHAPTER II. Dusk", "Five six."]
    assert [block.text for block in only(document, "0 , 2-2").blocks()] == ["The Book", *chosen]
    assert list(only(document, "0-2").blocks()) == list(document.blocks())


@pytest.mark.parametrize(
    ("ranges", "numbers"), [("3", [3]), ("3-5,8", [3, 4, 5, 8]), (" 1 - 2 , 2", [1, 2, 2])]
)
def test_ranges(ranges: str, numbers: list[int]) -> None:
    assert [number for part in ranges_in(ranges) for number in part] == numbers


@pytest.mark.parametrize("ranges", ["", "a", "1-", "-2", "1,,2", "1.5", "1;2", "2-1", "\u0663"])
def test_what_names_no_chapters(ranges: str) -> None:
    with pytest.raises(InputError, match="names no chapters; give their numbers, such as 3-5,8"):
        ranges_in(ranges)


@pytest.mark.parametrize("ranges", ["3", "1-9", "2,3-4"])
def test_a_chapter_that_there_is_not(ranges: str) -> None:
    with pytest.raises(InputError, match="text has chapters 0 to 2, and not 3"):
        only(read_text(TEXT), ranges)


def test_a_range_of_a_billion_is_no_trouble() -> None:
    with pytest.raises(InputError):
        only(read_text(TEXT), "1-999999999")


def test_a_sample_ends_with_a_whole_block() -> None:
    assert [block.text for block in beginning(read_text(TEXT), 10).blocks()] == [
        "The Book",
        "CHAPTER I. Dawn",
    ]


def test_the_first_chunk_of_a_chapter_tells_its_title_however_short_it_is_cut() -> None:
    rules = CutRules("en", 250, 20)
    options = ReadOptions(format="markdown")
    document = read_text("# Dawn " + "and more of the dawn " * 20 + "\n\nOne.\n\n# Dusk\n\nTwo.", options)
    whole = list(cut(document.blocks(), rules))
    for chunks in (whole, list(Ramp(1.0, 1.1).shorten(whole, rules))):
        begins = [(chunk.chapter[:4], chunk.text[:4]) for chunk in chunks if chunk.chapter]
        assert begins == [("Dawn", "Dawn"), ("Dusk", "Dusk")]
