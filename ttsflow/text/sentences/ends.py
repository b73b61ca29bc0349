"""The ends of the sentences in a block of text.

`sentencex` proposes the ends. One counts if LanguageTool's rules and the program's own agree: an end in the
wrong place is heard as a pause, and a missed one only makes a longer chunk. The program's own rules know more
abbreviations, numbers, the marks of notes, what tells who speaks, and some ends that the others miss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

import sentencex

from ttsflow.text.graphemes import is_boundary
from ttsflow.text.marks import CLOSING, NOTE, OPENING, STRAIGHT, closing, without_lone
from ttsflow.text.sentences import srx
from ttsflow.text.sentences.abbreviations import is_abbreviation, is_initial
from ttsflow.text.sentences.ambiguity import is_shown, shown_ends
from ttsflow.text.sentences.numbering import LIST_REACH, is_item_number, is_ordinal
from ttsflow.text.sentences.openers import opens_sentence
from ttsflow.text.sentences.speech import is_tag

LOOKAHEAD = 512
"""An end is decided by at most this many characters after it.

If a text grows, its ends that are at least this far from where it stops stay as they are. It is also the
length of the windows in which `sentencex` gets the text: it takes quadratic time if sentences are short
(minutes for 0.9 MB of "你好。"), and windows make the time linear.
"""

_NEAR = 64  # characters before an end that decide, lists aside; a bound, for linear time

_BLANK_QUOTES = str.maketrans(dict.fromkeys(OPENING + CLOSING + STRAIGHT, " "))

_DASH = re.compile("[—–-] ?")  # noqa: RUF001
# Other marks, such as 。 and ।, stand nowhere but at an end.
_LATIN_STOP = re.compile(rf"[.!?…][{re.escape(CLOSING + STRAIGHT)} ]*\Z")


def sentence_ends(text: str, language: str, *, in_quotations: bool = False) -> Iterator[int]:
    """Yield the index after each sentence of `text`. The last index is the length of `text`.

    The white space of `text` must be single spaces. The space after a sentence belongs to the sentence,
    and so does the mark of a note. sentencex does not cut quotations and brackets; with `in_quotations`
    the sentences inside them end, too. An unknown language is read as English.
    """
    code = language.lower().partition("-")[0]  # "zh-cn", "pt-br"
    start = 0
    for end in _proposed_ends(text, code, in_quotations):
        while start < end < len(text) and _opens(text, end - 1):
            end -= 1
        if end > start and (end == len(text) or _is_end(text, start, end, code, in_quotations)):
            yield end
            start = end


def _proposed_ends(text: str, code: str, in_quotations: bool) -> Iterator[int]:
    start = 0
    while start < len(text):
        window = _readable(text[start : start + LOOKAHEAD], in_quotations)
        if start + len(window) < len(text):  # the last sentence may go on after the window
            found = _ends_of_sentencex(window + closing(window), code)[:-1]
            ends = [end for end in found if end < len(window)]
        else:
            ends = _ends_of_sentencex(window, code)
        ends = sorted({*ends, *shown_ends(window, code)})
        for end in ends:
            yield start + end + _spaces(window, end)
        if start + len(window) == len(text):
            return
        start += ends[-1] if ends else window.rfind(" ") + 1 or len(window)


def _ends_of_sentencex(window: str, code: str) -> list[int]:
    sentences = sentencex.segment(code, window)
    if "".join(sentences) != window:  # sentencex changed the text, so the lengths do not fit
        sentences = [window]
    return list(accumulate(map(len, sentences)))


def _readable(window: str, in_quotations: bool) -> str:
    """The window as sentencex gets it, of the same length: spaces stand for marks that would mislead it."""
    window = NOTE.sub(lambda note: " " * len(note[0]), without_lone(window))
    return window.translate(_BLANK_QUOTES) if in_quotations else window


def _spaces(window: str, at: int) -> int:
    return len(window) - at - len(window[at:].lstrip(" "))


def _is_end(text: str, start: int, end: int, code: str, in_quotations: bool) -> bool:
    spaced = text[end - 1] == " "
    closed = text[end - 1 - spaced] in CLOSING + STRAIGHT
    if not spaced and text[end] in CLOSING + STRAIGHT:
        return False  # the closing quote belongs to the sentence before it
    if _first_letter(text, end).islower() and not (in_quotations and closed):
        return False  # no end in: and oh! ever so many; an end in: "Oh dear!" she said
    if not is_boundary(text, end):
        return False
    near = max(start, end - _NEAR)
    seen = _readable(text[near : end + srx.AHEAD], in_quotations)
    before, after = seen[: end - near].rstrip(" "), seen[end - near :]
    stop = near + len(before)
    behind = text[stop : end + srx.AHEAD].lstrip(" ")  # with the mark of a note
    if not in_quotations and is_tag(before, behind, code):
        return False
    if not _LATIN_STOP.search(before):
        return True
    in_list = is_item_number(text[max(start, stop - LIST_REACH) : stop])
    if in_list or (before.endswith(".") and _goes_on(before, behind, code)):
        return False
    return is_shown(before, behind, code) or srx.allows(before + " " * spaced, after, code)


def _first_letter(text: str, at: int) -> str:
    """What stands at `at`, a dash aside, as in: "¡Ven! —dijo Ana"."""
    dash = _DASH.match(text, at)
    return text[dash.end() : dash.end() + 1] if dash else text[at]


def _goes_on(before: str, after: str, code: str) -> bool:
    """Whether the full stop at the end of `before` belongs to its last word, and the sentence goes on."""
    held = is_ordinal(before, code) or is_abbreviation(before, after, code) or is_initial(before, code)
    return held and not opens_sentence(after, code)


def _opens(text: str, index: int) -> bool:
    char = text[index]
    return char in OPENING or (char in STRAIGHT and text[index - 1] == " ")
