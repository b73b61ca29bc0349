"""The places where a block may be cut: ends of sentences, and in a long sentence the best places in it.

All functions take a block's text, whose white space is single spaces, and give indices into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ttsflow.text.graphemes import is_boundary
from ttsflow.text.marks import CLAUSE_ENDS, FULL_STOPS, SPACE, closing
from ttsflow.text.phrases import leans_on_next
from ttsflow.text.sentences import sentence_ends

_PIECE = 40
"""characters that a cut inside a sentence leaves on both sides, where it can"""

_MOST_MARKS = 32
"""characters that may follow a letter and look like one with it; Unicode's Stream-Safe Text Format has 30"""

_NEXT_WORD = 24
"""characters behind an end that are as good as a complete word; there are scripts without spaces"""

_WORD = re.compile(r"\W*\w+\W")


@dataclass(frozen=True, slots=True)
class CutRules:
    """How long chunks may be: `min_chars` and `max_chars` are characters; `language` is a tag.

    A piece of less than `min_chars` joins a neighbour: the default is about 2.5 seconds of speech, and neural
    models garble texts that are much shorter. Raises ValueError if `max_chars` is below 1.
    """

    language: str
    max_chars: int
    min_chars: int = 40

    def __post_init__(self) -> None:
        if self.max_chars < 1:
            raise ValueError(f"max_chars must be at least 1, not {self.max_chars}")

    @property
    def short(self) -> int:
        """Fewer characters than this are a short piece."""
        return min(self.min_chars, self.max_chars // 4)


class Stop(NamedTuple):
    """An index where a chunk may end. `ends_sentence`: a sentence ends there, perhaps inside a quotation.

    `whole`: a sentence of the block itself does.
    """

    at: int
    ends_sentence: bool
    whole: bool = True


def stops(text: str, rules: CutRules) -> Iterator[Stop]:
    """Stops of a whole block; no two neighbours are further apart than the cap."""
    start = 0
    for end in sentence_ends(text, rules.language):
        yield from _within(text, start, end, rules)
        start = end


def settled_stops(text: str, rules: CutRules) -> Iterator[Stop]:
    """The stops of a block that still grows, as far as no further text can move them.

    An end of a sentence is settled when the next word is complete. Of a sentence that is too long already
    the first parts are settled.
    """
    start = 0
    for end in sentence_ends(text + closing(text), rules.language):
        if end >= len(text) or not _is_settled(text, start, end):
            break
        yield from _within(text, start, end, rules)
        start = end
    longer = rules.max_chars + min(_PIECE, rules.max_chars // 4) + _NEXT_WORD
    if len(text) - start <= longer:
        return
    offset = start
    for inner in sentence_ends(text[offset:], rules.language, in_quotations=True):
        if not _is_settled(text, offset + inner, offset + inner):
            break
        yield from _cut_sentence(text, start, offset + inner, rules, len(text))
        start = offset + inner
    while len(text) - start > longer:
        start = _best_break(text, start, len(text), rules)
        if start > len(text) - 2:  # inside a character of very many marks, and more of them may come
            break
        yield Stop(start, False, False)


def joined(text: str, stops: Iterable[Stop], rules: CutRules) -> Iterator[Stop]:
    """The stops without those that a join removes.

    A short or unspeakable piece joins a neighbour if the two together stay within the cap.
    """
    start, pending = 0, None
    for stop in stops:
        if pending is not None:
            weak = _weak(text, start, pending.at, rules) or _weak(text, pending.at, stop.at, rules)
            if not weak or _length(text, start, stop.at) > rules.max_chars:
                yield pending
                start = pending.at
        pending = stop
    if pending is not None:
        yield pending


def joined_onward(
    text: str, stops: Iterable[Stop], rules: CutRules, start: int = 0, *, ended: bool = True
) -> Iterator[Stop]:
    """As `joined`, but a piece joins only what follows it, so that no piece waits for the next one's end.

    The chunks begin at `start`. What is short at the very end is a stop of its own, if the text has `ended`.
    """
    pending = None
    for stop in stops:
        if pending is not None and _length(text, start, stop.at) > rules.max_chars:
            yield pending
            start = pending.at
        pending = stop if _weak(text, start, stop.at, rules) else None
        if pending is None:
            yield stop
            start = stop.at
    if pending is not None and ended:
        yield pending


def speakable(text: str) -> bool:
    """Whether there is a letter or a digit of any script."""
    return any(char.isalnum() for char in text)


def _is_settled(text: str, start: int, end: int) -> bool:
    """Whether more text cannot move the end of the sentence [start, end)."""
    certain = text[end - 1] in FULL_STOPS and end < len(text)  # no abbreviation, and not still in a quotation
    if not certain and len(text) - end < _NEXT_WORD and not _WORD.match(text, end):
        return False
    return not _is_quoted(text[start:end])


def _is_quoted(sentence: str) -> bool:
    """Whether a quotation or a bracket is open at its end: what closes it may join it to the next one."""
    return bool(closing(sentence))


def _within(text: str, start: int, end: int, rules: CutRules) -> Iterator[Stop]:
    """Stops of the sentence [start, end)."""
    if _length(text, start, end) <= rules.max_chars:
        yield Stop(end, True)
        return
    offset = start
    for inner in sentence_ends(text[offset:end], rules.language, in_quotations=True):
        yield from _cut_sentence(text, start, offset + inner, rules, end)
        start = offset + inner


def _cut_sentence(text: str, start: int, end: int, rules: CutRules, whole: int) -> Iterator[Stop]:
    while _length(text, start, end) > rules.max_chars:
        start = _best_break(text, start, end, rules)
        if start == end:
            break
        yield Stop(start, False, False)
    yield Stop(end, not text[end : end + 1].islower(), end == whole)  # "Oh dear!" | she said


def _best_break(text: str, start: int, end: int, rules: CutRules) -> int:
    """The best index to cut the sentence [start, end), which is longer than the cap.

    The cut leaves no very short piece on either side, where it can. It depends on the text before it and on
    two characters behind it, so that it is the same while more text comes.
    """
    short = min(_PIECE, rules.max_chars // 4)
    least, limit = start + short, min(start + rules.max_chars, end - short - 1)
    for mark in CLAUSE_ENDS:
        if ends := _breaks(mark, text, least, limit):
            return _behind_space(text, ends[-1])
    spaces = _breaks(SPACE, text, start + 1, limit)
    if spaces:
        between = _between_phrases(text, start, [at for at in spaces if at >= least], rules.language)
        return _behind_space(text, spaces[-1] if between is None else between)
    inside = (at for at in range(limit, start, -1) if is_boundary(text, at))
    behind = min(limit + _MOST_MARKS, end)
    beyond = (at for at in range(limit + 1, behind) if is_boundary(text, at))
    return _behind_space(text, next(inside, None) or next(beyond, end if behind == end else limit))


def _breaks(pattern: re.Pattern[str], text: str, least: int, limit: int) -> list[int]:
    """The indices from `least` to `limit` where the pattern allows a cut."""
    # Two characters more, because the patterns look at the characters after a break.
    found = (match.end() for match in pattern.finditer(text, least, limit + 2))
    return [at for at in found if at <= limit and is_boundary(text, at)]


def _between_phrases(text: str, start: int, spaces: list[int], language: str) -> int | None:
    """The last of these spaces that parts two phrases; None where each is inside of one."""
    for at in reversed(spaces):
        word = text[max(start, text.rfind(" ", start, at) + 1) : at]
        if not leans_on_next(word, language):
            return at
    return None


def _weak(text: str, start: int, end: int, rules: CutRules) -> bool:
    return end - start < rules.short or not speakable(text[start:end])


def _length(text: str, start: int, end: int) -> int:
    return end - start - (text[end - 1] == " ")


def _behind_space(text: str, at: int) -> int:
    return at + (text[at : at + 1] == " " and is_boundary(text, at + 1))
