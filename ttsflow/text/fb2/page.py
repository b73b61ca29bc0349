"""The text of a book in FB2 as a page of HTML, which is read as any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ttsflow.text.elements import words_in

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

CHAPTER_LEVEL = 1
"""the level of the headings with which chapters begin"""

_NOTES = frozenset(("notes", "comments", "footnotes"))
_TAGS = {
    "cite": "blockquote", "emphasis": "em", "empty-line": "hr", "epigraph": "blockquote", "image": "img",
    "poem": "div", "stanza": "p", "strikethrough": "s", "style": "span", "subtitle": "h3", "text-author": "p",
    "v": "span",
}  # fmt: skip
"""what elements are called in HTML that have another name in FB2"""

_ENDS = tuple(".!?…:")


def make_page(root: Element, *, notes: bool) -> Element:
    """The bodies of a book as a page; those with notes only where they are wanted.

    The titles of sections begin chapters, and the title of the book is a heading.
    """
    from lxml import etree

    page = etree.Element("body")
    for body in list(root.iterfind("body")):
        has_notes = body.get("name", "").lower() in _NOTES
        if notes or not has_notes:
            page.append(body)
            _rename(body, has_notes=has_notes)
    return page


def _rename(body: Element, *, has_notes: bool) -> None:
    from lxml import etree

    etree.strip_elements(body, "binary", "stylesheet", with_tail=False)
    for element in list(body.iter()):
        tag = element.tag
        if tag == "a" and element.get("type") == "note":
            element.tag = "img"  # which nobody hears: the mark of a note
        elif tag == "title":
            around = element.getparent()
            in_section = around is not None and around.tag == "section" and not has_notes
            _write_heading(element, "h1" if in_section else "h2")
        elif tag in _TAGS:
            element.tag = _TAGS[tag]
            if tag == "v":
                element.addnext(etree.Element("br"))
    body.tag = "div"


def _write_heading(title: Element, tag: str) -> None:
    """Make one heading of the paragraphs of a title: "Chapter 1" and "The Street" are read as one."""
    text = ""
    for line in _lines(title):
        text += line if not text else f" {line}" if text.endswith(_ENDS) else f". {line}"
    for child in list(title):
        title.remove(child)
    title.tag, title.text = tag, text


def _lines(title: Element) -> Iterator[str]:
    for paragraph in title.iterfind("p"):
        for mark in list(paragraph.iterfind(".//a[@type='note']")):
            mark.text = None
            for child in list(mark):
                mark.remove(child)
        if words := words_in(paragraph):
            yield words
