"""Shapes of lines: what a single line of plain text looks like."""

# ruff: noqa: RUF001  # this module needs marks that look like Latin marks

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from ttsflow.text.directions import is_direction
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
    """Whether a line ends in a word, without any punctuation."""
    return line[-1:].isalnum() or unicodedata.category(line[-1:] or " ").startswith("M")  # vowel signs


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
    """Whether a line has neither letter nor digit and is no part of a sentence: "* * *", "---", "#".

    Nor has one that holds only marks of speakers and pauses.
    """
    if is_direction(line):
        return True
    if len(line) > 200 or _LETTER_OR_DIGIT.search(line):
        return False
    return any(char not in _OF_SENTENCES for char in line if not char.isspace())


def is_entry(line: str) -> bool:
    """Whether a line is an entry of a table of contents: a title, dots or white space, a page."""
    return _ENTRY.search(line, max(0, len(line) - 100)) is not None


def is_capitals(line: str) -> bool:
    """Whether all letters that have a case are capitals, and there are three or more."""
    return line.isupper() and sum(map(str.isupper, line[:100])) > 2
