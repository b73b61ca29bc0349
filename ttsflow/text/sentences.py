"""The ends of the sentences in a block of text, found with `sentencex`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

import sentencex

from ttsflow.text.graphemes import is_boundary
from ttsflow.text.marks import CLOSING, OPENING, STRAIGHT

# sentencex takes quadratic time if sentences are short (minutes for 0.9 MB of "你好。"). So it gets
# this many characters at a time, about a page, which makes the time linear.
_WINDOW = 2048

_UNQUOTED = str.maketrans(dict.fromkeys(OPENING + CLOSING + STRAIGHT, " "))

# sentencex wrongly ends a sentence after the number of a list item, and in languages other than
# English after a single letter or a title with its full stop ("M. Dupont", "डॉ. शर्मा").
_ITEM_NUMBER = re.compile(r"\(?\d{1,3}[.)]")
_TITLE = re.compile(r"(?<!\w)(?:[^\W\d_]|MM|डॉ)\.\Z")


def sentence_ends(text: str, language: str, *, in_quotations: bool = False) -> Iterator[int]:
    """Yield the index after each sentence of `text`. The last index is the length of `text`.

    The white space of `text` must be single spaces. The space after a sentence belongs to the
    sentence. sentencex does not cut quotations and brackets; with `in_quotations` the sentences inside
    them end, too. An unknown language is read as English.
    """
    code = language.lower().partition("-")[0]  # "zh-cn", "pt-br"
    start = 0
    for end in _proposed_ends(text.translate(_UNQUOTED) if in_quotations else text, code):
        if text[end : end + 1] == " ":
            end += 1
        while in_quotations and start < end < len(text) and _opens(text, end - 1):
            end -= 1
        if end == len(text) or (end > start and _is_end(text, start, end, code)):
            yield end
            start = end


def _proposed_ends(text: str, code: str) -> Iterator[int]:
    start = 0
    while start < len(text):
        window = text[start : start + _WINDOW]
        sentences = sentencex.segment(code, window)
        if "".join(sentences) != window:  # sentencex changed the text, so the lengths do not fit
            sentences = [window]
        ends = [start + length for length in accumulate(map(len, sentences))]
        if start + len(window) == len(text):
            yield from ends
            return
        ends.pop()  # the last sentence may go on after the window
        yield from ends
        start = ends[-1] if ends else start + len(window)


def _is_end(text: str, start: int, end: int, code: str) -> bool:
    if text[end - 1] != " " and text[end] in CLOSING + STRAIGHT:
        return False  # the closing quote belongs to the sentence before it
    tail = text[max(start, end - 8) : end].rstrip()  # long enough for both patterns, and cheap to search
    if text[end].islower() and tail[-1:] not in CLOSING + STRAIGHT:
        return False  # no end in: and oh! ever so many; an end in: "Oh dear!" she said
    held = _ITEM_NUMBER.fullmatch(tail) or (code != "en" and _TITLE.search(tail))
    return not held and is_boundary(text, end)


def _opens(text: str, index: int) -> bool:
    char = text[index]
    return char in OPENING or (char in STRAIGHT and text[index - 1] == " ")
