"""A job's text as the token ids of XTTS-v2's own vocabulary; or in parts, or why it cannot be spoken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from ttsflow import ChunkJob, JobRefused, TextTooLong, UsageError, install_command
from ttsflow_plugins.xtts.upstream import brief

_FRONT_ENDS = {"ja": ("cutlet", "fugashi"), "zh": ("pypinyin",)}
_EXTRA = {"ja": "xtts-ja"}  # of ttsflow, with what a language needs; of all others: xtts

_UNSPACED = ("zh", "ja")  # languages that may be parted between any two characters
# Where a text may be parted, the best first: behind a clause, between words.
_SEAMS = (
    re.compile(r"[.!?…;:,—،؛؟।][\"'”’»)\]]*(?=\s)|[。！？；：，、]"),  # noqa: RUF001  # marks of all its scripts
    re.compile(r"\s"),
)
_WITHIN_A_WORD = re.compile(r"[a-z0-9][.,]?[a-z0-9]", re.IGNORECASE | re.ASCII)  # a number, or a Latin word


def check_language(language: str) -> None:
    """Raise UsageError where packages that a language needs are not installed."""
    short = _short(language)
    absent = [name for name in _FRONT_ENDS.get(short, ()) if find_spec(name) is None]
    if absent:
        raise UsageError(f"XTTS-v2 needs {' and '.join(absent)} to speak {language!r}: {_remedy(short)}")


def _remedy(short: str) -> str:
    return install_command(_EXTRA.get(short, "xtts"))


class TextReader:
    """Upstream's tokenizer, and the limit of the model: the tokens of a text must be fewer than `limit`."""

    def __init__(self, tokenizer: Any, limit: int) -> None:
        self._tokenizer = tokenizer
        self._limit = limit

    def tokens(self, job: ChunkJob) -> list[int]:
        """Token ids of the text, numbers and abbreviations written out.

        Raises TextTooLong with parts that fit, and JobRefused where there are none, or nothing of the
        text is in the vocabulary, or what its language needs is not installed.
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
        """One of the tokenizer's methods, as upstream's `inference()` calls `encode`."""
        short = _short(language)
        try:
            return method(text.strip().lower(), short)
        except ImportError as error:
            raise JobRefused(
                f"XTTS-v2 needs more to speak {language!r} ({error}): {_remedy(short)}"
            ) from error
        except Exception as error:  # each language's normaliser raises its own, and would again at every try
            raise JobRefused(
                f"XTTS-v2 cannot read this text in {language!r} ({type(error).__name__}: {brief(error)}); "
                "write its numbers out as words"
            ) from error

    def _parts(self, text: str, language: str) -> Iterator[str]:
        """Stretches of the text, in order, that fit one by one; of its written-out form where it must be."""
        text = text.strip()
        if len(self._encode(text, language)) < self._limit:
            yield text
            return
        halves = _halves(text, language)
        if halves is None:  # one number, say, that is many words
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
    """The text parted at the best seam near its middle, each half with something to say."""
    middle = len(text) // 2
    for seams in _SEAMS:
        ends = (seam.end() for seam in seams.finditer(text))
        for end in sorted(ends, key=lambda end: abs(end - middle)):
            if _has_words(text[:end]) and _has_words(text[end:]):
                return text[:end], text[end:]
    if _short(language) in _UNSPACED:
        for end in sorted(range(1, len(text)), key=lambda end: abs(end - middle)):
            torn = _WITHIN_A_WORD.search(text, max(end - 2, 0), end + 2)
            if torn is None and _has_words(text[:end]) and _has_words(text[end:]):
                return text[:end], text[end:]
    return None


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _short(language: str) -> str:
    """Without the country: upstream's normalisers go by the language alone."""
    return language.partition("-")[0]
