"""Chunks as they are spoken: worded by patterns and a lexicon, and cut again where they become too long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import accumulate

from ttsflow.text.chunker import Chunk
from ttsflow.text.pronunciation.lexicon import Lexicon
from ttsflow.text.pronunciation.patterns import Pattern
from ttsflow.text.pronunciation.wording import Edit, Wording
from ttsflow.text.stops import CutRules, joined, speakable, stops

_SPACES = re.compile(r"\s+")
_WORD = re.compile(r"\s+|\S+")
_BULLET = re.compile(r"[-*•·‣◦▪▸●○■□] +(?=\S)")


class Pronunciation:
    """First the patterns, each in what the one before has made; then the lexicon, once; then `rule`.

    `rule(text, language)` gives the text as it is spoken, as text rules of plugins have it. The bullet of an
    item of a list is layout, and not heard.
    """

    def __init__(
        self,
        lexicon: Lexicon | None = None,
        patterns: Sequence[Pattern] = (),
        rule: Callable[[str, str], str] | None = None,
    ) -> None:
        self._lexicon = lexicon or Lexicon()
        self._patterns = tuple(patterns)
        self._rule = rule

    def then(self, rule: Callable[[str, str], str]) -> Pronunciation:
        """The same, and a rule after all that."""
        return Pronunciation(self._lexicon, self._patterns, rule)

    def spoken(self, chunk: Chunk, rules: CutRules) -> Iterator[Chunk]:
        """The chunk as it is spoken: one, or several where its spoken form is longer than the cap.

        Each has in `written` its part of the words as they are written, where they are others. Without any
        change the chunk is the same.
        """
        wording = Wording(chunk.text)
        if chunk.speakable:
            if (bullet := _BULLET.match(chunk.text)) is not None:
                wording.change([Edit(0, bullet.end(), "")])
            for pattern in self._patterns:
                wording.change(pattern.edits(wording.text, rules.language))
            wording.change(self._lexicon.edits(wording.text, rules.language))
            if self._rule is not None:
                wording.change(_changes(wording.text, self._rule(wording.text, rules.language)))
        if wording.text == chunk.text:
            yield chunk
            return
        if wording.text != " ".join(wording.text.split()):
            wording.change(_tidied(wording.text))
        text, start, written = wording.text, 0, 0
        fits = len(text) <= rules.max_chars
        for stop in () if fits else joined(text, stops(text, rules), rules):
            if stop.at == len(text):
                break
            until = wording.written_at(stop.at)
            piece = text[start : stop.at].strip()
            yield replace(
                chunk,
                text=piece,
                pause_s=0.0,
                until_s=None,
                speakable=speakable(piece),
                written=_other(chunk.text[written:until].strip(), piece),
            )
            chunk, start, written = replace(chunk, chapter=None), stop.at, until  # its text stays
        piece = text[start:].strip()
        left = _other(chunk.text[written:].strip(), piece)
        yield replace(chunk, text=piece, speakable=speakable(piece), written=left)


def _other(written: str, spoken: str) -> str | None:
    """What is written, if that is anything, and not what is spoken."""
    return None if written in ("", spoken) else written


def _changes(before: str, after: str) -> Iterator[Edit]:
    """The edits, word by word, that make one text of another."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    ends = [0, *accumulate(map(len, old))]
    for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Edit(ends[start], ends[end], "".join(new[first:last]))


def _tidied(text: str) -> Iterator[Edit]:
    """Single spaces, and none at the beginning and the end."""
    for found in _SPACES.finditer(text):
        words = "" if found.start() == 0 or found.end() == len(text) else " "
        if found[0] != words:
            yield Edit(*found.span(), words)
