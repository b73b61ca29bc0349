"""Wrapping: whether an editor has broken the lines of a paragraph, or each stands for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ttsflow.text.plain.hyphens import breaks_word, ends_in_hyphen
from ttsflow.text.plain.lineshapes import (
    ends_openly,
    ends_sentence,
    first_word,
    flows,
    indent,
    start_case,
    width,
)
from ttsflow.text.plain.measures import Measures
from ttsflow.text.plain.titles import is_title

_MARKS = ",;.!?。，、"  # noqa: RUF001  # marks of Chinese and Japanese, too
_LONG_RUN = 6  # lines
LEAST_STRETCH = 3
"""lines that are needed to see whether a part of a long run is wrapped"""

_NARROW = 25  # columns: a line of verse or an item of a list, and seldom a line of prose
_SHORT = 45  # columns, which a line of verse seldom exceeds
_TURNED = 35  # columns: the least width at which the end of a line is turned over
_NEARLY = 0.9  # of the text's width, for those who break their lines by hand
_RAGGED = 0.6  # of the lines of ragged prose have this part of the text's width
_PART_OF_LINE = 0.6  # of the width: shorter lines are no part of what follows them
_PART_OF_SENTENCE = 0.8  # of the width: the same for lines that end a sentence


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What several lines show. `ends` are the line ends that may be inside a paragraph; shares are of them.

    `flowing` is the share over which a sentence goes on, `broken` the share that breaks a word, `open` the
    share behind a word without a mark. `own` is the fullest width of the lines, `mean` the mean width
    without the last line. `closed` says that the last line ends a sentence.
    """

    lines: Sequence[str]
    ends: Sequence[tuple[str, str]]
    own: int
    mean: float
    flowing: float
    broken: float
    open: float
    closed: bool

    def full(self, columns: int) -> float:
        """The share of line ends where the next word would not have fitted into so many columns."""
        return sum(is_full(before, after, columns) for before, after in self.ends) / len(self.ends)


def is_wrapped(lines: Sequence[str], measures: Measures) -> bool:
    """Whether an editor has broken these lines of prose, two or more: the rule of `lines`."""
    seen = _evidence(lines)
    if seen.broken >= 1 / 3:
        return True
    if seen.mean < _NARROW:
        return _is_narrow_prose(seen, measures)
    if _is_like_verse(seen):
        return False
    return _fills_text(seen, measures) or _fills_itself(seen) or _is_ragged(seen, measures)


def _evidence(lines: Sequence[str]) -> _Evidence:
    widths = [width(line) for line in lines]
    ends = _inner_ends(lines)
    count = len(ends)
    return _Evidence(
        lines=lines,
        ends=ends,
        own=max(widths),
        mean=sum(widths[:-1]) / (len(lines) - 1),
        flowing=sum(flows(before, after) for before, after in ends) / count,
        broken=sum(breaks_word(before, after) for before, after in ends) / count,
        open=sum(ends_openly(before) for before, _ in ends) / count,
        closed=ends_sentence(lines[-1]),
    )


def _is_narrow_prose(seen: _Evidence, measures: Measures) -> bool:
    """A sentence over two or three short lines, or a narrow column."""
    if len(seen.ends) < 3:
        return seen.flowing == 1 and seen.closed and seen.mean >= measures.width / 2
    return seen.flowing >= 0.6 and seen.closed and seen.full(seen.own) >= 0.9


def _is_like_verse(seen: _Evidence) -> bool:
    """Short lines without any mark, as items have, or with a mark at most ends, as verses have."""
    if seen.own >= _SHORT:
        return False
    unmarked = not seen.closed and not any(mark in line for line in seen.lines for mark in _MARKS)
    return unmarked or (len(seen.ends) > 2 and seen.open < 0.4)


def _fills_text(seen: _Evidence, measures: Measures) -> bool:
    """Lines that reach the fullest width of the text; it is known where an editor has broken its lines."""
    if not measures.width or seen.full(round(_NEARLY * measures.width)) < 0.7:
        return False
    return seen.flowing >= 0.25 or (len(seen.ends) <= 3 and _may_be_prose(seen, measures.width))


def _may_be_prose(seen: _Evidence, columns: int) -> bool:
    """Whether a few full lines, over whose ends no sentence goes on, have more of prose than of verse.

    The last line is short, as that of a stanza is not; or the others end in words, or are quite full.
    """
    if columns < _SHORT:
        return False
    short = width(seen.lines[-1]) < _PART_OF_SENTENCE * columns
    return short or seen.open == 1 or seen.full(columns - 2) == 1


