"""Plain text: what its line ends mean."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ttsflow.text.blocks import Block
from ttsflow.text.options import ReadOptions

_BLANK_LINES = re.compile(r"\n\s*\n|\u2029")


def plain_blocks(text: str, options: ReadOptions) -> Iterator[Block]:
    """The blocks of a plain text."""
    return paragraphs(text)


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
