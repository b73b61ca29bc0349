"""The order in which the rows of a page are read.

Most documents draw a page in the order in which it is read, column after column. Some draw it line by line,
over all columns. These have a gutter: a place that the wide gaps of most rows with gaps have in common, with
prose on both sides. A page that does neither is read from the top down, and its order is said to be doubtful.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from ttsflow.text.pdf.pages import Part, Row

_LEAST_ROWS = 4  # with a gap at the gutter
_MOST_OF = 0.7  # of the rows with gaps
_PROSE = 20  # characters that a row has on average on each side of a gutter; a table has fewer
_MOST_JUMPS = 6  # upwards on one page, from the foot of a column to the head of the next, or to a note


Column = Sequence[Part]
"""Lines one below the other."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a page in reading order. `doubtful` says that their order is not known."""

    columns: Sequence[Column]
    doubtful: bool = False


def lay_out(rows: Sequence[Row]) -> Layout:
    """The layout of a page with these rows, in the order in which they are drawn."""
    gutter = _gutter(rows)
    if gutter is not None:
        return Layout(list(_beside(rows, gutter)))
    lines = [_joined(row) for row in rows]
    columns = list(_falling(lines))
    if len(columns) <= _MOST_JUMPS:
        return Layout(columns)
    return Layout([sorted(lines, key=lambda line: (-round(line.top), line.left))], doubtful=True)


def _gutter(rows: Sequence[Row]) -> float | None:
    """The place of the gutter between the first two columns that are drawn line by line; None for none."""
    gaps = [(before.right, after.left) for row in rows if len(row) > 1 for before, after in pairwise(row)]
    split = sum(len(row) > 1 for row in rows)
    best, most = None, 0
    for start, end in gaps:
        middle = (start + end) / 2
        count = sum(left < middle < right for left, right in gaps)
        if count > most or (count == most and best is not None and middle < best):
            best, most = middle, count
    if best is None or most < max(_LEAST_ROWS, _MOST_OF * split):
        return None
    sides = [_sides(row, best) for row in rows if len(row) > 1]
    lengths = [
        (sum(len(part.text) for part in left), sum(len(part.text) for part in right))
        for left, right in filter(None, sides)
        if left and right
    ]
    prose = lengths and all(mean(side) >= _PROSE for side in zip(*lengths, strict=True))
    return best if prose else None


def _sides(row: Row, gutter: float) -> tuple[list[Part], list[Part]] | None:
    """What of a row stands left and right of a gutter; None where a part of it crosses the gutter."""
    if any(part.left < gutter < part.right for part in row):
        return None
    left = [part for part in row if part.right <= gutter]
    return left, [part for part in row if part.left >= gutter]


def _beside(rows: Sequence[Row], gutter: float) -> Iterator[Column]:
    """The columns on both sides of a gutter; what crosses it parts those above from those below."""
    left: list[Row] = []
    right: list[Row] = []
    across: list[Part] = []

    def columns() -> Iterator[Column]:
        for side in (left, right):
            if side:
                yield from lay_out(side).columns
            side.clear()

    for row in rows:
        sides = _sides(row, gutter)
        if sides is None:
            yield from columns()
            across.append(_joined(row))
            continue
        if across:
            yield across
            across = []
        for side, parts in zip((left, right), sides, strict=True):
            if parts:
                side.append(parts)
    yield from columns()
    if across:
        yield across


def _falling(lines: Sequence[Part]) -> Iterator[Column]:
    """The columns of lines that are drawn column after column: each begins where a line stands higher."""
    column: list[Part] = []
    for line in lines:
        if column and line.bottom > column[-1].top:
            yield column
            column = []
        column.append(line)
    if column:
        yield column


def _joined(row: Row) -> Part:
    """The parts of a row as one, with as much room between them as tells a table from prose."""
    return Part(
        "   ".join(part.text for part in row),
        row[0].left,
        min(part.bottom for part in row),
        max(part.right for part in row),
        max(part.top for part in row),
    )
