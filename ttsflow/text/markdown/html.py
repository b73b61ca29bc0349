"""HTML as it is read aloud: the words without the tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from ttsflow.text.addresses import name_hosts
from ttsflow.text.blocks import Block, BlockKind
from ttsflow.text.markdown.lists import BREAK, Lists, Part
from ttsflow.text.options import MarkdownOptions

# One pattern, which finds comments and tags from left to right: no nesting is too deep for it, and what
# is not closed ends with the text.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<[!?][^>]*(?:>|\Z)"
    r"|<(?P<end>/?)(?P<tag>[A-Za-z][^\s/<>]*)(?P<rest>(?:[^<>\"']++|\"[^\"]*\"|'[^']*')*+)>",
    re.DOTALL,
)
_START = re.compile(r"\bstart\s*=\s*[\"']?(\d{1,9})\b", re.IGNORECASE)
_UNSPOKEN = frozenset(("script", "style", "template", "title"))
_HEADINGS: dict[str, BlockKind] = {
    "h1": "chapter",
    "h2": "heading",
    "h3": "heading",
    "h4": "heading",
    "h5": "heading",
    "h6": "heading",
}
_LISTS = frozenset(("menu", "ol", "ul"))
_CELLS = frozenset(("td", "th"))
_BLOCKS = frozenset(
    (
        *_HEADINGS, *_LISTS, "address", "article", "aside", "blockquote", "body", "caption", "center", "dd",
        "details", "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "head",
        "header", "hr", "html", "legend", "li", "main", "nav", "option", "p", "pre", "search", "section",
        "summary", "table", "tbody", "tfoot", "thead", "tr",
    )
)  # fmt: skip
_CELL = "\N{INFORMATION SEPARATOR ONE}"
"""stands in the words where a cell of a table begins"""


class Tags:
    """What the tags of a text do, one after the other: some leave out what is between them.

    Blocks of code are left out unless `code`.
    """

    def __init__(self, *, code: bool) -> None:
        self._unspoken = _UNSPOKEN if code else _UNSPOKEN | {"pre"}
        self._until: str | None = None

    @property
    def silent(self) -> bool:
        """Whether what comes now is left out."""
        return self._until is not None

    def meet(self, markup: re.Match[str]) -> str | None:
        """The name of a tag, which is met now; None for a comment, and where the text is left out."""
        tag = (markup["tag"] or "").lower()
        if self._until is not None:
            if markup["end"] and tag == self._until:
                self._until = None
            return None
        if tag in self._unspoken and not markup["end"]:
            self._until = tag
        return tag or None


def html_parts(html: str, lists: Lists, options: MarkdownOptions) -> Iterator[Part]:
    """The blocks of a piece of HTML inside `lists`; it need not be whole. Entities are decoded.

    Each heading, paragraph, list item and table row is one. Scripts, styles, comments and the title
    are left out, and so are blocks of code unless `options` has them.
    """
    tags, outer = Tags(code=options.code), lists.depth
    words: list[str] = []
    kind: BlockKind = "paragraph"
    start = 0
    for markup in _MARKUP.finditer(html):
        if not tags.silent:
            words.append(unescape(html[start : markup.start()]))
        start = markup.end()
        tag = tags.meet(markup)
        if tag in _BLOCKS:
            yield from _block(words, kind, lists, options)
            words.clear()
            if tag in _HEADINGS:
                kind = "paragraph" if markup["end"] else _HEADINGS[tag]
            _count(markup, tag, lists, outer)
        elif tag in _CELLS and not markup["end"]:
            words.append(_CELL)
        elif tag == "br":
            words.append(BREAK)
    if not tags.silent:
        words.append(unescape(html[start:]))
    yield from _block(words, kind, lists, options)
    while lists.depth > outer:  # what was not closed
        lists.close()


def markup_in(html: str) -> re.Match[str] | None:
    """The tag or comment that a text begins with."""
    return _MARKUP.match(html)


def separation(tag: str) -> str:
    """What is between the words before a tag and those behind it; "" where it stands inside a word."""
    return BREAK if tag == "br" else "\n" if tag in _BLOCKS or tag in _CELLS else ""


def _block(words: list[str], kind: BlockKind, lists: Lists, options: MarkdownOptions) -> Iterator[Part]:
    joined = "".join(words) if options.urls else name_hosts("".join(words))
    cells = (cell.strip() for cell in joined.split(_CELL))
    text = ", ".join(cell for cell in cells if cell)
    if text:
        yield lists.part(Block(text, kind))


def _count(markup: re.Match[str], tag: str, lists: Lists, outer: int) -> None:
    """Keep count of the items of lists; those that were open before, `outer`, are not closed."""
    if tag in _LISTS and markup["end"]:
        if lists.depth > outer:
            lists.close()
    elif tag in _LISTS:
        start = _START.search(markup["rest"])
        lists.open(None if tag != "ol" else 1 if start is None else int(start[1]))
    elif tag == "li" and markup["end"]:
        lists.end_item()
    elif tag == "li":
        lists.item()
