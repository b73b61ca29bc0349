"""Hyphens at line ends: which of them the line end has brought, and which belong to the word.

The text itself is asked first: whichever of "negative" and "nega-tive" it has elsewhere is right. Where
it has neither, a hyphen belongs to the word

- before a capital or a digit ("Jean-Luc", "1914-1918");
- if another hyphen and a little word between the two show a chain ("out-of-the-way");
- if both parts have four letters or more and are words of this text;
- if the language forms such words: English with a first part such as "well" or "twenty", French with
  a pronoun behind its verb ("allez-vous").

All other hyphens are undone. A hyphen before "and", "und", "et" stands for a part that follows later
("Vor- und Nachteile"): it stays, and so does the space. Soft hyphens are always undone. Lists of words
or of places to hyphenate would not help: "one-sided" may be broken where "onesided" could be.
"""

# ruff: noqa: RUF001  # this module needs hyphens that look like the common one

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from ttsflow.text.plain.lineshapes import joins_unspaced

_SOFT = "\u00ad¬"
_HYPHENS = "-‐"

_LAST_WORD = re.compile(rf"[^\W\d_](?:[^\W_]|[{_HYPHENS}'’])*\Z")
_FIRST_WORD = re.compile(rf"[^\W_]+(?:[{_HYPHENS}][^\W_]+)*")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# Nothing in it may be matched in two ways: one long word, or many blank lines, would take quadratic time.
_BROKEN = re.compile(rf"(?<![^\W\d_])[^\W\d_]++[{_HYPHENS}][^\S\n]*\n\s*+[^\W\d_]+")
_LONGEST_WORD = 100

_ANOTHER_FOLLOWS = {
    "da": "og eller",
    "de": "und oder bzw sowie bis",
    "en": "and or to",
    "es": "y o",
    "fr": "et ou",
    "it": "e o",
    "nl": "en of",
    "no": "og eller",
    "pt": "e ou",
    "sv": "och eller",
}
_LITTLE = "a an and at by de do for in la le of off on or out per the to up à am im zu et en du"
_ENGLISH_FIRST = """
    all broad cold cross deep double dry evil far fast first five four free full good great half hard high
    hot ill kind know large last left light like long low many middle narrow never new nine non old one open
    quick rear red right second self seven sharp short single six slow small soft strong ten third three
    top two warm weak well white wide
"""
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ENGLISH_ENDINGS = """
    ness less ship ward wards ened ening ings ermost land lands ally fully ically stood hood some thing self
    selves where times what body ever most ways able ible ment ments tion ance ence
"""
_FRENCH_LAST = "je tu il elle on nous vous ils elles moi toi lui leur ci là même mêmes être"


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, without those that a line end breaks: what `join_lines` asks."""
    return frozenset(_WORD.findall(_BROKEN.sub(" ", text).lower()))


def join_lines(lines: Iterable[str], words: Collection[str], language: str) -> str:
    """One text of several lines. `words` are those that the document has elsewhere."""
    parts: list[str] = []
    for line in lines:
        line = line.strip()
        if parts:
            parts[-1], between = _joint(parts[-1], line, words, language)
            parts.append(between)
        parts.append(line)
    return "".join(parts)


def breaks_word(before: str, after: str) -> bool:
    """Whether a word goes on from one line to the next, behind a hyphen."""
    if before[-1:] not in tuple(_HYPHENS + _SOFT):
        return False
    return before[-2:-1].isalpha() and after.lstrip()[:1].islower()


def ends_in_hyphen(line: str) -> bool:
    """Whether a line ends in a hyphen that stands directly behind a word or a number."""
    return line[-1:] in tuple(_HYPHENS) and line[-2:-1].isalnum()


def _joint(before: str, after: str, words: Collection[str], language: str) -> tuple[str, str]:
    """The first of two lines as it goes into the text, and what goes between the two."""
    if before[-1:] in tuple(_SOFT) and before[-2:-1].isalpha():
        return before[:-1], ""
    first = _LAST_WORD.search(before[:-1], max(0, len(before) - _LONGEST_WORD))
    number = before[-2:-1].isdigit()
    last = _FIRST_WORD.match(after)
    if before[-1:] not in tuple(_HYPHENS) or last is None or not (first or number):
        return before, "" if joins_unspaced(before, after) else " "
    start, end = first.group().lower() if first else "", last.group().lower()
    tag = language.lower().partition("-")[0]
    hyphenated = f"{start}-{end}" in words
    if first and start + end in words and not hyphenated:
        return before[:-1], ""
    if last.group() in _ANOTHER_FOLLOWS.get(tag, "").split():
        return before, " "
    if hyphenated or number or not last.group()[0].islower() or _belongs(start, end, words, tag):
        return before, ""
    return before[:-1], ""


def _belongs(first: str, last: str, words: Collection[str], language: str) -> bool:
    """Whether a hyphen belongs to a word that the text has nowhere else."""
    end, begin = re.split(f"[{_HYPHENS}]", first)[-1], re.split(f"[{_HYPHENS}]", last)[0]
    little = _LITTLE.split()
    if (end != first or begin != last) and (end in little or begin in little):
        return True
    if len(end) > 3 and len(begin) > 3 and end in words and begin in words:
        return True
    match language:
        case "en":
            return _is_english_compound(end, begin)
        case "fr":
            return begin in _FRENCH_LAST.split()
    return False


def _is_english_compound(first: str, last: str) -> bool:
    if first in _ENGLISH_TENS.split():
        return last in _ENGLISH_FIRST.split()
    return first in _ENGLISH_FIRST.split() and len(last) > 3 and last not in _ENGLISH_ENDINGS.split()
