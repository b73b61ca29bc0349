"""The package of a book: what it is, and its pages in reading order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ttsflow.errors import InputError
from ttsflow.text.archive import Archive
from ttsflow.text.document import Details
from ttsflow.text.elements import words_in
from ttsflow.text.epub.files import beside

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_CONTAINER = "META-INF/container.xml"
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
_PAGE_SUFFIXES = (".xhtml", ".html", ".htm", ".xml")
_OPS_TYPE = "{http://www.idpf.org/2007/ops}type"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a table of contents: the page it leads to, and the place there, "" for its beginning."""

    title: str
    page: str
    fragment: str


@dataclass(frozen=True, slots=True)
class Package:
    """What a book says of itself. `pages` are in reading order, as names in the archive.

    `missing` are pages that it names and does not have.
    """

    details: Details
    pages: tuple[str, ...]
    missing: tuple[str, ...]
    contents: tuple[Entry, ...]


def read_package(archive: Archive) -> Package:
    """The package of the book in an archive. Raises InputError where there is none that can be used."""
    file = _package_file(archive)
    root = archive.xml(file)
    hrefs: dict[str, tuple[str, str]] = {}
    navigation: str | None = None
    cover: str | None = None
    ncx: str | None = None
    for item in root.iter("item"):
        name, properties = beside(file, item.get("href", ""))[0], item.get("properties", "").split()
        kind = item.get("media-type", "")
        hrefs[item.get("id", "")] = (name, kind)
        navigation = name if "nav" in properties else navigation
        cover = name if "cover-image" in properties else cover
        ncx = name if kind == "application/x-dtbncx+xml" else ncx
    for meta in root.iter("meta"):
        if cover is None and meta.get("name") == "cover":
            cover = hrefs.get(meta.get("content", ""), ("", ""))[0]
    spine = [
        hrefs.get(item.get("idref", ""), (item.get("idref", ""), _PAGES[0]))
        for item in root.iter("itemref")
        if item.get("linear", "yes") != "no"
    ]
    named = [name for name, kind in spine if kind in _PAGES or name.lower().endswith(_PAGE_SUFFIXES)]
    named = [name for name in dict.fromkeys(named) if name != navigation]
    pages = tuple(name for name in named if name in archive)
    if not pages:
        raise InputError(
            f"{archive.name} has no page that could be read: its list of pages (spine) names "
            f"{len(named)}, and none of them is in the file. Get the book again."
        )
    missing = tuple(name for name in named if name not in archive)
    return Package(_details(archive, root, cover), pages, missing, _contents(archive, navigation, ncx))


def _package_file(archive: Archive) -> str:
    if _CONTAINER in archive:
        for found in archive.xml(_CONTAINER).iter("rootfile"):
            name = found.get("full-path", "").lstrip("/")
            if name in archive:
                return name
    for name in archive.names:
        if name.lower().endswith(".opf"):
            return name
    raise InputError(f"{archive.name} is no EPUB: there is no list of pages (.opf) in it.")


def _details(archive: Archive, root: Element, cover: str | None) -> Details:
    def said(tag: str) -> list[str]:
        return list(filter(None, (words_in(element) for element in root.iter(tag))))

    picture = None
    if cover and cover in archive and archive.size(cover):
        try:
            picture = archive.read(cover)
        except InputError:  # the words are what counts
            picture = None
    title, languages = said("title"), said("language")
    return Details(
        title[0] if title else None,
        ", ".join(said("creator")) or None,
        languages[0] if languages else None,
        picture,
    )


def _contents(archive: Archive, navigation: str | None, ncx: str | None) -> tuple[Entry, ...]:
    """The entries of the table of contents, in its order, however they are nested."""
    for file, entries in ((navigation, _from_navigation), (ncx, _from_ncx)):
        if file and file in archive:
            try:
                found = tuple(
                    entry for entry in entries(archive.xml(file), file) if entry.title and entry.page
                )
            except InputError:  # chapters then begin with headings
                continue
            if found:
                return found
    return ()


def _from_navigation(root: Element, file: str) -> Iterator[Entry]:
    for nav in root.iter("nav"):
        if "toc" in f"{nav.get(_OPS_TYPE, '')} {nav.get('epub:type', '')} {nav.get('role', '')}":
            for link in nav.iter("a"):
                yield Entry(words_in(link), *beside(file, link.get("href", "")))
            return


def _from_ncx(root: Element, file: str) -> Iterator[Entry]:
    for point in root.iter("navpoint"):
        label, content = point.find("navlabel"), point.find("content")
        if label is not None and content is not None:
            yield Entry(words_in(label), *beside(file, content.get("src", "")))
