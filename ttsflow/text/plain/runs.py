"""Runs: the lines of a text that no blank line parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ttsflow.text.plain.lineshapes import ends_sentence

_LINE_END = re.compile(r"[\n\v\f\x85\u2028\u2029]")

_MOST_LINES = 2_000
_MOST_CHARS = 1 << 18
_LOOK_BACK = 200  # lines


@dataclass(frozen=True, slots=True)
class Run:
    """Lines without a blank one among them; each has its indent, and nothing behind its last word.

    `gap` is the number of blank lines behind the run. `starts_page` says that a form feed stands before
    it, `at` where its first line begins in the text.
    """

    lines: list[str]
    gap: int
    starts_page: bool = False
    at: int = 0


def runs_in(text: str, start: int = 0, end: int | None = None) -> Iterator[Run]:
    """The runs of `text[start:end]`, one at a time.

    A run is never longer than some thousand lines, because a book may have no blank line at all. What
    is longer is cut behind a sentence; such a run has the gap 0.
    """
    lines: list[str] = []
    gap = at = size = 0
    page = page_before = False
    for line, place, mark in _lines_in(text, start, len(text) if end is None else end):
        if not line:
            gap += bool(lines)
        else:
            if lines and (gap or page):
                yield Run(lines, gap, page_before, at)
                lines, size = [], 0
            if not lines:
                at, page_before = place, page
            lines.append(line)
            size += len(line)
            gap, page = 0, False
        if mark == "\f":
            page = True
        elif mark == "\u2029":
            gap += bool(lines) and not gap
        if len(lines) > _MOST_LINES or (size > _MOST_CHARS and len(lines) > 1):
            cut = _place_to_cut(lines)
            yield Run(lines[:cut], 0, page_before, at)
            lines, at, page_before = lines[cut:], place, False
            size = sum(map(len, lines))
    if lines:
        yield Run(lines, gap, page_before, at)


def _lines_in(text: str, start: int, end: int) -> Iterator[tuple[str, int, str]]:
    """Each line, where it begins, and the character that ends it."""
    for found in _LINE_END.finditer(text, start, end):
        yield text[start : found.start()].rstrip(), start, found.group()
        start = found.end()
    yield text[start:end].rstrip(), start, ""


def _place_to_cut(lines: list[str]) -> int:
    places = range(len(lines) - 1, max(0, len(lines) - _LOOK_BACK), -1)
    return next((place for place in places if ends_sentence(lines[place - 1])), len(lines) - 1)
