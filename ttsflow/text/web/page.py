"""A page of HTML or XHTML as a tree of elements. Nothing is fetched, and no entity is looked up anywhere."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from html.entities import html5
from typing import TYPE_CHECKING

from ttsflow.text.elements import without_namespaces, words_in

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_ENCODING = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset(("amp;", "lt;", "gt;", "quot;", "apos;"))
_HEAD_BYTES = 2048  # in which a page says what its encoding is
_USUAL = "windows-1252"  # what a page is in that is not UTF-8 and does not say, or says wrongly


@dataclass(frozen=True, slots=True)
class Page:
    """The elements of a page, what its head says of it, and the language that it is in."""

    root: Element
    title: str | None
    author: str | None
    language: str | None


def parse_page(data: bytes) -> Page:
    """The page with these bytes; whatever they are, there is one."""
    return parse_text(page_text(data))


def parse_text(text: str) -> Page:
    """The page with these characters."""
    root = _tree(text)
    title = next((words_in(found) for found in root.iter("title")), None)
    authors = (meta.get("content", "") for meta in root.iter("meta") if meta.get("name") == "author")
    language = root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang")
    return Page(root, title or None, next(authors, None) or None, language or None)


def page_text(data: bytes) -> str:
    """The characters of a page. What can be UTF-8 is, whatever the page says: that is seldom so by chance."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace").removeprefix("\ufeff")
    said = _ENCODING.search(data[:_HEAD_BYTES])
    for encoding in ("utf-8", said[1].decode("ascii") if said else _USUAL):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode(_USUAL, "replace")


def _tree(text: str) -> Element:
    """XHTML by the rules of XML where it keeps them, so that `<a/>` is whole; else as browsers read pages."""
    from lxml import etree, html

    text = _DECLARATION.sub("", text)
    xml = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        if "<html" in text[:_HEAD_BYTES] and "xmlns" in text[:_HEAD_BYTES]:
            return without_namespaces(etree.fromstring(_ENTITY.sub(_character, text), xml))
    except (etree.XMLSyntaxError, ValueError):  # ValueError: characters that XML does not have
        pass
    lenient = html.HTMLParser(
        huge_tree=True, no_network=True, remove_comments=True, remove_pis=True, encoding="utf-8"
    )
    data = text.encode("utf-8", "replace").replace(b"\0", b" ")
    try:
        return html.document_fromstring(data, parser=lenient)
    except etree.ParserError:  # there is no element in it
        return html.document_fromstring(b"<p></p>", parser=lenient)


def _character(entity: re.Match[str]) -> str:
    return entity[0] if entity[1] in _XML_ENTITIES else html5.get(entity[1], entity[0])
