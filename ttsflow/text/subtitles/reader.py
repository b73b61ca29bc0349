"""Subtitles as a document: what is said, sentence by sentence, without what is only there to be read."""

# ruff: noqa: RUF001  # this module needs marks that look like Latin marks

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ttsflow.errors import InputError
from ttsflow.text.blocks import Block, BlockKind, has_words
from ttsflow.text.document import Document, Identity, count_chars, digest
from ttsflow.text.options import Cues as When
from ttsflow.text.plain.lineshapes import ends_openly, ends_sentence, is_capitals, joins_unspaced
from ttsflow.text.subtitles.cues import Cue, Cues, Format, read_cues

_LONGEST_STOP = 3_000  # ms without a subtitle, over which no sentence goes on
_BREATH = 1_500  # ms without a subtitle, behind which something else begins
_LONGEST_GAP_S = 3_600.0  # between two subtitles at their times; wrong times would make hours of silence
_LONGEST_NAME = 30  # characters of the name of a speaker

_SOUND = re.compile(r"\[[^\[\]]*\]|［[^［］]*］")  # [music]
_SOUND_LINE = re.compile(r"[(（][^()（）]*[)）]")  # (laughs), where a line has nothing else
_SUNG = re.compile("[♩♪♫♬]+")
_SPEAKER = re.compile(r"(?:[-–—](?![-–—\d])|>{2,})\s*")


@dataclass(frozen=True, slots=True)
class _Line:
    """The words of a line, whether another person begins to speak with it, and its times."""

    words: str
    speaker: bool
    start: int
    end: int


def read_subtitles(text: str, name: str, format: Format, when: When = "flow") -> Document:
    """The document of a file with this text.

    Its subtitles are heard one after the other; or "timed", each at its time. Raises InputError where it has
    nothing to speak, or an hour is silent between two times.
    """
    found = read_cues(text, format)
    if not found.cues:
        example = "00:00:01,000 --> 00:00:02,500" if format == "srt" else "00:01.000 --> 00:02.500"
        raise InputError(
            f"{name} has no subtitles: no line in it has times such as {example!r}. Get it again; or, to "
            f"hear it as it stands, add `text.format: text`."
        )
    blocks = partial(_blocks if when == "flow" else _timed_blocks, found.cues)
    if not has_words(blocks()):
        raise InputError(
            f"{name} has {len(found.cues)} subtitles, and no words in them but descriptions of sounds."
        )
    if when == "timed":
        _check_gaps(blocks(), name)
    identity = Identity(None, digest(text.encode()))
    return Document(name, identity, count_chars(text), blocks, tuple(_notices(found, name)))


def _notices(found: Cues, name: str) -> Iterator[str]:
    for count, what in (
        (found.disordered, "stand behind later ones; all are read by their times"),
        (found.overlapping, "overlap with others; they are read one after the other"),
        (found.unreadable, "have times that cannot be read; their words are read where they stand"),
    ):
        if count:
            yield f"of the subtitles in {name} some ({count}) {what}"


def _blocks(cues: Sequence[Cue]) -> Iterator[Block]:
    """What is said: a block lasts until a sentence ends, another speaker begins, or nothing is shown."""
    held: list[_Line] = []
    for line in _lines(cues):
        if held and not _goes_on(held[-1], line):
            yield _block(held, line)
            held = []
        held.append(line)
    if held:
        yield _block(held, None)


def _timed_blocks(cues: Sequence[Cue]) -> Iterator[Block]:
    """What is said, a block for each subtitle, or several where several speak in it; each at its time."""
    before: list[list[_Line]] = []
    for cue in cues:
        said = list(_by_speaker(_lines([cue])))
        if not said:
            continue
        start_s = cue.start / 1_000
        if before:
            yield from _at_times(before, start_s)
        elif start_s > 0.0:
            yield Block("", pause_s=start_s)
        before = said
    yield from _at_times(before, None)


def _at_times(said: Sequence[Sequence[_Line]], until_s: float | None) -> Iterator[Block]:
    """The blocks of a subtitle, behind which it is silent until the next one."""
    for number, lines in enumerate(said, 1):
        kind: BlockKind = "paragraph" if number == len(said) else "line"
        yield Block(_words(lines), kind, until_s=until_s if number == len(said) else None)


def _by_speaker(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    held: list[_Line] = []
    for line in lines:
        if held and line.speaker:
            yield held
            held = []
        held.append(line)
    if held:
        yield held


def _check_gaps(blocks: Iterable[Block], name: str) -> None:
    at_s = 0.0
    for block in blocks:
        next_s = block.until_s if block.until_s is not None else block.pause_s or at_s
        if next_s - at_s > _LONGEST_GAP_S:
            raise InputError(
                f"{name} has no subtitle from {_clock(at_s)} to {_clock(next_s)}, and nobody wants to hear "
                f"so much silence. Mend its times; or, to hear all in a row, add `text.cues: flow`."
            )
        at_s = next_s


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))


def _block(lines: Sequence[_Line], after: _Line | None) -> Block:
    close = after is not None and after.start - lines[-1].end < _BREATH
    return Block(_words(lines), "line" if close else "paragraph")


def _words(lines: Sequence[_Line]) -> str:
    words = lines[0].words
    for line in lines[1:]:
        words += ("" if joins_unspaced(words, line.words) else " ") + line.words
    return words


def _goes_on(before: _Line, after: _Line) -> bool:
    if after.speaker or ends_sentence(before.words) or after.start - before.end > _LONGEST_STOP:
        return False
    # Where words have no spaces between them, the end of a line is often the only mark of an end.
    return not (joins_unspaced(before.words, after.words) and ends_openly(before.words))


def _lines(cues: Sequence[Cue]) -> Iterator[_Line]:
    """The lines that have words, without sounds and the marks and names of speakers."""
    for cue in cues:
        for line in _SOUND.sub("", "\n".join(cue.lines)).split("\n"):
            words, speaker = _without_speaker(_SUNG.sub("", line).strip())
            if any(map(str.isalnum, words)) and not _SOUND_LINE.fullmatch(words):
                yield _Line(words, speaker, cue.start, cue.end)


def _without_speaker(line: str) -> tuple[str, bool]:
    """The line without what says that another person speaks, or who; and whether anything did."""
    mark = _SPEAKER.match(line)
    words = line[mark.end() :] if mark else line
    name, colon, said = words.partition(":")
    if colon and len(name) <= _LONGEST_NAME and is_capitals(name):
        return said.strip(), True
    return words, mark is not None
