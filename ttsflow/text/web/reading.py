"""The blocks of a page in the order in which they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ttsflow.text.addresses import name_hosts
from ttsflow.text.blocks import Block, BlockKind, Role
from ttsflow.text.directions import as_it_stands
from ttsflow.text.languages import declared
from ttsflow.text.markdown.lists import Lists, Part, lines
from ttsflow.text.options import MarkdownOptions

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LISTS = frozenset(("menu", "ol", "ul"))
_CELLS = frozenset(("td", "th"))
_CODE = frozenset(("code", "kbd", "pre", "samp", "tt"))
_INLINE = frozenset(
    (
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
        "i", "ins", "kbd", "label", "mark", "q", "rb", "ruby", "s", "samp", "small", "span", "strike",
        "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    )
)  # fmt: skip
"""what stands within a line; all else is a block of its own"""

_UNSPOKEN = frozenset(
    (
        "audio", "button", "canvas", "head", "iframe", "img", "input", "map", "math", "nav", "noscript",
        "object", "rp", "rt", "script", "select", "style", "svg", "template", "textarea", "title", "video",
    )
)  # fmt: skip
_UNSPOKEN_ROLES = frozenset(("pagebreak", "noteref", "toc", "page-list", "landmarks"))
_NOTES = frozenset(("footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes", "note", "notes"))
_PAGE_NUMBERS = frozenset(("pagenum", "pageno", "page-number", "pagenumber"))
_NOTE_MARK = re.compile(r"\s*[\[(]?(?:\d{1,3}|[*†‡§]{1,3}|[↑↩])[\])]?\s*")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_CELL = "\N{INFORMATION SEPARATOR ONE}"
"""stands in the words where a cell of a table begins"""

_LANGUAGE = ("lang", "{http://www.w3.org/XML/1998/namespace}lang", "xml:lang")
_PAGE = frozenset(("html", "body"))
"""whose language is that of the book, or of the program that made its pages"""

_TYPE = "{http://www.idpf.org/2007/ops}type"


def chapter_level(root: Element) -> int:
    """The level of the headings with which chapters begin: 2 where a single one of level 1 is the title."""
    counts = [sum(1 for _ in root.iter(heading)) for heading in _HEADINGS[:2]]
    return 2 if counts[0] == 1 and counts[1] > 1 else 1


def page_blocks(
    root: Element, options: MarkdownOptions, level: int, titles: Mapping[str, str] | None = None
) -> Iterator[Block]:
    """The blocks of a page: each heading, paragraph, list item, table row and line of verse is one.

    A chapter begins with each heading of this `level`; where there are `titles`, at the elements with these
    ids instead, "" being the beginning of the page. Scripts, forms, pictures, navigation, page numbers and
    the marks of notes are left out, and what `options` has not: notes, blocks of code, all of an address but
    its host.
    """
    return lines(_Reading(options, level, titles).parts(root))


class _Reading:
    """A walk through the elements of a page: the words of the block that it is in, and what is around it."""

    def __init__(self, options: MarkdownOptions, level: int, titles: Mapping[str, str] | None) -> None:
        self._options = options
        self._level = level
        self._titles = titles
        self._lists = Lists()
        self._words: list[str] = []
        self._kind: BlockKind = "paragraph"
        self._chapter = (titles or {}).get("")
        self._verbatim = 0  # blocks of code around this place
        self._code = 0  # the same, and code within a line
        self._languages: list[str | None] = [None]  # of the blocks around this place, where they say it

    def parts(self, root: Element) -> Iterator[Part]:
        from lxml import etree

        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag if isinstance(element.tag, str) else ""
            left_out = not tag or self._is_left_out(element, tag)
            if event == "start":
                if left_out:
                    walk.skip_subtree()
                    continue
                if _parts_blocks(element, tag):
                    yield from self._block()
                    own = None if element is root or tag in _PAGE else _language_of(element)
                    self._languages.append(own or self._languages[-1])
                self._begin(element, tag)
                self._say(element.text)
            else:
                if not left_out:
                    if _parts_blocks(element, tag):
                        yield from self._block()
                        if tag == "hr":
                            yield self._lists.part(Block("***"))
                        self._languages.pop()
                    self._end(tag)
                if element is not root:
                    self._say(element.tail)
        yield from self._block()

    def _begin(self, element: Element, tag: str) -> None:
        name = element.get("id") or (element.get("name") if tag == "a" else None)
        if self._titles is not None and name is not None and name in self._titles:
            self._chapter = self._titles[name]
        if tag in _HEADINGS:
            begins = self._titles is None and int(tag[1]) == self._level
            self._kind = "chapter" if begins else "heading"
        elif tag in _LISTS:
            start = element.get("start", "")
            self._lists.open(None if tag != "ol" else int(start) if start.isdecimal() else 1)
        elif tag == "li":
            self._lists.item()
        elif tag in _CELLS:
            self._words.append(_CELL)
        elif tag == "br":
            self._words.append("\n")
        self._verbatim += tag == "pre"
        self._code += tag in _CODE

    def _end(self, tag: str) -> None:
        if tag in _HEADINGS:
            self._kind = "paragraph"
        elif tag in _LISTS:
            self._lists.close()
        elif tag == "li":
            self._lists.end_item()
        self._verbatim -= tag == "pre"
        self._code -= tag in _CODE

    def _is_left_out(self, element: Element, tag: str) -> bool:
        if tag in _UNSPOKEN or (tag == "pre" and not self._options.code):
            return True
        style = element.get("style", "").replace(" ", "").lower()
        if element.get("hidden") is not None or element.get("aria-hidden") == "true":
            return True
        if "display:none" in style or "visibility:hidden" in style:
            return True
        said = f"{element.get(_TYPE, '')} {element.get('epub:type', '')} {element.get('role', '')}"
        roles = {role.removeprefix("doc-") for role in said.split()}
        if roles & _UNSPOKEN_ROLES or (roles & _NOTES and not self._options.footnotes):
            return True
        if _PAGE_NUMBERS & set(element.get("class", "").lower().split()):
            return True
        return tag == "a" and "#" in element.get("href", "") and _is_note_mark(element)

    def _say(self, text: str | None) -> None:
        if text:
            text = as_it_stands(text) if self._code else text
            self._words.append(text if self._verbatim else _SPACE.sub(" ", text))

    def _block(self) -> Iterator[Part]:
        """What was said since the last block: several lines where there were line breaks."""
        words, kind, role = "".join(self._words), self._kind, Role(language=self._languages[-1])
        self._words.clear()
        if not self._options.urls:
            words = name_hosts(words)
        rows = [", ".join(filter(None, map(str.strip, row.split(_CELL)))) for row in words.split("\n")]
        while rows and not rows[-1]:
            rows.pop()
        for number, row in enumerate(rows, 1):
            if not row:
                continue
            block = Block(row, kind, role=role)
            if number < len(rows) and kind == "paragraph":
                block = replace(block, kind="line" if rows[number] else "paragraph")
            if self._chapter is not None:
                heading = kind != "paragraph"
                block = replace(block, chapter=self._chapter, kind="chapter" if heading else block.kind)
                self._chapter = None
            yield self._lists.part(block)


def _parts_blocks(element: Element, tag: str) -> bool:
    """Whether another block begins and ends with an element; not with the only paragraph of a cell."""
    if tag in _INLINE or tag in _CELLS or tag == "br":
        return False
    around = element.getparent()
    return tag != "p" or around is None or around.tag not in _CELLS or len(around) > 1


def _language_of(element: Element) -> str | None:
    return declared(next(filter(None, map(element.get, _LANGUAGE)), None))


def _is_note_mark(link: Element) -> bool:
    return _NOTE_MARK.fullmatch("".join(link.itertext())) is not None
