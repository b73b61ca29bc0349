"""Text of anybody's, as one line that any terminal can show."""

from __future__ import annotations


def printable(text: str) -> str:
    """One line, without control characters and lone surrogates."""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def excerpt(text: str, chars: int = 60) -> str:
    """The first words of a text, as `printable` has it: `chars` characters at most."""
    line = printable(text)
    return line if len(line) <= chars else line[: chars - 3] + "..."
