"""What page and trace have in common: how they are written, and numbers that may be missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Write = Callable[[bytes], object]
Draw = Callable[[Mapping[str, Any], Write], None]
"""Draws a report, and writes it bit by bit."""

BLOCK = 1 << 16

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)


def to_json(value: object) -> str:
    """As JSON that may stand in a page: no text in it can end the element that it stands in."""
    return _ENCODER.encode(value).replace("<", "\\u003c")


def to_plain_json(value: object) -> str:
    """As JSON that any reader takes: half of a character, which has no UTF-8, becomes U+FFFD."""
    return _ENCODER.encode(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def write_text(parts: Iterable[str], write: Write) -> None:
    """Write text in blocks. A lone surrogate becomes a backslash escape, which JSON reads."""
    block: list[str] = []
    size = 0
    for part in parts:
        block.append(part)
        size += len(part)
        if size >= BLOCK:
            write("".join(block).encode("utf-8", "backslashreplace"))
            block, size = [], 0
    write("".join(block).encode("utf-8", "backslashreplace"))


def listed(values: Iterable[object], encode: Callable[[object], str] = to_json) -> Iterator[str]:
    """A list as JSON, one value a line."""
    separator = "\n"
    yield "["
    for value in values:
        yield separator + encode(value)
        separator = ",\n"
    yield "\n]"


def number(value: object) -> float | None:
    """A number of a report; None for what is none. One that is not finite is a string there."""
    return float(value) if isinstance(value, int | float) else None
