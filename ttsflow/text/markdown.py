"""Markdown as it is read aloud: the words without the markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.utils import EnvType

from ttsflow.text.blocks import Block
from ttsflow.text.lines import paragraphs
from ttsflow.text.options import MarkdownOptions

# Front matter of site generators: YAML at the very top, between two lines of dashes. It begins with a
# key and has no blank line. It is data about the text and not a part of the text.
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?=\w[\w -]*:)(?:[^\n]*\S[^\n]*\n)+?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_UNSPOKEN = ("script", "style")


def markdown_blocks(text: str, options: MarkdownOptions) -> Iterator[Block]:
    """The blocks of a CommonMark text with tables.

    Each heading, paragraph, list item, quotation and table row is a block. Of a link the text is
    spoken, of an image the description. Code is spoken as it is written, and its blank lines separate
    paragraphs. HTML tags, comments and front matter are left out. A thematic break becomes the block
    "***", which has nothing to say and is a pause.
    """
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    # Inline markup is parsed block by block, so that memory holds the tokens of one block, not of a book.
    parser.disable("inline")
    env: EnvType = {}
    heading = False
    row: list[str] | None = None
    for token in parser.parse(_FRONT_MATTER.sub("", text, count=1), env):
        match token.type:
            case "heading_open":
                heading = True
            case "heading_close":
                heading = False
            case "tr_open":
                row = []
            case "tr_close":
                yield from _spoken(", ".join(cell for cell in row or () if cell))
                row = None
            case "inline":
                inline: list[Token] = []
                parser.inline.parse(token.content, parser, env, inline)
                words = _words(inline)
                if row is None:
                    yield from _spoken(words, heading)
                else:
                    row.append(words.strip())
            case "fence" | "code_block":
                yield from paragraphs(token.content)
            case "html_block":
                yield from paragraphs(_without_tags(token.content))
            case "hr":
                yield Block("***")


def _spoken(words: str, heading: bool = False) -> Iterator[Block]:
    if words.strip():
        yield Block(words.strip(), "heading" if heading else "paragraph")


def _words(tokens: Sequence[Token]) -> str:
    return "".join(_word(token) for token in tokens)


def _word(token: Token) -> str:
    match token.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "image":
            return _words(token.children or ())
        case "html_inline":
            return "\n" if token.content.lower().startswith("<br") else ""
        case _:
            return token.content


class _TextOnly(HTMLParser):
    """Keeps the text between the tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._unspoken = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._unspoken += tag in _UNSPOKEN

    def handle_endtag(self, tag: str) -> None:
        self._unspoken -= tag in _UNSPOKEN and self._unspoken > 0

    def handle_data(self, data: str) -> None:
        if not self._unspoken:
            self.words.append(data)


def _without_tags(html: str) -> str:
    parser = _TextOnly()
    parser.feed(html)
    parser.close()
    return "".join(parser.words)
