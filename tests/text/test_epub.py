"""Books in EPUB: pages in order, chapters as the table of contents has them, and whatever may be wrong."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import pytest

from tests.text.made_books import NAV_ITEM, archive, epub, navigation, package, xhtml
from ttsflow.errors import InputError
from ttsflow.text import Document, ReadOptions
from ttsflow.text.archive import LARGEST_FILE
from ttsflow.text.readers import reader_named

PAGES = {
    "one.xhtml": "<h2>One</h2><p>First words.</p>",
    "two.xhtml": '<h2>Two</h2><p>More.</p><h2 id="mid">Three</h2><p>Last.</p>',
}


def read(data: bytes, **options: Any) -> Document:
    return reader_named("epub").read(data, "book.epub", ReadOptions(**options))


def texts(document: Document) -> list[str]:
    return [block.text for block in document.blocks()]


def chapters(document: Document) -> list[tuple[str, str]]:
    """The title of each chapter, and the block that it begins with."""
    return [(block.begins, block.text) for block in document.blocks() if block.begins]


def test_pages_in_the_order_of_the_spine_with_the_titles_of_the_contents() -> None:
    contents = (
        '<li><a href="one.xhtml">Chapter the First</a></li>'
        '<li><a href="two.xhtml">Chapter the Second</a>'
        '<ol><li><a href="two.xhtml#mid">Third</a></li></ol></li>'
    )
    book = read(epub(PAGES, contents, author="Ann &amp; Co", language="en-GB"))
    assert texts(book) == ["One", "First words.", "Two", "More.", "Three", "Last."]
    assert chapters(book) == [
        ("Chapter the First", "One"), ("Chapter the Second", "Two"), ("Third", "Three"),
    ]  # fmt: skip
    details = book.details
    assert (details.title, details.author, details.language) == ("The Book", "Ann & Co", "en-GB")
    assert book.notices == ()


def test_a_part_and_its_first_chapter_begin_at_one_place() -> None:
    contents = '<li><a href="one.xhtml">Part I</a><ol><li><a href="one.xhtml">Dawn</a></li></ol></li>'
    assert chapters(read(epub(PAGES, contents))) == [("Part I. Dawn", "One")]


def test_the_contents_of_epub_2() -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>Alpha</text>'
        '</navLabel><content src="one.xhtml"/><navPoint><navLabel><text>Beta</text></navLabel>'
        '<content src="two.xhtml#mid"/></navPoint></navPoint></navMap></ncx>'
    )
    item = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    files = {f"OEBPS/{name}": xhtml(body) for name, body in PAGES.items()}
    data = archive({**files, "OEBPS/toc.ncx": ncx, "OEBPS/content.opf": package(list(PAGES), more=item)})
    assert chapters(read(data)) == [("Alpha", "One"), ("Beta", "Three")]


@pytest.mark.parametrize("contents", [None, "", "<li>no link</li>", '<li><a href="gone.xhtml"></a></li>'])
def test_without_a_table_of_contents_chapters_begin_with_headings(contents: str | None) -> None:
    pages = {name: body.replace("h2", "h1") for name, body in PAGES.items()}
    assert [title for title, _ in chapters(read(epub(pages, contents)))] == ["One", "Two", "Three"]


def test_notes_page_numbers_and_marks_are_left_out() -> None:
    body = (
        '<p>A word<a epub:type="noteref" href="#n">1</a> on '
        '<span epub:type="pagebreak" title="7">7</span>two pages.</p>'
        '<aside epub:type="footnote" id="n"><p>The note.</p></aside>'
    )
    assert texts(read(epub({"a.xhtml": body}))) == ["A word on two pages."]


def test_a_cover_by_either_version() -> None:
    picture = b"\xff\xd8\xff\xe0 a picture"
    for meta, item in (
        ("", '<item id="c" href="c.jpg" properties="cover-image" media-type="image/jpeg"/>'),
        ('<meta name="cover" content="c"/>', '<item id="c" href="c.jpg" media-type="image/jpeg"/>'),
    ):
        opf = package(["one.xhtml"], more=item, meta=meta)
        files = {"OEBPS/one.xhtml": xhtml("<p>a</p>"), "OEBPS/c.jpg": picture, "OEBPS/content.opf": opf}
        assert read(archive(files)).details.cover == picture


def test_pages_are_read_when_it_is_their_turn() -> None:
    data = bytearray(epub({f"p{n}.xhtml": f"<p>Page {n}.</p>" for n in range(50)}))
    book = read(bytes(data))
    blocks = book.blocks()
    assert [next(blocks).text for _ in range(3)] == ["Page 0.", "Page 1.", "Page 2."]


def test_ten_thousand_chapters() -> None:
    body = "".join(f'<h2 id="c{n}">Chapter {n}</h2><p>Words.</p>' for n in range(10_000))
    contents = "".join(f'<li><a href="a.xhtml#c{n}">Chapter {n}</a></li>' for n in range(10_000))
    assert len(chapters(read(epub({"a.xhtml": body}, contents)))) == 10_000


# ---------------------------------------------------------------- what may be wrong


def test_pages_that_are_missing_are_told_and_the_others_read() -> None:
    files = {
        "OEBPS/one.xhtml": xhtml("<p>Here.</p>"),
        "OEBPS/content.opf": package(["gone.xhtml", "one.xhtml"]),
    }
    book = read(archive(files))
    assert texts(book) == ["Here."]
    assert book.notices == ("book.epub does not have all of its pages; missing: 1 (OEBPS/gone.xhtml)",)


def test_a_path_that_leaves_the_archive_leads_nowhere() -> None:
    opf = package(["../../../etc/passwd", "/etc/passwd", "one.xhtml"])
    book = read(archive({"OEBPS/one.xhtml": xhtml("<p>Here.</p>"), "OEBPS/content.opf": opf}))
    assert texts(book) == ["Here."]


def test_invalid_xhtml_is_read_as_browsers_do() -> None:
    assert texts(read(epub({"a.xhtml": "<p>One <b>bold<p>Two & three &nbsp;&bogus;<br>"}))) == [
        "One bold", "Two & three \xa0&bogus;",
    ]  # fmt: skip


def test_a_wrong_declaration_of_an_encoding() -> None:
    page = xhtml("<p>Café</p>").replace("utf-8", "utf-16").encode()
    data = archive({"OEBPS/a.xhtml": page, "OEBPS/content.opf": package(["a.xhtml"])})
    assert texts(read(data)) == ["Café"]


def encryption(algorithm: str) -> str:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData '
        f'xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="{algorithm}"/>'
        "</EncryptedData></encryption>"
    )


def test_scrambled_fonts_are_no_encryption_of_the_text() -> None:
    files = {
        "OEBPS/one.xhtml": xhtml("<p>Here.</p>"),
        "OEBPS/content.opf": package(["one.xhtml"]),
        "META-INF/encryption.xml": encryption("http://www.idpf.org/2008/embedding"),
    }
    assert texts(read(archive(files))) == ["Here."]


def bomb() -> bytes:
    return epub({"a.xhtml": " " * (LARGEST_FILE + 1)})


def damaged() -> bytes:
    data = bytearray(epub({"a.xhtml": "<p>Words.</p>" * 1_000}))
    at = data.index(b"OEBPS/a.xhtml") + 40
    data[at : at + 20] = bytes(20)
    return bytes(data)


def locked() -> bytes:
    return archive(
        {
            "OEBPS/one.xhtml": b"\x93\x1f scrambled",
            "OEBPS/content.opf": package(["one.xhtml"]),
            "META-INF/encryption.xml": encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
        }
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no whole EPUB"),
        (b"PK\x03\x04 broken", "is no whole EPUB.*Download or copy it again"),
        (epub(PAGES)[:-200], "is no whole EPUB"),
        (archive({}), "there is no list of pages"),
        (archive({"OEBPS/content.opf": "no XML"}), "is no XML"),
        (archive({"OEBPS/content.opf": package([])}), "has no page that could be read"),
        (archive({"OEBPS/content.opf": package(["gone.xhtml"])}), "names 1, and none of them is in the file"),
        (epub({"a.xhtml": "<img src='cover.jpg'/>"}), "has no words on its pages"),
        (locked(), r"is encrypted \(DRM\).*Give a copy without"),
        (bomb(), "of more than 64,000,000 bytes"),
        (damaged(), "is damaged: its file 'OEBPS/a.xhtml'"),
    ],
    ids=[
        "empty", "broken", "cut", "no package", "no xml", "empty spine", "all missing", "pictures", "drm",
        "bomb", "damaged",
    ],
)  # fmt: skip
def test_a_book_that_cannot_be_read_says_why(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"book.epub.*{said}"):
        read(data)


def test_a_password_is_encryption() -> None:
    data = bytearray(epub(PAGES))
    with zipfile.ZipFile(BytesIO(bytes(data))) as book:
        offset = book.getinfo("OEBPS/one.xhtml").header_offset
    data[offset + 6] |= 1
    at = data.index(b"PK\x01\x02")
    while at != -1:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    with pytest.raises(InputError, match="encrypted"):
        read(bytes(data))


def test_the_page_of_contents_is_not_read_aloud() -> None:
    files = {"OEBPS/one.xhtml": xhtml("<p>Here.</p>"), "OEBPS/nav.xhtml": navigation("<li>One</li>")}
    opf = package(["one.xhtml"], more=NAV_ITEM).replace("<spine >", '<spine ><itemref idref="nav"/>')
    assert texts(read(archive({**files, "OEBPS/content.opf": opf}))) == ["Here."]
