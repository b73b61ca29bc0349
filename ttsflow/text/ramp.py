"""The ramp: a text begins with short chunks, so that a listener soon hears something, and they grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from ttsflow.text.blocks import Block
from ttsflow.text.chunker import Chunk, cut
from ttsflow.text.stops import CutRules

_CHARS_PER_S = {"zh": 4.5, "ja": 7.0, "ko": 6.5}
_USUAL_CHARS_PER_S = 15.0
"""characters in a second of speech; not an engine's own figure: a text is cut the same everywhere"""

_STEP = 1.5
"""times as far a place to cut is looked for where there is none so near"""


@dataclass(frozen=True, slots=True)
class Ramp:
    """The first chunk has `first_s` seconds of audio at most, and each next one `growth` times as many.

    That holds as far as there are places to cut: the end of a clause, else between two phrases, else between
    two words; never inside a word. No part has less than half the characters of a short piece: neural models
    garble what is much shorter.
    """

    first_s: float
    growth: float

    def shorten(self, chunks: Iterable[Chunk], rules: CutRules) -> Iterator[Chunk]:
        """The same text in chunks that begin short."""
        return chain.from_iterable(map(Ascent(self, rules).shorten, chunks))


class Ascent:
    """One text on its way up a ramp."""

    def __init__(self, ramp: Ramp, rules: CutRules) -> None:
        self._growth, self._rules = ramp.growth, rules
        self._limit = ramp.first_s * usual_rate(rules.language)

    def shorten(self, chunk: Chunk) -> Iterator[Chunk]:
        """The next chunk of the text: in several where it is too long as yet."""
        rest = chunk.text
        while chunk.speakable and self._limit < self._rules.max_chars:
            part = _beginning(rest, self._limit, self._rules)
            self._limit = max(self._limit, len(part)) * self._growth
            if not part:
                break
            yield replace(chunk, text=part, pause_s=0.0, until_s=None)
            chunk = replace(chunk, chapter=None)
            rest = rest[len(part) :].strip()
        yield replace(chunk, text=rest)


def _beginning(text: str, limit: float, rules: CutRules) -> str:
    """The beginning of a chunk's text that has about so many characters; empty if it need not be cut."""
    least = rules.short // 2
    most = max(limit, 2 * least)
    while int(most) < len(text):
        part = next(cut([Block(text)], replace(rules, max_chars=int(most)))).text
        if _between_words(part, text[len(part)]) and min(len(part), len(text) - len(part)) >= least:
            return part
        most *= _STEP
    return ""


def _between_words(part: str, after: str) -> bool:
    """Whether a part ends where a word does; in scripts without spaces only a mark shows that."""
    without_spaces = after >= "\u3000"
    return after.isspace() or (without_spaces and after.isalnum() and not part[-1].isalnum())


def usual_rate(language: str) -> float:
    """Characters in a second of speech, whoever speaks."""
    return _CHARS_PER_S.get(language.partition("-")[0], _USUAL_CHARS_PER_S)
