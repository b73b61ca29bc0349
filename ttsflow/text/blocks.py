"""Blocks, such as paragraphs. No chunk contains text of two blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["part", "line", "paragraph", "section", "heading", "chapter"]


@dataclass(frozen=True, slots=True)
class Role:
    """Who speaks, and in which language: a speaker's name, and a tag; None is as in the rest of the text."""

    speaker: str | None = None
    language: str | None = None


NARRATOR = Role()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item, table row or heading. No chunk contains text of two blocks.

    The kind says what comes behind it, and so how long the pause is. A "part" is followed by words of
    another speaker in the same paragraph. A "line" is followed by another line of the same paragraph, list
    or verse. A "section" is a paragraph behind which the text leaves more room than behind others. A
    "chapter" is the heading of a chapter. A block with nothing to say ("***") is a scene break, whatever its
    kind. `chapter` is the title of a chapter that begins with this block, where its own text is not this
    title. `role` is who speaks it. `pause_s` are the seconds of silence behind it, where the text itself
    says how many. `until_s` is the time of the whole, in seconds, until which it is silent behind the block,
    where the text says when the next one begins.
    """

    text: str
    kind: BlockKind = "paragraph"
    chapter: str | None = None
    role: Role = NARRATOR
    pause_s: float | None = None
    until_s: float | None = None

    @property
    def begins(self) -> str | None:
        """The title of the chapter that begins with this block; None where none does."""
        title = self.chapter or (self.text if self.kind == "chapter" else "")
        return " ".join(title.split()) or None


def has_words(blocks: Iterable[Block]) -> bool:
    """Whether any of these blocks has a letter or a digit of any script; looks no further than the first."""
    return any(any(map(str.isalnum, block.text)) for block in blocks)
