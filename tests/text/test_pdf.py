"""Documents in PDF: lines to paragraphs, columns in order, chapters, and whatever may be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from random import Random
from textwrap import wrap
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.made_pdf import LEADING, TOP, Entry, Words, column, pdf
from ttsflow.errors import InputError
from ttsflow.text import Document, ReadOptions
from ttsflow.text.readers import reader_named

PROSE = (
    "The clock of the tower had stopped on a morning in March, and nobody in the quiet street below it knew "
    "why. Some said that it was the frost, and others that the old man who used to wind it had gone away."
)
SECOND = "It struck thirteen on the evening of the same day, and then it went on as if nothing had happened."
STORY = [*wrap(PROSE, 60), "", *wrap(SECOND, 60)]


def read(data: bytes) -> Document:
    return reader_named("pdf").read(data, "story.pdf", ReadOptions())


def texts(pages: Sequence[Sequence[Words]]) -> list[str]:
    return [block.text for block in read(pdf(pages)).blocks()]


def test_lines_are_joined_to_paragraphs() -> None:
    document = read(pdf([column(STORY)], title="A  Story", author="Ann Author"))
    assert [block.text for block in document.blocks()] == [PROSE, SECOND]
    assert (document.details.title, document.details.author) == ("A Story", "Ann Author")
    assert document.notices == ()
    assert document.chars == len("".join((PROSE + SECOND).split()))
    assert list(document.blocks()) == list(document.blocks())


def test_paragraphs_that_begin_with_an_indent() -> None:
    lines = [*wrap(PROSE, 60, initial_indent="   "), *wrap(SECOND, 60, initial_indent="   ")]
    assert texts([column(lines)]) == [PROSE, SECOND]


def test_hyphens_at_line_ends_are_undone() -> None:
    lines = [
        "The clock had stopped on a morning of the month that fol-",
        "lowed, and nobody knew why it did.",
    ]
    assert texts([column(lines)]) == [
        "The clock had stopped on a morning of the month that followed, and nobody knew why it did."
    ]


def test_heads_page_numbers_and_page_ends_are_left_out() -> None:
    """More pages than are read at a time, with sentences that go on over all page ends but the last."""
    words = " ".join([PROSE, SECOND] * 220)
    lines = wrap(words, 60)
    pages = [
        [Words("A Story", 250, 760), *column(lines[at : at + 22]), Words(str(at // 22 + 1), 300, 40)]
        for at in range(0, len(lines), 22)
    ]
    assert len(words) > 1 << 16
    found = texts(pages)
    assert "".join(found).count("A Story") == 1, "the first head is the title"
    assert " ".join(found).replace("A Story ", "") == words


NARROW = wrap(f"{PROSE} {SECOND}", 34)
BESIDE = [*column(NARROW[:5]), *column(NARROW[5:], 320)]
BY_ROW = sorted(BESIDE, key=lambda words: (-words.y, words.x))


@pytest.mark.parametrize("drawn", [BESIDE, BY_ROW], ids=["by column", "by row"])
def test_columns_are_read_one_after_the_other(drawn: list[Words]) -> None:
    title = Words("What Happened to the Clock of the Tower in Spring", 150, TOP + 100, size=18)
    summary = column(
        ["A story of a clock that had stopped, and of the people in the street", "below."], 90, TOP + 50
    )
    document = read(pdf([[title, *summary, *drawn]]))
    assert [block.text for block in document.blocks()] == [
        title.text,
        "A story of a clock that had stopped, and of the people in the street below.",
        f"{PROSE} {SECOND}",
    ]
    assert document.notices == ()


def test_three_columns_drawn_by_row() -> None:
    columns = [wrap(text, 24) for text in (PROSE, SECOND + PROSE, PROSE)]
    drawn = [words for number, lines in enumerate(columns) for words in column(lines, 60 + 180 * number)]
    drawn.sort(key=lambda words: (-words.y, words.x))
    assert " ".join(texts([drawn])) == " ".join((PROSE, SECOND + PROSE, PROSE))


def test_a_table_is_read_row_by_row() -> None:
    rows = [
        words
        for number in range(6)
        for words in (
            Words(f"Item {number}", 72, TOP - LEADING * number),
            Words(f"{number + 3}.50", 320, TOP - LEADING * number),
        )
    ]
    assert [text.split() for text in texts([rows])][:2] == [["Item", "0", "3.50"], ["Item", "1", "4.50"]]


def test_a_page_without_an_order_is_read_from_the_top_down_and_told() -> None:
    lines = column([f"Line number {number} of the page." for number in range(20)])
    document = read(pdf([column(STORY), [lines[number * 7 % 20] for number in range(20)]]))
    spoken = " ".join(block.text for block in document.blocks())
    assert spoken.endswith(" ".join(line.text for line in lines))
    assert document.notices == (
        "some pages of story.pdf (2) have columns or tables whose order cannot be told; "
        "they are read from the top down",
    )


def test_chapters_are_the_entries_of_the_outline() -> None:
    def chapter(title: str, top: float = TOP) -> list[Words]:
        return [Words(title, 72, top, size=18), *column(STORY, top=top - 40)]

    pages = [[*chapter("1 Dawn?"), *chapter("2 Noon", 400)], [], chapter("Chapter 3"), chapter("Unlisted")]
    outline = [
        Entry("Dawn?", 0), Entry("Noon", 0, 430, x=300), Entry("Part", 1), Entry("Dusk", 2),
    ]  # fmt: skip
    blocks = list(read(pdf(pages, outline)).blocks())
    begun = [(block.begins, block.kind, block.text) for block in blocks if block.begins]
    assert begun == [
        ("Dawn?", "chapter", "1 Dawn?"),
        ("Noon", "chapter", "2 Noon"),
        ("Part. Dusk", "chapter", "Chapter 3"),
    ]
    assert [block.text for block in blocks if block.kind == "heading"] == ["Unlisted"]


def test_a_chapter_whose_first_words_are_its_title() -> None:
    page = [Words("1 One", 72, TOP, size=18), Words("One.", 72, TOP - 40)]
    blocks = read(pdf([page], [Entry("One", 0, TOP + 20)])).blocks()
    assert [(block.text, block.begins) for block in blocks] == [("1 One", "One"), ("One.", None)]


def test_without_an_outline_titles_begin_chapters() -> None:
    pages = [
        [Words("Chapter 1", 72, TOP + 40), *column(STORY)],
        [Words("Chapter 2", 72, TOP + 40), *column(STORY)],
    ]
    assert [block.begins for block in read(pdf(pages)).blocks() if block.begins] == ["Chapter 1", "Chapter 2"]


@pytest.mark.usefixtures("quickly")
def test_a_long_book_begins_before_its_last_page_is_read() -> None:
    chance, words = Random(1), f"{PROSE} {SECOND}".replace(".", "").split()
    text = " ".join(" ".join(chance.choices(words, k=12)).capitalize() + "." for _ in range(12_000))
    lines = wrap(text, 70)
    data = pdf([column(lines[at : at + 40]) for at in range(0, len(lines), 40)])
    begin = perf_counter()
    book = read(data)
    blocks = book.blocks()
    first = next(blocks)
    soon = perf_counter() - begin
    whole = " ".join((first.text, *(block.text for block in blocks)))
    assert whole == text
    assert soon < (perf_counter() - begin) / 3
    assert book.chars == pytest.approx(len(text.replace(" ", "")), rel=0.02)


# ---------------------------------------------------------------- what may be wrong


def locked() -> bytes:
    key = "(" + "x" * 32 + ")"
    standard = f"<< /Filter /Standard /V 1 /R 2 /O {key} /U {key} /P -4 >>"
    return pdf([column(STORY)]).replace(b"/Info 4 0 R", f"/Encrypt {standard} /ID [(a) (a)]".encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is no whole PDF.*Download or copy it again"),
        (b"<html>", "is no whole PDF"),
        (pdf([]), "is no whole PDF"),
        (pdf([[], []]), r"has no text on its pages.*OCR.*`ocrmypdf story.pdf text.pdf`"),
        (locked(), "is encrypted with a password.*`qpdf --decrypt"),
    ],
    ids=["empty", "cut", "html", "no pages", "scanned", "locked"],
)
def test_what_cannot_be_read_says_why(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"story.pdf.*{said}"):
        read(data)


def test_details_and_an_outline_that_are_damaged() -> None:
    """A title in UTF-16 that begins with the second half of a character."""
    data = pdf([column(STORY)], [Entry("HALF", 0), Entry("Whole", 0)], title="HALF", author="Ann")
    document = read(data.replace(b"(HALF)", b"<FEFFDC00>"))
    assert (document.details.title, document.details.author) == (None, "Ann")
    assert [block.begins for block in document.blocks() if block.begins] == ["Whole"]


def test_a_document_that_was_cut_is_read_as_far_as_it_goes() -> None:
    data = pdf([column(STORY)])
    assert [block.text for block in read(data[: data.index(b"startxref")]).blocks()] == [PROSE, SECOND]


@given(st.binary(max_size=200), st.integers(0, 3_000))
def test_any_bytes_make_a_document_or_a_clear_error(data: bytes, at: int) -> None:
    whole = pdf([column(STORY), column(STORY)], [Entry("One", 0), Entry("Two", 1)])
    for tried in (data, b"%PDF-1.4\n" + data, whole[:at] + data + whole[at + len(data) :]):
        with suppress(InputError):
            assert all(block.text.strip() for block in read(tried).blocks())


@given(
    st.lists(
        st.tuples(st.text("ab .-1", max_size=8), st.integers(-50, 900), st.integers(-50, 900)), max_size=12
    )
)
def test_words_anywhere_on_a_page(places: list[tuple[str, int, int]]) -> None:
    with suppress(InputError):
        assert texts([[Words(text, x, y) for text, x, y in places]])
