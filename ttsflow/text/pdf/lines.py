"""A page as plain text: with the indents and the blank lines that its lines have on paper."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ttsflow.text.pdf.columns import Column
from ttsflow.text.pdf.pages import Entry, Part

_APART = 1.3  # of the usual distance between two lines; more is a blank line
_OTHER_SIZE = 1.2  # of the height of the line before: a heading, or what stands below it
_SAME_LINE = 0.5  # of the height of a line
_WIDEST_INDENT = 40  # columns
_LEAST_NAME = 4  # letters and digits that a line and a title have in common, and a page number has not


def write_page(columns: Sequence[Column], entries: Sequence[Entry]) -> tuple[str, dict[int, str]]:
    """The text of a page, and the titles of the chapters that begin on it by the places in this text.

    A blank line stands before each of these places.
    """
    lines = [line for column in columns for line in column]
    edges = [_left_edge(column) for column in columns for _ in column]
    titles = _titles(lines, entries)
    distance, char = _usual_distance(columns), _usual_char(lines)
    text, places = "", {}
    before: Part | None = None
    for number, (line, edge) in enumerate(zip(lines, edges, strict=True)):
        if before is not None and _is_beside(before, line):
            text += " " + line.text
        else:
            if before is not None:
                text += "\n\n" if number in titles or _is_apart(before, line, distance) else "\n"
            if number in titles:
                places[len(text)] = titles[number]
            text += " " * min(_WIDEST_INDENT, round((line.left - edge) / char)) + line.text
        before = line
    return text, places


def _titles(lines: Sequence[Part], entries: Sequence[Entry]) -> dict[int, str]:
    """The titles of the entries by the numbers of the lines that they lead to.

    A part and its first chapter may begin at one line; the chapter then has both titles.
    """
    titles: dict[int, str] = {}
    for entry in entries:
        number = _line_of(entry, lines)
        titles[number] = f"{titles[number]}. {entry.title}" if number in titles else entry.title
    return titles


def _line_of(entry: Entry, lines: Sequence[Part]) -> int:
    """The line that an entry leads to: the nearest with its title, or else the next below its place."""
    height = entry.height if entry.height is not None else max((line.top for line in lines), default=0)
    title = _bare(entry.title)
    named = [
        number
        for number, line in enumerate(lines)
        if (bare := _bare(line.text)) == title
        or (len(bare) >= _LEAST_NAME and title.startswith(bare))
        or (len(title) >= _LEAST_NAME and bare.endswith(title))
    ]
    if named:
        return min(named, key=lambda number: abs(lines[number].top - height))
    below = (number for number, line in enumerate(lines) if (line.top + line.bottom) / 2 <= height)
    return next(below, 0)


def _bare(text: str) -> str:
    """The letters and digits of a title, but for the number in front, which only one of two may have."""
    bare = "".join(filter(str.isalnum, text)).casefold()
    return bare.lstrip("0123456789") or bare


def _usual_distance(columns: Sequence[Column]) -> float:
    falls = [
        before.bottom - after.bottom
        for column in columns
        for before, after in pairwise(column)
        if not _is_beside(before, after) and before.bottom > after.bottom
    ]
    heights = [line.height for column in columns for line in column]
    # Among few lines, one that stands apart would make its distance the usual one.
    return min([*([median(falls)] if falls else []), 2 * median(heights)]) if heights else 1.0


def _usual_char(lines: Sequence[Part]) -> float:
    widths = [(line.right - line.left) / len(line.text) for line in lines]
    return max(1.0, median(widths)) if widths else 1.0


def _left_edge(lines: Sequence[Part]) -> float:
    """Where most lines of a column begin, but for one in ten that may hang out of it."""
    edges = sorted(line.left for line in lines)
    return edges[len(edges) // 10]


def _is_beside(before: Part, line: Part) -> bool:
    """Whether a line goes on at the same height, as behind a raised number."""
    near = abs(before.bottom - line.bottom) < _SAME_LINE * max(before.height, line.height)
    return near and line.left >= before.right - 1


def _is_apart(before: Part, line: Part, distance: float) -> bool:
    """Whether a line stands apart from the one before; at the head of a column a sentence may go on."""
    if before.bottom - line.bottom > _APART * distance:
        return True
    sizes = sorted((before.height, line.height))
    return sizes[1] > _OTHER_SIZE * sizes[0]
