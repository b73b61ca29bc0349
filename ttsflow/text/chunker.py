"""Cutting blocks of text into chunks. A chunk is what a narrator says in one go.

The cuts depend only on the text, the language, the cap and the pauses, so the same input always gives
the same chunks. Chunks are slices of the block's text between computed indices. Therefore no
character except white space can be lost, doubled or moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ttsflow.text.blocks import Block
from ttsflow.text.graphemes import is_boundary
from ttsflow.text.marks import CLAUSE_ENDS, SPACE
from ttsflow.text.sentences import sentence_ends

_SHORT = 40
"""characters, about 2.5 seconds of speech; neural models garble texts that are much shorter"""

_PART = 0.6
"""of a chunk's text that one part of it may have: two are enough where the middle has a good place"""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds of silence after a chunk, in addition to the short silence at the end of the voice's audio.

    The defaults are usual in narration: a breath between sentences, a clear gap between paragraphs,
    and a longer gap after a heading. A block with nothing to say ("***") is a scene break: its pause
    adds to the pause of the paragraph before it. A sentence that had to be cut has no pause inside.
    """

    sentence_s: float = 0.15
    line_s: float = 0.35
    paragraph_s: float = 0.6
    section_s: float = 0.9
    heading_s: float = 0.9
    chapter_s: float = 1.2
    break_s: float = 0.8

    def after(self, block: Block) -> float:
        """Seconds of silence after the last chunk of a block that has something to say."""
        match block.kind:
            case "line":
                return self.line_s
            case "paragraph":
                return self.paragraph_s
            case "section":
                return self.section_s
            case "heading":
                return self.heading_s
            case "chapter":
                return self.chapter_s


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text that is spoken in one go, and the silence after it in seconds.

    A chunk that is not `speakable` has no letter and no digit of any script: it is only a pause.
    """

    text: str
    pause_s: float
    speakable: bool


class _Stop(NamedTuple):
    """An index where a chunk may end, and whether a sentence ends there too."""

    at: int
    ends_sentence: bool


def cut(
    blocks: Iterable[Block], *, language: str, max_chars: int, pauses: Pauses | None = None
) -> Iterator[Chunk]:
    """Cut `blocks` lazily, one block at a time, into chunks of at most `max_chars` characters.

    White space becomes single spaces. A chunk is a sentence. A sentence that is longer than the cap is
    cut at the first of these places that it has: the sentence ends inside its quotation, the last
    semicolon or colon, the last comma or dash, the last space, between two characters. A short piece
    joins a neighbour in the same block. Only one grapheme cluster that is longer than the cap may
    exceed the cap. Raises ValueError if `max_chars` is below 1.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars must be at least 1, not {max_chars}")
    pauses = Pauses() if pauses is None else pauses
    for block in blocks:
        text = " ".join(block.text.split())
        yield from _cut_block(text, pauses.after(block), language, max_chars, pauses)


def halve(text: str, language: str) -> list[str]:
    """Cut `text` into two or more parts, where a narrator would pause. Empty if there is no such place."""
    whole = " ".join(text.split())
    chunks = cut([Block(whole)], language=language, max_chars=max(1, int(len(whole) * _PART)))
    parts = [chunk.text for chunk in chunks]
    between_words = " ".join(parts) == whole or not any(part[-1].isalnum() for part in parts[:-1])
    spoken = [part for part in parts if any(char.isalnum() for char in part)]
    return spoken if between_words and len(spoken) > 1 else []


def _cut_block(text: str, behind_s: float, language: str, cap: int, pauses: Pauses) -> Iterator[Chunk]:
    start, spoken = 0, False
    for stop in _joined(text, _stops(text, language, cap), cap):
        piece = text[start : stop.at].strip()
        speakable = _speakable(piece)
        spoken = spoken or speakable
        if stop.at < len(text):
            pause = pauses.sentence_s if stop.ends_sentence and speakable else 0.0
        elif spoken:
            pause = behind_s
        else:
            pause = pauses.break_s
        yield Chunk(piece, pause, speakable)
        start = stop.at


def _stops(text: str, language: str, cap: int) -> Iterator[_Stop]:
    """Stops; no two neighbours are further apart than the cap."""
    start = 0
    for end in sentence_ends(text, language):
        if _length(text, start, end) <= cap:
            yield _Stop(end, True)
        else:
            offset = start
            for inner in sentence_ends(text[offset:end], language, in_quotations=True):
                yield from _cut_sentence(text, start, offset + inner, cap)
                start = offset + inner
        start = end


def _cut_sentence(text: str, start: int, end: int, cap: int) -> Iterator[_Stop]:
    while _length(text, start, end) > cap:
        start = _best_break(text, start, end, cap)
        if start == end:
            break
        yield _Stop(start, False)
    yield _Stop(end, not text[end : end + 1].islower())  # "Oh dear!" | she said


def _best_break(text: str, start: int, end: int, cap: int) -> int:
    """The best index to cut the sentence [start, end), which is longer than the cap.

    The cut leaves no very short piece on either side.
    """
    short = _short(cap)
    limit = min(start + cap, end - short - 1)
    for pattern, least in (*((mark, start + short) for mark in CLAUSE_ENDS), (SPACE, start + 1)):
        # Two characters more, because the patterns look at the characters after a break.
        found = [match.end() for match in pattern.finditer(text, least, limit + 2)]
        usable = [at for at in found if at <= limit and is_boundary(text, at)]
        if usable:
            return _behind_space(text, usable[-1])
    inside = (at for at in range(limit, start, -1) if is_boundary(text, at))
    beyond = (at for at in range(limit + 1, end) if is_boundary(text, at))
    return _behind_space(text, next(inside, None) or next(beyond, end))


def _joined(text: str, stops: Iterable[_Stop], cap: int) -> Iterator[_Stop]:
    """The stops without those that a join removes.

    A short or unspeakable piece joins a neighbour if the two together stay within the cap.
    """
    start, pending = 0, None
    for stop in stops:
        if pending is not None:
            weak = _weak(text, start, pending.at, cap) or _weak(text, pending.at, stop.at, cap)
            if not weak or _length(text, start, stop.at) > cap:
                yield pending
                start = pending.at
        pending = stop
    if pending is not None:
        yield pending


def _weak(text: str, start: int, end: int, cap: int) -> bool:
    return end - start < _short(cap) or not _speakable(text[start:end])


def _short(cap: int) -> int:
    return min(_SHORT, cap // 4)


def _length(text: str, start: int, end: int) -> int:
    return end - start - (text[end - 1] == " ")


def _behind_space(text: str, at: int) -> int:
    return at + (text[at : at + 1] == " " and is_boundary(text, at + 1))


def _speakable(text: str) -> bool:
    return any(char.isalnum() for char in text)
