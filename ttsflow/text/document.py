"""What reading an input gives: a document, which is a run of blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["paragraph", "heading"]

_BLANK_LINES = re.compile(r"\n\s*\n|\u2029")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item, table row or heading: text that is never spoken together with another's."""

    text: str
    kind: BlockKind = "paragraph"


@dataclass(frozen=True, slots=True)
class Identity:
    """Recognises the same input again, by 16 hexadecimal digits each.

    `source` stands for the file's resolved path (None for text that came in no file), `content`
    for the decoded text.
    """

    source: str | None
    content: str


@dataclass(frozen=True, slots=True)
class Document:
    """One input. `name` is what a person calls it; `text` has "\\n" line ends and no byte order mark."""

    name: str
    identity: Identity
    text: str
    markdown: bool = False

    def blocks(self) -> Iterator[Block]:
        """The blocks in reading order. Those of plain text are cut as they are asked for."""
        if self.markdown:
            from ttsflow.text.markdown import markdown_blocks

            return markdown_blocks(self.text)
        return paragraphs(self.text)


def paragraphs(text: str) -> Iterator[Block]:
    """The stretches of plain text between blank lines."""
    start = 0
    for gap in _BLANK_LINES.finditer(text):
        yield from _paragraph(text[start : gap.start()])
        start = gap.end()
    yield from _paragraph(text[start:])


def _paragraph(text: str) -> Iterator[Block]:
    if text and not text.isspace():
        yield Block(text.strip())
