"""Measures of a text: what its lines have in common, by which each of its paragraphs is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import median_low

from ttsflow.text.plain.furniture import find_furniture, key_of
from ttsflow.text.plain.hyphens import breaks_word, words_of
from ttsflow.text.plain.lineshapes import flows, is_capitals, width
from ttsflow.text.plain.runs import Run, runs_in
from ttsflow.text.plain.titles import is_chapter, is_title

WINDOW = 1 << 18
"""characters, about a hundred pages, that one set of measures is taken of"""

_LEAST_TIMES = 3  # for a line that does not head what follows, because it comes again and again
_NARROWEST = 25  # columns of a line that an editor has broken
_LEAST_FLOWING = 0.25  # of the line ends inside runs, in a text that an editor has broken
_NEAR = 0.8  # of the fullest width


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured of a text.

    `width` is the fullest width, in columns, of lines that an editor has broken; 0 where it has broken
    none. `bare` is the share of the text in lines that could be headings, from 0 to 1. `repeated` are
    lines that look like headings but come again and again, as the names of speakers do. `gap` is the
    usual number of blank lines between two paragraphs. `words` are needed where line ends break words,
    and `furniture` has the keys of page numbers and running heads.
    """

    width: int = 0
    bare: float = 0.0
    repeated: frozenset[str] = frozenset()
    gap: int = 1
    words: frozenset[str] = frozenset()
    furniture: frozenset[str] = frozenset()


def measure(text: str, start: int = 0) -> Measures:
    """Measure the window of `text` at `start`; at the end of a long text, its last window."""
    begin = max(0, min(start, len(text) - WINDOW))
    runs = list(runs_in(text, begin, begin + WINDOW))
    broken = any(breaks_word(before, after) for run in runs for before, after in pairwise(run.lines))
    furniture = find_furniture(runs)
    return Measures(
        width=_fullest_width(runs),
        bare=_bare_share(runs),
        repeated=_repeated_titles(runs, furniture),
        gap=_usual_gap(runs),
        words=words_of(text[begin : begin + WINDOW]) if broken else frozenset(),
        furniture=furniture,
    )


def _fullest_width(runs: Sequence[Run]) -> int:
    ends, flowing = 0, []
    for run in runs:
        for before, after in pairwise(run.lines):
            ends += 1
            if flows(before, after):
                columns = width(before)
                if columns >= _NARROWEST:
                    flowing.append(columns)
    if len(flowing) < 2 or len(flowing) < _LEAST_FLOWING * ends:
        return 0
    flowing.sort()
    fullest = flowing[ceil(0.95 * len(flowing)) - 1]
    near = sum(columns >= _NEAR * fullest for columns in flowing)
    return fullest if 2 * near >= len(flowing) else 0


def _bare_share(runs: Sequence[Run]) -> float:
    bare = whole = 0
    for run in runs:
        size = sum(map(len, run.lines))
        whole += size
        if len(run.lines) == 1 and is_title(run.lines[0]) and not is_chapter(run.lines[0]):
            bare += size
    return bare / whole if whole else 0.0


def _repeated_titles(runs: Sequence[Run], furniture: Collection[str]) -> frozenset[str]:
    """Lines alone, and lines in capitals above others, that come three times or more."""
    firsts = [run.lines[0] for run in runs if len(run.lines) == 1 or is_capitals(run.lines[0])]
    titles = Counter(line.strip() for line in firsts if is_title(line))
    often = (title for title, times in titles.items() if times >= _LEAST_TIMES)
    return frozenset(title for title in often if key_of(title) not in furniture)


def _usual_gap(runs: Sequence[Run]) -> int:
    gaps = [run.gap for run in runs[:-1] if run.gap]
    return median_low(gaps) if len(gaps) > 2 else 1
