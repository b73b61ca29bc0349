"""Page furniture: page numbers and running heads, which belong to the pages and not to the text.

A line is furniture if it comes three times or more, the same or the same but for its numbers, a page or
so apart; and if it stands beside form feeds, or a third of the times between two halves of a sentence.
The last condition is what tells page numbers from the numbers of chapters. A line that no blank line
parts from the text must have a number, and not the same each time. The first line of a kind
stays if it interrupts nothing and has no number: it is the title that the running head repeats.

A page number that interrupts a sentence of prose is furniture even if it comes once, and with it the
short lines between the two halves of the sentence. The halves are joined.
"""

# ruff: noqa: RUF001  # this module needs dashes that look like the common one

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from ttsflow.text.plain.hyphens import breaks_word
from ttsflow.text.plain.lineshapes import (
    ends_openly,
    ends_sentence,
    flows,
    is_capitals,
    is_scene_break,
    start_case,
    width,
)
from ttsflow.text.plain.runs import Run
from ttsflow.text.plain.titles import is_chapter

_WIDEST = 100  # columns, with the white space that a head and its number have between them
_LEAST_TIMES = 3
_LEAST_PAGE = 500  # characters
_LEAST_FED_PAGE = 150  # characters, where form feeds show the pages
_PROSE = 30  # columns of a line that is no verse
_LONGEST_RUN = 2_000  # lines

_NUMBER = re.compile(
    r"(?:page|p\.|seite|s\.|página|pág\.|pagina|стр\.|第)?\s*[-–—\[(|·~]*\s*(?:\d{1,4}|[ivxlc]{1,7})"
    r"(?:\s*(?:/|of|von|de|sur)\s*\d{1,4})?\s*[-–—\])|·~]*(?:\s*[页頁])?",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class _Candidate:
    """A line that may be furniture: its place in the text, and its index in the list of all lines.

    `at_page` says that it stands beside a form feed, `alone` that at most one other line is in its run.
    """

    at: int
    line: int
    at_page: bool
    alone: bool


def find_furniture(runs: Sequence[Run]) -> frozenset[str]:
    """The keys of the lines that are furniture in these runs."""
    lines: list[str] = []
    found: dict[str, list[_Candidate]] = defaultdict(list)
    for number, run in enumerate(runs):
        page_behind = number + 1 < len(runs) and runs[number + 1].starts_page
        at = run.at
        for place, line in enumerate(run.lines):
            at_page = (place < 2 and run.starts_page) or (place >= len(run.lines) - 2 and page_behind)
            if _may_be(line, at_edge=at_page or len(run.lines) < 3):
                found[key_of(line)].append(_Candidate(at, len(lines), at_page, len(run.lines) < 3))
            lines.append(line)
            at += len(line) + 1
    repeated = {
        key: places
        for key, places in found.items()
        if _comes_by_page(places) and (_are_apart(places) or _differ([lines[place.line] for place in places]))
    }
    skipped = {candidate.line for places in repeated.values() for candidate in places}
    return frozenset(
        key
        for key, places in repeated.items()
        if _are_fed(places)
        or 3 * sum(_between_halves(lines, place.line, skipped) for place in places) >= len(places)
    )


def without_furniture(runs: Iterable[tuple[Run, Collection[str]]]) -> Iterator[Run]:
    """The runs without furniture, where each run comes with the keys of its surroundings.

    A run that furniture or the end of a page has torn in the middle of a sentence is whole again.
    """
    seen: set[str] = set()
    held: Run | None = None
    between: list[Run] = []
    torn = False
    for run, keys in runs:
        torn = torn or run.starts_page
        kept = _without_known(run, keys, seen, held.lines[-1] if held else "")
        torn = torn or len(kept.lines) < len(run.lines)
        if not kept.lines:
            continue
        if held is not None and _interrupted(held, kept, between, torn):
            held = Run(held.lines + kept.lines, kept.gap, held.starts_page, held.at)
            between, torn = [], False
        elif held is not None and len(between) < 3 and _is_short(kept):
            between.append(kept)
        else:
            if held is not None:
                yield held
            yield from between
            held, between, torn = kept, [], False
    if held is not None:
        yield held
        yield from between


def _may_be(line: str, *, at_edge: bool) -> bool:
    """Whether a line is short enough, and no sentence that comes more than once, as in a dialogue.

    Inside a run it needs a number, because texts may repeat themselves.
    """
    if len(line) > _WIDEST or is_scene_break(line):
        return False
    if _DIGITS.search(line):
        return True
    return at_edge and (not ends_sentence(line) or is_capitals(line))


def key_of(line: str) -> str:
    """The key of a line, which lines have in common that are the same but for numbers, if no chapters."""
    words = " ".join(line.split())
    if is_chapter(words):
        return words
    return "#" if _is_page_number(words) else _DIGITS.sub("#", words)


def _is_page_number(line: str) -> bool:
    return _NUMBER.fullmatch(line.strip()) is not None


def _comes_by_page(places: Sequence[_Candidate]) -> bool:
    if len(places) < _LEAST_TIMES:
        return False
    distance = median(two.at - one.at for one, two in pairwise(places))
    return distance >= (_LEAST_FED_PAGE if _are_fed(places) else _LEAST_PAGE)


def _are_fed(places: Sequence[_Candidate]) -> bool:
    return 2 * sum(place.at_page for place in places) >= len(places)


def _are_apart(places: Sequence[_Candidate]) -> bool:
    return all(place.at_page or place.alone for place in places)


def _differ(lines: Sequence[str]) -> bool:
    return len(set(lines)) >= _LEAST_TIMES


def _between_halves(lines: Sequence[str], line: int, skipped: Collection[int]) -> bool:
    before, after = line - 1, line + 1
    while before in skipped:
        before -= 1
    while after in skipped:
        after += 1
    return before >= 0 and after < len(lines) and _goes_on(lines[before], lines[after])


def _goes_on(before: str, after: str) -> bool:
    if breaks_word(before, after):
        return True
    named = is_capitals(before) or is_capitals(after)  # a speaker or a heading is no half of a sentence
    return flows(before, after) and not named and not is_scene_break(before)


def _without_known(run: Run, keys: Collection[str], seen: set[str], before: str) -> Run:
    if not keys:
        return run
    kept: list[str] = []
    for place, line in enumerate(run.lines):
        at_edge = place < 2 or place >= len(run.lines) - 2
        known = _may_be(line, at_edge=at_edge) and key_of(line) in keys
        if known and not _is_first(line, seen, kept[-1] if kept else before):
            continue
        kept.append(line)
    return run if len(kept) == len(run.lines) else replace(run, lines=kept)


def _is_first(line: str, seen: set[str], before: str) -> bool:
    """Whether a line is the title that later heads repeat."""
    key = key_of(line)
    first = key not in seen and "#" not in key and (not before or ends_sentence(before))
    seen.add(key)
    return first


def _interrupted(held: Run, run: Run, between: Sequence[Run], torn: bool) -> bool:
    before, after = held.lines[-1], run.lines[0]
    if len(held.lines) > _LONGEST_RUN or not _goes_on(before, after):
        return False
    if between and not any(_is_page_number(short.lines[0]) for short in between):
        return False
    if start_case(after) == "none" and not ends_openly(before):
        return False
    return (torn or bool(between)) and any(width(line) >= _PROSE for line in held.lines[-2:])


def _is_short(run: Run) -> bool:
    if len(run.lines) > 1 or len(run.lines[0]) > _WIDEST or is_scene_break(run.lines[0]):
        return False
    return not ends_sentence(run.lines[0]) or _is_page_number(run.lines[0])
