"""A text that is worded anew, step by step, and still knows where its words stand in what was written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """Other words in the place of text[start:end]."""

    start: int
    end: int
    words: str


class Wording:
    """`text` is how a written text is worded after all changes so far."""

    def __init__(self, written: str) -> None:
        self.text = written
        self._steps: list[tuple[list[int], list[tuple[int, int]]]] = []

    def change(self, edits: Iterable[Edit]) -> None:
        """Make these edits of the text, which are in its order and do not overlap."""
        parts, begins, ends = list[str](), list[int](), list[tuple[int, int]]()
        done = length = 0
        for start, end, words in edits:
            parts += self.text[done:start], words
            length += start - done
            begins.append(length)
            length += len(words)
            ends.append((length, end))
            done = end
        if begins:
            self.text = "".join((*parts, self.text[done:]))
            self._steps.append((begins, ends))

    def written_at(self, index: int) -> int:
        """The place in the written text of what is at `index` now; in new words, the end of the old."""
        for begins, ends in reversed(self._steps):
            number = bisect_left(begins, index)
            if number:
                end, was = ends[number - 1]
                index = was + max(0, index - end)
        return index
