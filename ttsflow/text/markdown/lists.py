"""Lists: the numbers of their items, and which items others follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from ttsflow.text.blocks import Block

BREAK = "\N{LINE SEPARATOR}"
"""stands in the words where the writer has ended a line"""


class Part(NamedTuple):
    """A block, and where it stands: `listed` is the number of the outermost list around it, 0 for none.

    `first` says whether an item begins with it.
    """

    block: Block
    listed: int = 0
    first: bool = False


class Lists:
    """The lists around a place in a text, the innermost last, and what is said before the next words."""

    def __init__(self) -> None:
        self._next: list[int | None] = []
        self._number = 0
        self._said: list[str] = []
        self._first = False

    @property
    def depth(self) -> int:
        """How many lists are open."""
        return len(self._next)

    def open(self, start: int | None) -> None:
        """A list begins: with the number of its first item, or None where its items have no numbers."""
        self._number += not self._next
        self._next.append(start)

    def item(self, written: int = 0, delimiter: str = ".") -> None:
        """An item of the innermost list begins.

        Its number is the one that is written, if that is above the one before, else the next.
        """
        self._first = True
        if self._next and (following := self._next[-1]) is not None:
            number = max(following, written)  # "1. 1. 1." is a way to write a list, "3. 10." leaves some out
            self._next[-1] = number + 1
            self.say(f"{number}{delimiter}")

    def say(self, words: str) -> None:
        """Put words before the next ones of the item."""
        self._said.append(words)

    def end_item(self) -> None:
        """An item ends. If it had nothing to say its number is not said either."""
        self._said.clear()
        self._first = False

    def close(self) -> None:
        """The innermost list ends."""
        self.end_item()
        if self._next:
            self._next.pop()

    def part(self, block: Block) -> Part:
        """The block at this place, with what is said before it."""
        said = replace(block, text=" ".join((*self._said, block.text)))
        first, listed = self._first, self._number if self._next else 0
        self.end_item()
        return Part(said, listed, first)


def lines(parts: Iterable[Part]) -> Iterator[Block]:
    """The blocks; one that another item of the same list follows is a line, and so is one before a break."""
    before: Part | None = None
    for part in parts:
        if before is not None:
            followed = part.first and 0 < part.listed == before.listed and before.block.kind == "paragraph"
            yield from _at_breaks(replace(before.block, kind="line") if followed else before.block)
        before = part
    if before is not None:
        yield from _at_breaks(before.block)


def _at_breaks(block: Block) -> Iterator[Block]:
    *before, last = filter(None, map(str.strip, block.text.split(BREAK)))
    for line in before:
        yield Block(line, "line", role=block.role)
    yield replace(block, text=last)
