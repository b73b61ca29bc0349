"""Patterns of text that is left out, or spoken as something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ttsflow.errors import ConfigError
from ttsflow.text.languages import covers
from ttsflow.text.marks import NOTE
from ttsflow.text.pronunciation.wording import Edit

LONGEST_S = 5.0
"""seconds that a pattern may look through one chunk; what takes so long would take for ever"""

_GAP_ENDS = " .,;:!?)”’»…。、，；：！？）"  # noqa: RUF001  # marks of several scripts


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of the module `regex`, and what is spoken in its place; "" leaves it out.

    `words` may refer to groups: "\\1", "\\g<name>". With a `language` it holds in that one only. Raises
    ValueError, which says what is wrong and where.
    """

    pattern: str
    words: str = ""
    language: str | None = None
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        import regex  # here, because a program that starts must not load it

        try:
            compiled = regex.compile(self.pattern)
        except regex.error as error:
            at = "" if error.pos is None else f" at character {error.pos + 1}"
            raise ValueError(f"{self.pattern!r} is no regular expression: {error.msg}{at}") from None
        try:
            compiled.sub(self.words, "", timeout=LONGEST_S)
            for unknown in _groups(self.words):
                if unknown not in compiled.groupindex and not _is_number(unknown, compiled.groups):
                    raise IndexError(f"the pattern has no group {unknown}")
        except (regex.error, IndexError, TimeoutError) as error:
            raise ValueError(f"{self.words!r} cannot stand for {self.pattern!r}: {error}") from None
        object.__setattr__(self, "_compiled", compiled)

    def edits(self, text: str, language: str) -> Iterator[Edit]:
        """What changes in a text. Raises ConfigError where the pattern takes far too long."""
        if self.language is not None and not covers(self.language, language):
            return
        try:
            done = 0
            for found in self._compiled.finditer(text, timeout=LONGEST_S):
                words = found.expand(self.words)
                start, end = found.span()
                yield Edit(start if words else max(done, _without_gap(text, start, end)), end, words)
                done = end
        except TimeoutError:
            raise ConfigError(
                f"text.replace: the pattern {self.pattern!r} takes more than {LONGEST_S:g} s for "
                f"{text[:60]!r}; write it without repetitions inside of repetitions"
            ) from None


def _without_gap(text: str, start: int, end: int) -> int:
    """Where the space before text[start:end] begins, if no other word follows; else `start`."""
    if start and text[start - 1] == " " and text[end : end + 1] in _GAP_ENDS:
        return start - 1
    return start


_GROUP = re.compile(r"\\(?:\\|(?P<number>[1-9]\d?)|g<(?P<name>[^>]*)>)")


def _groups(words: str) -> Iterator[str]:
    """The groups that the words refer to, by their numbers or names."""
    found = (match["number"] or match["name"] for match in _GROUP.finditer(words))
    return (group for group in found if group is not None)


def _is_number(group: str, most: int) -> bool:
    return group.isdecimal() and int(group) <= most


_SMALL = "⁰¹²³⁴-⁹"
_BEHIND = r"[^\W\d_]|[.,;:!?…\"”’»)\]]"  # noqa: RUF001  # a quotation mark

NAMED = {
    "citations": r"\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3}){0,20}\]",  # noqa: RUF001  # a dash
    "note_marks": (
        rf"\[\^[\w-]{{1,50}}\]"
        rf"|[{_SMALL}](?<=(?:{_BEHIND}).)(?<!\d\s?[^\W\d_]{{1,3}}.|(?<![^\W\d_])[^\W\d_].)[{_SMALL}]{{0,2}}"
        rf"|[*†‡](?<=(?:{_BEHIND}).)[*†‡]{{0,2}}(?=[\s.,;:!?]|\Z)(?<!\*\*[^*]{{0,200}}\*\*)"
        rf"|{NOTE.pattern}"
    ),
}
"""patterns that have a switch of their own: what is left out without it"""
