"""Books that are made for tests: EPUB files, whole or with something wrong."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO

CONTAINER = """<?xml version="1.0"?>
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>
<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""


def xhtml(body: str, head: str = "<title>Page</title>") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head>{head}</head><body>{body}</body></html>'
    )


def package(
    pages: Sequence[str],
    *,
    title: str = "The Book",
    author: str = "Ann Author",
    language: str = "en",
    more: str = "",
    meta: str = "",
    spine: str = "",
) -> str:
    """A package whose spine has these pages, and `more` items in its manifest."""
    items = "".join(
        f'<item id="p{number}" href="{page}" media-type="application/xhtml+xml"/>'
        for number, page in enumerate(pages)
    )
    refs = "".join(f'<itemref idref="p{number}"/>' for number in range(len(pages)))
    return (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator>"
        f"<dc:language>{language}</dc:language>{meta}</metadata>"
        f"<manifest>{items}{more}</manifest><spine {spine}>{refs}</spine></package>"
    )


def navigation(entries: str) -> str:
    return xhtml(f'<nav epub:type="toc"><h1>Contents</h1><ol>{entries}</ol></nav>')


NAV_ITEM = '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """An archive with these files, and what makes it an EPUB."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, content in {"META-INF/container.xml": CONTAINER, **files}.items():
            book.writestr(name, content)
    return file.getvalue()


def epub(pages: Mapping[str, str], contents: str | None = None, **more: str) -> bytes:
    """A book with these bodies of pages, and a table of contents with these entries."""
    files: dict[str, str | bytes] = {f"OEBPS/{name}": xhtml(body) for name, body in pages.items()}
    if contents is not None:
        files["OEBPS/nav.xhtml"] = navigation(contents)
        more["more"] = NAV_ITEM + more.get("more", "")
    files["OEBPS/content.opf"] = package(list(pages), **more)  # type: ignore[arg-type]
    return archive(files)