def _fills_itself(seen: _Evidence) -> bool:
    """Lines that reach their own fullest width."""
    if seen.full(seen.own) >= 0.75 and seen.flowing >= (0.25 if seen.mean > _SHORT else 0.4):
        return True
    # Words that are upper case for their own sake: names, and nouns in German.
    return seen.mean > _SHORT and seen.closed and seen.open == 1 and seen.full(round(_NEARLY * seen.own)) == 1


def _is_ragged(seen: _Evidence, measures: Measures) -> bool:
    """Lines broken by hand, or at more than one width: the sentences go on over most of their ends."""
    count = len(seen.ends)
    if seen.flowing >= 0.6 and count >= LEAST_STRETCH and seen.mean >= max(_TURNED, measures.width / 2):
        return True
    if seen.flowing < 0.5 or seen.own < _SHORT:
        return False
    least = _RAGGED * max(seen.own, measures.width)
    return sum(width(line) >= least for line in seen.lines[:-1]) >= _RAGGED * (len(seen.lines) - 1)


def paragraph_starts(lines: Sequence[str], measures: Measures) -> list[int]:
    """Where paragraphs begin in wrapped lines: at an indented line or a title, and behind a short line."""
    indented = set(indented_starts(lines))
    own = max(map(width, lines))
    fullest = measures.width if own > _RAGGED * measures.width and measures.width else own
    starts = [0]
    for number, (before, after) in enumerate(pairwise(lines), 1):
        if _goes_on(before, after):
            continue
        columns = width(before) + width(first_word(after))
        short = columns < (_PART_OF_SENTENCE if ends_sentence(before) else _PART_OF_LINE) * fullest
        titled = ends_sentence(before) and width(after) < _PART_OF_LINE * fullest and is_title(after)
        if number in indented or short or titled:
            starts.append(number)
    return starts


def indented_starts(lines: Sequence[str]) -> list[int]:
    """Where paragraphs begin whose first line is indented, behind the end of a sentence."""
    base = min(map(indent, lines))
    ends = enumerate(pairwise(lines), 1)
    return [0] + [
        number
        for number, (before, after) in ends
        if indent(after) > base and ends_sentence(before) and not _goes_on(before, after)
    ]


def _goes_on(before: str, after: str) -> bool:
    return flows(before, after) or ends_in_hyphen(before) or start_case(after) == "lower"


def stretch_starts(lines: Sequence[str]) -> list[int]:
    """Where the stretches of a long run begin, of which each is judged by itself.

    A text that was taken out of another program has often no blank lines, so that prose, lists and
    headings follow each other in one run. A stretch goes on where a sentence does, or from one line to
    the next if that has about the same width. Short runs are one stretch.
    """
    if len(lines) < _LONG_RUN:
        return [0]
    starts = [0]
    for number, (before, after) in enumerate(pairwise(lines), 1):
        alike = width(before) >= max(_SHORT, _PART_OF_SENTENCE * width(after))
        if not (alike or flows(before, after) or breaks_word(before, after)):
            starts.append(number)
    return starts


def line_starts(lines: Sequence[str]) -> list[int]:
    """Where the lines begin that stand for themselves. The end of a long one may be turned over."""
    own = max(map(width, lines))
    starts = [0]
    for number, (before, after) in enumerate(pairwise(lines), 1):
        turned = own >= _TURNED and flows(before, after) and is_full(before, after, own)
        if not (turned and width(after) < own / 2):
            starts.append(number)
    return starts


def continues(before: str, after: str, item: str, fullest: int) -> bool:
    """Whether a line of a list goes on with the item whose first line is `item`."""
    if flows(before, after) or breaks_word(before, after):
        return True
    if fullest >= _SHORT and is_full(before, after, round(_NEARLY * fullest)):
        return True
    if fullest >= _TURNED and ends_openly(before) and is_full(before, after, fullest):
        return True
    verse = start_case(after) == "upper" and not ends_openly(before)
    return indent(after) > indent(item) and not verse


def is_full(before: str, after: str, columns: int) -> bool:
    """Whether the first word of a line would not have fitted on the line before it."""
    return width(before) + 1 + width(first_word(after)) > columns


def _inner_ends(lines: Sequence[str]) -> list[tuple[str, str]]:
    """The line ends that may be inside a paragraph; all of them where that leaves none.

    A paragraph may end where a sentence does, if the next line is indented or there was room for more.
    """
    base = min(map(indent, lines))
    short = _PART_OF_SENTENCE * max(map(width, lines))
    ends = list(pairwise(lines))
    inside = [
        (before, after)
        for before, after in ends
        if not ends_sentence(before)
        or start_case(after) == "lower"
        or (indent(after) == base and width(before) >= short)
    ]
    return inside or ends
