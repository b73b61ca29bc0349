"""Documents of word processors in DOCX: what is read of them, and whatever may be wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.made_docx import core, docx, footnote_mark, footnotes, paragraph
from ttsflow.errors import InputError
from ttsflow.text import Document, MarkdownOptions, ReadOptions
from ttsflow.text.archive import LARGEST_FILE
from ttsflow.text.readers import reader_named

STORY = (
    paragraph("The Story", "Title")
    + paragraph("One 3", "TOC1")
    + paragraph("One", "Heading1")
    + paragraph("First &amp; foremost.")
    + paragraph("Two", "Heading1")
    + paragraph("More.")
)


def read(data: bytes, **switches: bool) -> Document:
    return reader_named("docx").read(data, "story.docx", ReadOptions(markdown=MarkdownOptions(**switches)))


def texts(data: bytes, **switches: bool) -> list[str]:
    return [block.text for block in read(data, **switches).blocks()]


def test_headings_begin_chapters_and_the_title_and_the_contents_do_not() -> None:
    document = read(docx(STORY, {"docProps/core.xml": core("The  Story", "Ann &amp; Co")}))
    blocks = list(document.blocks())
    assert [block.text for block in blocks] == ["The Story", "One", "First & foremost.", "Two", "More."]
    assert [block.begins for block in blocks if block.begins] == ["One", "Two"]
    assert (document.details.title, document.details.author) == ("The Story", "Ann & Co")
    assert list(document.blocks()) == blocks
    assert document.notices == ()


def test_a_single_heading_of_level_1_is_the_title() -> None:
    body = paragraph("Book", "Heading1") + paragraph("A", "Heading2") + "<w:p/>" + paragraph("B", "Heading2")
    assert [block.begins for block in read(docx(body)).blocks()] == [None, "A", "B"]


def test_notes_are_left_out_unless_they_are_wanted() -> None:
    data = docx(
        paragraph("A word", more=footnote_mark(1) + "<w:r><w:t> more.</w:t></w:r>") + paragraph("End."),
        {"word/footnotes.xml": footnotes("The note.")},
    )
    assert texts(data) == ["A word more.", "End."]
    assert texts(data, footnotes=True) == ["A word more.", "End.", "1. The note."]


def test_deleted_text_comments_and_pictures_are_not_read() -> None:
    body = (
        "<w:p><w:del><w:r><w:delText>gone </w:delText></w:r></w:del><w:ins><w:r><w:t>here</w:t></w:r></w:ins>"
        '<w:r><w:commentReference w:id="0"/></w:r></w:p>'
        '<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/'
        'wordprocessingDrawing"><wp:docPr descr="a cat"/></wp:inline></w:drawing></w:r></w:p>'
    )
    assert texts(docx(body)) == ["here"]


def test_tables_lines_and_details_that_are_damaged() -> None:
    cells = "".join(f"<w:tc>{paragraph(word)}</w:tc>" for word in ("a", "b"))
    body = f"<w:tbl><w:tr>{cells}</w:tr></w:tbl><w:p><w:r><w:t>c</w:t><w:br/><w:t>d</w:t></w:r></w:p>"
    data = docx(body, {"docProps/core.xml": "no XML"})
    assert texts(data) == ["a, b", "c", "d"]
    assert read(data).details.title is None


# ---------------------------------------------------------------- what may be wrong

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)


def damaged() -> bytes:
    data = bytearray(docx(paragraph("Words of all kinds.") * 1_000))
    at = data.index(b"word/document.xml", data.index(b"word/styles.xml")) + 40
    data[at : at + 20] = bytes(20)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no whole DOCX"),
        (docx(STORY)[:-200], "is no whole DOCX.*Download or copy it again"),
        (damaged(), "is damaged: its file 'word/document.xml'"),
        (docx("<w:p>"), "is no whole DOCX: mismatched tag"),
        (docx("", {"word/document.xml": "<x/>"}), "is no whole DOCX|has no words"),
        (docx("<w:p/>"), "has no words"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "is encrypted with a password"),
        (OLE, r"is an old Office document \(DOC\)"),
        (docx(STORY, {"word/big.xml": " " * (LARGEST_FILE + 1)}), "bytes of text and markup"),
        (docx("<w:p>" * 3_000 + "</w:p>" * 3_000), "is no whole DOCX|has no words"),
    ],
    ids=["empty", "cut", "damaged", "xml", "other", "blank", "locked", "old", "bomb", "deep"],
)
def test_a_document_that_cannot_be_read_says_why(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"story.docx.*{said}"):
        read(data)


def test_entities_are_not_expanded_without_end_and_no_file_is_read() -> None:
    lots = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<!DOCTYPE x [<!ENTITY a0 "boom">{lots}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    for entity in ("&a9;", "&f;"):
        body = docx("", {"word/document.xml": head + f"<x>{entity}</x>"})
        with pytest.raises(InputError, match=r"story\.docx"):
            read(body)


@given(st.binary(max_size=200), st.integers(0, 2_000))
def test_any_bytes_make_a_document_or_a_clear_error(data: bytes, at: int) -> None:
    whole = docx(STORY)
    for tried in (data, whole[:at] + data + whole[at + len(data) :]):
        with suppress(InputError):
            assert all(block.text.strip() for block in read(tried).blocks())


@given(st.text("<>/=\"w:ptbl &;!-'\n", max_size=80))
def test_any_markup_makes_a_document_or_a_clear_error(body: str) -> None:
    with suppress(InputError):
        assert all(block.text.strip() for block in read(docx(body)).blocks())
