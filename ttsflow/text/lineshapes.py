"""Shapes of lines: what a single line of plain text looks like."""

# ruff: noqa: RUF001  # this module needs marks that look like Latin marks

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from ttsflow.text.marks import CLOSING, OPENING, STRAIGHT

_WIDE = re.compile(r"[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]+")
_UNSPACED = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")
_TAB = 8

_CLOSED = f"[{re.escape(CLOSING + STRAIGHT)}*_]{{0,4}}"
_SENTENCE_END = re.compile(rf"[.!?…:。！？：؟۔।॥]{_CLOSED}\Z")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")

# Marks of sentences that may stand alone on a line without being a scene break: "...", "?!", a quote.
_OF_SENTENCES = frozenset(".,;:!?…。，、；：！？‥⋯" + OPENING + CLOSING + STRAIGHT)

_ENTRY = re.compile(r"(?:[.·…_](?: ?[.·…_]){2,}|\s{3,}|\t)\s*(?:\d{1,4}|[ivxlc]{1,7})\Z")

_BULLET = re.compile(r"[*•·‣◦▪▸●○■□✓✔✗+-]\s+(?=\S)")
_DASH = re.compile(r"(?:[—―]\s*|–\s+)(?=\S)")
_NUMBER = re.compile(
    r"\(?(?:\d{1,2}\.)*(\d{1,3})(?:[.)]|\.\)|(?<=\d\.\d)|(?<=\d\.\d\d))\s+(?=\S)|([0-9０-９]{1,3})[．、]\s*(?=\S)"
)
_LETTER = re.compile(
    r"(?:\(([A-Za-z]|[ivx]{2,5})\)|([a-z]|[ivx]{2,5})[.)]|([A-Z])\)|([IVX]{1,5})[.)])\s+(?=\S)"
)

_ROMAN = {"i": 1, "v": 5, "x": 10}

Family = Literal["bullet", "dash", "number", "letter"]


class Item(NamedTuple):
    """The mark that begins an item of a list, or a speech of a dialogue.

    `sign` is the bullet or dash itself, "" for a number or a letter. `orders` are the places in the list
    that a number or a letter may stand for ("i" is a ninth letter or a Roman one), () for others.
    `lower` says that the item begins in lower case.
    """

    family: Family
    sign: str
    orders: tuple[int, ...]
    lower: bool


def width(line: str) -> int:
    """The columns that a line takes. A Chinese, Japanese or Korean character takes two."""
    if line.isascii():
        return len(line) + (_TAB - 1) * line.count("\t")
    return len(line) + sum(map(len, _WIDE.findall(line)))


def indent(line: str) -> int:
    """The columns of white space before the first word."""
    return width(line[: len(line) - len(line.lstrip())])


def first_word(line: str) -> str:
    """The least that an editor moves to the next line: a word, or one character of Chinese or Japanese."""
    bare = line.lstrip()
    return bare[:1] if _UNSPACED.match(bare) else bare[:100].split(None, 1)[0]


def joins_unspaced(before: str, after: str) -> bool:
    """Whether no space belongs between the two lines, because their scripts write none."""
    return bool(_UNSPACED.match(before[-1:]) and _UNSPACED.match(after.lstrip()[:1]))


def ends_sentence(line: str) -> bool:
    """Whether a line ends as a sentence does, or with a colon."""
    return _SENTENCE_END.search(line, max(0, len(line) - 6)) is not None


def ends_openly(line: str) -> bool:
    """Whether a line ends in a word, without any mark."""
    return line[-1:].isalnum()


def start_case(line: str) -> Literal["lower", "upper", "none"]:
    """The case of the first letter; "none" where a digit comes first, or the script has no case."""
    found = _LETTER_OR_DIGIT.search(line)
    if found is None:
        return "none"
    char = found.group()
    return "lower" if char.islower() else "upper" if char.isupper() or char.istitle() else "none"


def flows(before: str, after: str) -> bool:
    """Whether a sentence goes on from a line to the next.

    It does where the first line ends no sentence and the second begins in lower case. Where there is no
    case to go by, as in a text in capitals, the first line has to end in a word.
    """
    if ends_sentence(before):
        return False
    case = "none" if before.isupper() and after.isupper() else start_case(after)
    return case == "lower" or (case == "none" and ends_openly(before) and ends_openly(after.lstrip()[:1]))


def is_scene_break(line: str) -> bool:
    """Whether a line has neither letter nor digit and is no part of a sentence: "* * *", "---", "#"."""
    if len(line) > 200 or _LETTER_OR_DIGIT.search(line):
        return False
    return any(char not in _OF_SENTENCES for char in line if not char.isspace())


def is_entry(line: str) -> bool:
    """Whether a line is an entry of a table of contents: a title, dots or white space, a page."""
    return _ENTRY.search(line, max(0, len(line) - 100)) is not None


def is_capitals(line: str) -> bool:
    """Whether all letters that have a case are capitals, and there are three or more."""
    return line.isupper() and sum(map(str.isupper, line[:100])) > 2


def item_of(line: str) -> Item | None:
    """The mark of a list or a dialogue that the line begins with; None where it has none."""
    bare = line.lstrip()
    if found := _BULLET.match(bare) or _DASH.match(bare):
        family: Family = "bullet" if found.re is _BULLET else "dash"
        return Item(family, bare[0], (), bare[found.end()].islower())
    if found := _NUMBER.match(bare):
        return Item("number", "", (int(found[1] or found[2]),), bare[found.end()].islower())
    if found := _LETTER.match(bare):
        mark = (found[1] or found[2] or found[3] or found[4]).lower()
        letter = (ord(mark) - ord("a") + 1,) if len(mark) == 1 else ()
        roman = (_roman_value(mark),) if set(mark) <= set(_ROMAN) else ()
        return Item("letter", "", letter + roman, bare[found.end()].islower())
    return None


def _roman_value(numeral: str) -> int:
    values = [_ROMAN[char] for char in numeral]
    return sum(-one if one < two else one for one, two in zip(values, [*values[1:], 0], strict=True))
