"""Blocks of code in plain text, between lines of three backticks or tildes as in Markdown."""

from __future__ import annotations

import re

_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}(?=[^`]*\Z)|~{3,})(?P<info>.*)", re.DOTALL)
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_BEGUN = re.compile(r" {0,3}(?:`{1,2}|`{3,}[^`\n]{0,200}|~{1,2}|~{3,}[^\n]{0,200})?\Z")


class Fences:
    """Leaves blocks of code out of a text that may come in pieces; the pieces' borders do not matter.

    A blank line stands in the place of each. What has no end is a block to the end of the text.
    """

    def __init__(self) -> None:
        self._held = ""  # the beginning of a line that may become a fence
        self._marks = ""  # of the fence that began the block around this place
        self._starts_line = True

    def feed(self, text: str) -> str:
        """What is spoken of the text, as far as that is certain now that this piece has come."""
        coming, self._held = self._held + text, ""
        spoken = []
        for line in _LINES.findall(coming):
            if self._starts_line and not line.endswith("\n") and _BEGUN.match(line):
                self._held = line
                break
            spoken.append(self._judged(line))
            self._starts_line = line.endswith("\n")
        return "".join(spoken)

    def finish(self) -> str:
        """The rest of what is spoken: the text is over."""
        held, self._held = self._held, ""
        return self._judged(held)

    def _judged(self, line: str) -> str:
        """The line, or a part of one that has begun; "" where it is code."""
        fence = _FENCE.match(line) if self._starts_line else None
        if fence is not None and not self._marks:
            self._marks = fence["marks"]
            return "\n"
        if fence is not None and fence["marks"].startswith(self._marks) and not fence["info"].strip():
            self._marks = ""
            return ""
        return "" if self._marks else line


def without_code(text: str) -> str:
    """The text without its blocks of code."""
    fences = Fences()
    return fences.feed(text) + fences.finish()
