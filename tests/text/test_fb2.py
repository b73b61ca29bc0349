"""Books in FB2: what is read of them, their chapters, and whatever may be wrong."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.made_fb2 import fb2
from ttsflow.errors import InputError
from ttsflow.text import Document, MarkdownOptions, ReadOptions
from ttsflow.text.readers import reader_named

STORY = (
    "<title><p>The Street</p></title>"
    "<section><title><p>Chapter 1</p><p>Dawn</p></title><p>First <emphasis>words</emphasis>.</p>"
    "<subtitle>Later</subtitle><p>More.</p></section>"
    "<section><title><p>Who?</p><p>Dusk</p></title><p>Last.</p></section>"
)


def read(data: bytes, **switches: bool) -> Document:
    return reader_named("fb2").read(data, "book.fb2", ReadOptions(markdown=MarkdownOptions(**switches)))


def texts(data: bytes, **switches: bool) -> list[str]:
    return [block.text for block in read(data, **switches).blocks()]


def zipped(**books: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in books.items():
            archive.writestr(f"{name}.fb2", data)
    return file.getvalue()


def test_sections_are_chapters_and_the_description_is_not_read() -> None:
    book = read(fb2(STORY, cover=b"\xff\xd8\xff a picture"))
    blocks = list(book.blocks())
    assert [(block.kind, block.text) for block in blocks] == [
        ("heading", "The Street"), ("chapter", "Chapter 1. Dawn"), ("paragraph", "First words."),
        ("heading", "Later"), ("paragraph", "More."), ("chapter", "Who? Dusk"), ("paragraph", "Last."),
    ]  # fmt: skip
    details = book.details
    assert (details.title, details.author, details.language) == ("The Street", "Ann Author, Nick", "en")
    assert details.cover == b"\xff\xd8\xff a picture"
    assert list(book.blocks()) == blocks


@pytest.mark.parametrize(
    ("body", "spoken"),
    [
        ("<poem><stanza><v>a</v><v>b</v></stanza><stanza><v>c</v></stanza></poem>",
         [("line", "a"), ("paragraph", "b"), ("paragraph", "c")]),
        ("<p>a</p><empty-line/><p>b</p>", [("paragraph", "a"), ("paragraph", "***"), ("paragraph", "b")]),
        ("<epigraph><p>a</p><text-author>Ann</text-author></epigraph>b",
         [("paragraph", "a"), ("paragraph", "Ann"), ("paragraph", "b")]),
        ('<p>a <style name="x">b</style> <strikethrough>c</strikethrough><image l:href="#i"/></p>',
         [("paragraph", "a b c")]),
        ("<table><tr><td>a</td><td>b</td></tr></table>", [("paragraph", "a, b")]),
    ],
)  # fmt: skip
def test_what_is_read(body: str, spoken: list[tuple[str, str]]) -> None:
    assert [(block.kind, block.text) for block in read(fb2(body)).blocks()] == spoken


def test_notes_are_left_out_unless_they_are_wanted() -> None:
    mark = '<a l:href="#n1" type="note">note 1</a>'
    notes = (
        '<body name="notes"><title><p>Notes</p></title><section id="n1"><title><p>1</p></title>'
        "<p>The note.</p></section></body>"
    )
    data = fb2(f"<section><title><p>One{mark}</p></title><p>A word{mark} more.</p></section>", notes)
    assert texts(data) == ["One", "A word more."]
    assert texts(data, footnotes=True) == ["One", "A word more.", "Notes", "1", "The note."]
    assert [block.begins for block in read(data, footnotes=True).blocks() if block.begins] == ["One"]


def test_old_encodings_and_archives() -> None:
    data = fb2("<p>\u0414\u043e\u043c</p>", encoding="windows-1251")
    assert texts(data) == texts(zipped(book=data)) == ["\u0414\u043e\u043c"]


def test_what_is_broken_is_read_as_far_as_it_goes() -> None:
    assert texts(fb2("<section><p>One &nbsp;&bogus; <p>two</section><p>three</p>")) == ["One", "two", "three"]
    assert texts(fb2("<section><a:1>a</a:1><b:p>b</b:p></section>")) == ["a", "b"]
    cut = fb2(STORY)
    assert texts(cut[: cut.index(b"More.")]) == ["The Street", "Chapter 1. Dawn", "First words.", "Later"]
    assert read(fb2("<p>a</p>").replace(b'cover.jpg" content', b'other" content')).details.cover is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"no XML", "is no FB2"),
        (b"<html><body>a</body></html>", "is no FB2: it has no element <FictionBook>"),
        (fb2("<image/>"), "has no words: it may be a book of pictures"),
        (b"PK\x03\x04 broken", "is no whole FB2"),
        (zipped(), "is no FB2"),
        (zipped(one=fb2(STORY), two=fb2(STORY)), "is an archive with 2 books in FB2"),
    ],
)
def test_a_book_that_cannot_be_read_says_why(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"book.fb2.*{said}"):
        read(data)


def test_entities_are_not_expanded_without_end_and_no_file_is_read() -> None:
    lots = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<!DOCTYPE x [<!ENTITY a0 "boom">{lots}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    data = fb2("<p>a &a9; &f; b</p>").replace(b"?>", b"?>" + head.encode(), 1)
    with suppress(InputError):
        assert not any("boom" in text or "root" in text for text in texts(data))


@given(st.binary(max_size=200), st.integers(0, 1_500))
def test_any_bytes_make_a_document_or_a_clear_error(data: bytes, at: int) -> None:
    whole = fb2(STORY)
    for tried in (data, whole[:at] + data + whole[at + len(data) :]):
        with suppress(InputError):
            assert all(block.text.strip() for block in read(tried).blocks())


@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<title>", "</title>", "<section>", "<v>", "</v>", "a", "<a "]))
)
def test_any_markup_makes_a_document_or_a_clear_error(parts: list[str]) -> None:
    with suppress(InputError):
        assert all(block.text.strip() for block in read(fb2("".join(parts))).blocks())
