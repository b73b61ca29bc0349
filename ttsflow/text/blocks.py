"""Blocks, such as paragraphs. No chunk contains text of two blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["paragraph", "heading"]

_BLANK_LINES = re.compile(r"\n\s*\n|\u2029")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item, table row or heading. No chunk contains text of two blocks."""

    text: str
    kind: BlockKind = "paragraph"


def paragraphs(text: str) -> Iterator[Block]:
    """The paragraphs of a plain text, which blank lines separate."""
    start = 0
    for gap in _BLANK_LINES.finditer(text):
        yield from _paragraph(text[start : gap.start()])
        start = gap.end()
    yield from _paragraph(text[start:])


def _paragraph(text: str) -> Iterator[Block]:
    if text and not text.isspace():
        yield Block(text.strip())
