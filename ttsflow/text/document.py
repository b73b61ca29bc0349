"""What reading an input gives: a document, which is a run of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ttsflow.text.blocks import Block, paragraphs


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
