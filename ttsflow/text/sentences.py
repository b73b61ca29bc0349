"""Where the sentences of a block of text end, as `sentencex` sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

import sentencex

from ttsflow.text.graphemes import is_boundary
from ttsflow.text.marks import CLOSING, OPENING, STRAIGHT

# sentencex takes quadratic time where sentences are short (minutes for 0.9 MB of "你好。"), so it is
# shown this many characters at a time: a page or so, which makes the whole linear.
_WINDOW = 2048

_UNQUOTED = str.maketrans(dict.fromkeys(OPENING + CLOSING + STRAIGHT, " "))

# What sentencex takes for a whole sentence though more must follow: the number of a list item, and
# outside English a letter or a title with its full stop ("M. Dupont", "डॉ. शर्मा").
_ITEM_NUMBER = re.compile(r"\(?\d{1,3}[.)]")
_TITLE = re.compile(r"(?<!\w)(?:[^\W\d_]|MM|डॉ)\.\Z")


def sentence_ends(text: str, language: str, *, in_quotations: bool = False) -> Iterator[int]:
    """Yield the index behind each sentence of `text`; the last one is its length.

    `text` has single spaces for all its white space; the space after a sentence belongs to it.
    sentencex keeps quotations and brackets whole; with `in_quotations` their sentences end too.
    An unknown language is read as English.
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
        if "".join(sentences) != window:  # then their lengths say nothing about this text
            sentences = [window]
        ends = [start + length for length in accumulate(map(len, sentences))]
        if start + len(window) == len(text):
            yield from ends
            return
        ends.pop()  # the last sentence may go on behind the window
        yield from ends
        start = ends[-1] if ends else start + len(window)


def _is_end(text: str, start: int, end: int, code: str) -> bool:
    if text[end - 1] != " " and text[end] in CLOSING + STRAIGHT:
        return False  # the closing quote belongs to what it closes
    tail = text[max(start, end - 8) : end].rstrip()  # more than a held sentence, less than would cost
    if text[end].islower() and tail[-1:] not in CLOSING + STRAIGHT:
        return False  # "and oh! ever so many", but: "Oh dear!" she said
    held = _ITEM_NUMBER.fullmatch(tail) or (code != "en" and _TITLE.search(tail))
    return not held and is_boundary(text, end)


def _opens(text: str, index: int) -> bool:
    char = text[index]
    return char in OPENING or (char in STRAIGHT and text[index - 1] == " ")
