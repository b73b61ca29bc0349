"""A book in EPUB as a document: page after page, each when it is its turn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ttsflow.errors import InputError
from ttsflow.text.archive import Archive
from ttsflow.text.blocks import Block, has_words
from ttsflow.text.document import Document, Identity, digest
from ttsflow.text.epub.files import open_book
from ttsflow.text.epub.package import Entry, Package, read_package
from ttsflow.text.options import MarkdownOptions, ReadOptions
from ttsflow.text.web import chapter_level, page_blocks, parse_page


def read_epub(data: bytes, name: str, options: ReadOptions) -> Document:
    """The document of a book with these bytes. Raises InputError.

    Its chapters are the entries of the table of contents; where there is none, they begin with headings.
    """
    archive = open_book(data, name)
    package = read_package(archive)
    blocks = partial(_blocks, archive, package, options.markdown)
    if not has_words(blocks()):
        raise InputError(f"{name} has no words on its pages: it may be a book of pictures.")
    notices = []
    if package.missing:
        shown = ", ".join(package.missing[:3]) + (" ..." if len(package.missing) > 3 else "")
        notices.append(f"{name} does not have all of its pages; missing: {len(package.missing)} ({shown})")
    chars = sum(map(archive.size, package.pages))
    return Document(name, Identity(None, digest(data)), chars, blocks, tuple(notices), package.details)


def _blocks(archive: Archive, package: Package, options: MarkdownOptions) -> Iterator[Block]:
    titles = _titles(package.contents)
    for name in package.pages:
        page = parse_page(archive.read(name))
        entries = titles.get(name, {}) if titles else None
        yield from page_blocks(page.root, options, chapter_level(page.root), entries)


def _titles(contents: tuple[Entry, ...]) -> dict[str, dict[str, str]]:
    """For each page the titles of the chapters that begin there, by the id of the place.

    A part and its first chapter may begin at one place; the chapter then has both titles.
    """
    titles: dict[str, dict[str, str]] = {}
    for entry in contents:
        places = titles.setdefault(entry.page, {})
        before = places.get(entry.fragment)
        places[entry.fragment] = entry.title if before is None else f"{before}. {entry.title}"
    return titles
