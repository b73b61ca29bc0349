"""Labelled texts: what each line of the texts in this folder means.

A text begins with its name behind "# ", and its language in brackets. Its lines stand behind "|"; a form
feed is written "␌". Then come the blocks that are expected, each with its kind; " ... " stands for
whatever is between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from ttsflow.text import Block, ReadOptions, read_text

_HEAD = re.compile(r"# (?P<name>.*) \((?P<language>[a-z-]+)\)")


@dataclass
class LabelledText:
    """A text, and the blocks that a reader should find in it, as "kind: text"."""

    name: str
    language: str
    lines: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def blocks(self) -> list[Block]:
        """The blocks that are found."""
        return read("\n".join(self.lines), self.language)

    def mistakes(self) -> list[str]:
        """What differs from the expected blocks, for a person to read."""
        found = [f"{block.kind}: {block.text}" for block in self.blocks()]
        pairs = zip_longest(self.expected, found)
        return [f"expected {right}\n   found {what}" for right, what in pairs if not _fits(right, what)]


def read(text: str, language: str) -> list[Block]:
    """The blocks of a text."""
    return list(read_text(text, ReadOptions(language=language)).blocks())


def labelled_texts() -> list[LabelledText]:
    """All texts of this folder."""
    files = sorted(Path(__file__).parent.glob("*.txt"))
    return [text for file in files for text in _texts_in(file.read_text(encoding="utf-8").splitlines())]


def _texts_in(lines: Sequence[str]) -> Iterator[LabelledText]:
    text: LabelledText | None = None
    for line in lines:
        if head := _HEAD.fullmatch(line):
            if text is not None:
                yield text
            text = LabelledText(head["name"], head["language"])
        elif text is not None and line.startswith("|"):
            text.lines.append(line[1:].replace("␌", "\f"))
        elif text is not None and line:
            text.expected.append(line)
    if text is not None:
        yield text


def _fits(expected: str | None, found: str | None) -> bool:
    if expected is None or found is None:
        return False
    begin, gap, end = expected.partition(" ... ")
    if not gap:
        return found == expected
    return found.startswith(begin) and found.endswith(end) and len(found) > len(begin) + len(end)
