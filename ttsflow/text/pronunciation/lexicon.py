"""A lexicon: words and phrases, and how they are spoken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ttsflow.text.languages import covers
from ttsflow.text.pronunciation.wording import Edit

# Scripts without spaces between words: a word begins and ends at each of their characters.
_UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\u30fc\uff70"
)
_IN_WORD = rf"[^\W{_UNSPACED}]"
_TOKEN = rf"{_IN_WORD}+|\S"


@dataclass(frozen=True, slots=True)
class Entry:
    """A word or phrase, and its spoken form; with a `language`, in that one only."""

    word: str
    spoken: str
    language: str | None = None


class Lexicon:
    """Finds the words of its entries in a text; of two entries with the same word the later one counts.

    A word stands alone: no letter, digit or underscore is beside it, except in scripts without spaces. An
    entry without a capital letter matches in any case, another one as it is written only; that one goes
    before. So does the longer of two at one place, and an entry for the language.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        general_first = sorted(entries, key=lambda entry: len(entry.language or ""))
        self._entries = tuple(general_first)
        self._tables: dict[str, _Table] = {}

    def edits(self, text: str, language: str) -> Iterator[Edit]:
        """The spoken forms in a text, from left to right; what is spoken is not looked up again."""
        if not self._entries:
            return iter(())
        if language not in self._tables:
            self._tables[language] = _Table(
                entry for entry in self._entries if entry.language is None or covers(entry.language, language)
            )
        return self._tables[language].edits(text)


class _Table:
    """The entries of one language, by their words. The time of a look-up does not depend on their number."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._in_any_case: dict[str, str] = {}
        self._as_written: dict[str, str] = {}
        lengths = defaultdict[str, set[int]](set)
        for entry in entries:
            word = " ".join(_alike(entry.word).split())
            folded = _folded(word)
            (self._in_any_case if word == folded else self._as_written)[word] = entry.spoken
            if (first := _compiled(_TOKEN).match(folded)) is not None:
                lengths[first[0]].add(len(word))
        self._lengths = {first: sorted(those, reverse=True) for first, those in lengths.items()}

    def edits(self, text: str) -> Iterator[Edit]:
        as_written, done = _alike(text), 0
        folded = _folded(as_written)
        for token in _compiled(_TOKEN).finditer(folded):
            start = token.start()
            if start < done:
                continue
            for length in self._lengths.get(token[0], ()):
                end = start + length
                spoken = self._as_written.get(as_written[start:end])
                if spoken is None:
                    spoken = self._in_any_case.get(folded[start:end])
                if spoken is not None and _is_whole(folded, start, end):
                    yield Edit(start, end, spoken)
                    done = end
                    break


def _alike(text: str) -> str:
    """The text with one kind of apostrophe."""
    return text.replace("’", "'").replace("ʼ", "'")  # noqa: RUF001


def _folded(text: str) -> str:
    """The text in lower case, of the same length: there is a letter whose lower case has two characters."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is not a part of a longer word, at its beginning or its end."""
    in_word = _compiled(_IN_WORD).match
    return not any(0 < at < len(text) and in_word(text, at - 1) and in_word(text, at) for at in (start, end))


@cache
def _compiled(pattern: str) -> Any:
    import regex  # here, because a program that starts must not load it

    return regex.compile(pattern)
