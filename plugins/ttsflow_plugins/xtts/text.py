"""Turns a job's text into the token ids of XTTS-v2's vocabulary, splits it into parts, or refuses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from ttsflow import ChunkJob, JobRefused, TextTooLong, UsageError, install_command
from ttsflow_plugins.xtts.upstream import brief

_FRONT_ENDS = {"ja": ("cutlet", "fugashi"), "zh": ("pypinyin",)}
_EXTRA = {"ja": "xtts-ja"}  # the extra of ttsflow with the packages of a language; for all others: xtts

_UNSPACED = ("zh", "ja")  # languages whose texts may be split between any two characters
# Where a text may be split, the best first: after a clause, between words.
_BREAKS = (
    re.compile(r"[.!?…;:,—،؛؟।][\"'”’»)\]]*(?=\s)|[。！？；：，、]"),  # noqa: RUF001  # marks of all its scripts
    re.compile(r"\s"),
)
_WITHIN_A_WORD = re.compile(r"[a-z0-9][.,]?[a-z0-9]", re.IGNORECASE | re.ASCII)  # a number, or a Latin word


def check_language(language: str) -> None:
    """Raise UsageError if packages that a language needs are not installed."""
    short = _short(language)
    absent = [name for name in _FRONT_ENDS.get(short, ()) if find_spec(name) is None]
    if absent:
        raise UsageError(f"XTTS-v2 needs {' and '.join(absent)} to speak {language!r}: {_remedy(short)}")


def _remedy(short: str) -> str:
    return install_command(_EXTRA.get(short, "xtts"))


class TextReader:
    """Upstream's tokenizer, with the limit of the model: a text must have fewer than `limit` tokens."""

    def __init__(self, tokenizer: Any, limit: int) -> None:
        self._tokenizer = tokenizer
        self._limit = limit

    def tokens(self, job: ChunkJob) -> list[int]:
        """Token ids of the text, with numbers and abbreviations written out.

        Raises TextTooLong with parts that fit. Raises JobRefused if the text cannot be split into such
        parts, if nothing of it is in the vocabulary, or if a package of its language is not installed.
        """
        tokens = self._encode(job.text, job.language)
        if len(tokens) >= self._limit:
            raise TextTooLong(self._parts(job.text, job.language))
        if not any(map(self._is_spoken, tokens[1:])):  # the first one names the language
            raise JobRefused(
                f"XTTS-v2 knows none of the characters of this text in {job.language!r}: "
                "set the language that it is written in, or spell it out"
            )
        return tokens

    def _is_spoken(self, token: int) -> bool:
        name = self._tokenizer.tokenizer.id_to_token(token)
        return not name.startswith("[") and any(char.isalnum() for char in name)

    def _encode(self, text: str, language: str) -> list[int]:
        return list(self._call(self._tokenizer.encode, text, language))

    def _call(self, method: Any, text: str, language: str) -> Any:
        """Call a method of the tokenizer in the same way as upstream's `inference()` calls `encode`."""
        short = _short(language)
        try:
            return method(text.strip().lower(), short)
        except ImportError as error:
            raise JobRefused(
                f"XTTS-v2 needs more to speak {language!r} ({error}): {_remedy(short)}"
            ) from error
        except Exception as error:  # each language's normaliser has its own errors; a retry would not help
            raise JobRefused(
                f"XTTS-v2 cannot read this text in {language!r} ({type(error).__name__}: {brief(error)}); "
                "write its numbers out as words"
            ) from error

    def _parts(self, text: str, language: str) -> Iterator[str]:
        """Parts of the text, in order, that each fit. If needed, they are parts of its written-out form."""
        text = text.strip()
        if len(self._encode(text, language)) < self._limit:
            yield text
            return
        halves = _halves(text, language)
        if halves is None:  # for example one number that is many words
            written_out = self._call(self._tokenizer.preprocess_text, text, language)
            halves = _halves(written_out.strip(), language)
        if halves is None:
            raise JobRefused(
                f"a word of this text has more than the {self._limit - 1} tokens that XTTS-v2 takes at most: "
                f"{text[:40]}..."
            )
        for half in halves:
            yield from self._parts(half, language)


def _halves(text: str, language: str) -> tuple[str, str] | None:
    """The text split at the best break near its middle, each half with words in it; None if impossible."""
    middle = len(text) // 2
    for pattern in _BREAKS:
        ends = (found.end() for found in pattern.finditer(text))
        for end in sorted(ends, key=lambda end: abs(end - middle)):
            if _has_words(text[:end]) and _has_words(text[end:]):
                return text[:end], text[end:]
    if _short(language) in _UNSPACED:
        for end in sorted(range(1, len(text)), key=lambda end: abs(end - middle)):
            split_word = _WITHIN_A_WORD.search(text, max(end - 2, 0), end + 2)
            if split_word is None and _has_words(text[:end]) and _has_words(text[end:]):
                return text[:end], text[end:]
    return None


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _short(language: str) -> str:
    """The language without the country: upstream's normalisers use the language only."""
    return language.partition("-")[0]
