"""A book in FB2: its elements, and what it says of itself."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from ttsflow.errors import InputError
from ttsflow.text.archive import Archive
from ttsflow.text.document import Details
from ttsflow.text.elements import parse_xml, words_in

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_ARCHIVE = b"PK\x03\x04"
_LINK = "{http://www.w3.org/1999/xlink}href"
_NAMES = ("first-name", "middle-name", "last-name")


def parse_book(data: bytes, name: str) -> Element:
    """The elements of a book, whose tags have no namespaces. Raises InputError where it is none."""
    root = parse_xml(_unpacked(data, name))
    if root is None or root.tag != "fictionbook":
        what = "is no FB2: it has no element <FictionBook>" if data else "is empty"
        raise InputError(f"{name} {what}. Download or copy it again, or give another file.")
    return root


def details_of(root: Element) -> Details:
    """Title, authors, language and cover, as far as the book says them."""
    said = root.find("description/title-info")
    if said is None:
        return Details()
    authors = filter(None, map(_author, said.iterfind("author")))
    title, language = _words(said.find("book-title")), _words(said.find("lang"))
    return Details(title or None, ", ".join(authors) or None, language or None, _cover(root, said))


def _unpacked(data: bytes, name: str) -> bytes:
    """The bytes of a book, which often comes in an archive of its own."""
    if not data.startswith(_ARCHIVE):
        return data
    archive = Archive(data, name, "FB2")
    books = [file for file in archive.names if file.lower().endswith(".fb2")]
    if len(books) != 1:
        raise InputError(
            f"{name} is an archive with {len(books)} books in FB2. Unpack it, and give one of its files."
        )
    return archive.read(books[0])


def _author(author: Element) -> str:
    names = " ".join(filter(None, (_words(author.find(name)) for name in _NAMES)))
    return names or _words(author.find("nickname"))


def _cover(root: Element, said: Element) -> bytes | None:
    image = said.find("coverpage/image")
    wanted = "" if image is None else (image.get(_LINK) or image.get("href") or "").removeprefix("#")
    for binary in root.iterfind("binary"):
        if wanted and binary.get("id") == wanted:
            try:
                return base64.b64decode(binary.text or "") or None
            except (binascii.Error, ValueError):  # the words are what counts
                return None
    return None


def _words(element: Element | None) -> str:
    return "" if element is None else words_in(element)
