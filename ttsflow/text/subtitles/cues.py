"""Cues: what subtitles show, each from one time to another, in the order of their times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import pairwise
from typing import Literal

Format = Literal["srt", "vtt"]

_ARROW = "-->"
_BLANK_LINE = re.compile(r"\n\s*\n")
_WORD_TIME = re.compile(r"<[\d:.]+>")  # WebVTT says within a cue when a word is said: <00:00:01.500>
_FLASH = 50  # ms; automatic captions show each line by itself for so short a time before they move it up


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines of a cue, and the times at which it comes and goes, in milliseconds."""

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cues:
    """The cues of a file by their times. The numbers say of how many cues something was wrong.

    `disordered` stand behind a later one, `overlapping` come before another has gone, and the times of
    `unreadable` cannot be read, so that their lines belong to the cue before.
    """

    cues: tuple[Cue, ...]
    disordered: int
    overlapping: int
    unreadable: int


def read_cues(text: str, format: Format) -> Cues:
    """The cues in the text of a file; there may be none."""
    import pysubs2

    if format == "vtt":
        text = _WORD_TIME.sub("", text)  # two of them in a line look like the times of a cue
    found, unreadable = [], 0
    for event in pysubs2.SSAFile.from_string(text, format_=format):
        words = event.plaintext
        if format == "vtt":  # behind a blank line come comments, and the name of the next cue
            words = unescape(_BLANK_LINE.split(words, maxsplit=1)[0])
        lines = [line.strip() for line in words.split("\n")]
        unreadable += sum(_ARROW in line for line in lines)
        found.append(Cue(int(event.start), int(event.end), tuple(filter(None, _without_times(lines)))))
    disordered = sum(after.start < before.start for before, after in pairwise(found))
    cues = sorted(found, key=lambda cue: cue.start)
    overlapping = sum(after.start < before.end for before, after in pairwise(cues))
    return Cues(tuple(_unrolled(cues)), disordered, overlapping, unreadable)


def _without_times(lines: Sequence[str]) -> Iterator[str]:
    """The lines without times that cannot be read, and without the number of the cue above them."""
    for number, line in enumerate(lines):
        times_follow = number + 1 < len(lines) and _ARROW in lines[number + 1]
        if _ARROW not in line and not (times_follow and line.isdecimal()):
            yield line


def _unrolled(cues: Sequence[Cue]) -> Iterator[Cue]:
    """The cues, each without the lines that it still shows of the one before, as rolling captions do."""
    before: Cue | None = None
    for cue in cues:
        lines = cue.lines
        if before is not None and cue.start <= before.end:
            shown = _still_shown(before.lines, lines)
            if shown < len(lines) or cue.end - cue.start <= _FLASH:
                lines = lines[shown:]
        yield replace(cue, lines=lines)
        before = cue


def _still_shown(before: Sequence[str], after: Sequence[str]) -> int:
    """The number of lines at the end of a cue with which the next one begins."""
    for count in range(min(len(before), len(after)), 0, -1):
        if before[-count:] == after[:count]:
            return count
    return 0
