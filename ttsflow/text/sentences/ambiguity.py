"""Full stops that may belong to a word and end a sentence at once: in the U.S. The next word decides.

Some of them are never ends to sentencex, and some never to LanguageTool's rules.
"""

# ruff: noqa: RUF001, RUF003  # Cyrillic letters look like Latin ones

from __future__ import annotations

import re
from collections.abc import Iterator

from ttsflow.text.marks import closing
from ttsflow.text.sentences.openers import opens_sentence

_LONGEST = 16  # characters

_WORDS = "[Nn]o|etc|ecc|enz|usw|itd|itp|osv|atd|apod|stb|др|пр|Inc|Ltd|Co|Jr|Sr|UU"
_LETTERS = r"[ap]\.m|[rwвг]|т\. ?[дп]"  # p.m., w XX w., в 1920 г., и т. д.
_EITHER = rf"(?:(?<![\w.])(?:(?:[A-Z]\.)+[A-Z]|[IVXLC]+|{_LETTERS}|{_WORDS})|° ?[CF])\."
_INSIDE, _LAST = re.compile(rf"{_EITHER} "), re.compile(rf"{_EITHER}\Z")
_ENGLISH = re.compile(r"(?<![\w.])[A-Z]\.\Z")  # vitamin C; but "z. B. Die Zeit"
_DEGREES = re.compile(r"° ?[CF]\.\Z")  # always an end: it is written without a full stop


def is_shown(before: str, after: str, code: str) -> bool:
    """Whether a sentence ends between `before`, which ends with such a full stop, and `after`."""
    before = before[-_LONGEST:]
    if _DEGREES.search(before):
        return True
    either = _LAST.search(before) or (code == "en" and _ENGLISH.search(before))
    return bool(either and opens_sentence(after, code))


def shown_ends(text: str, code: str) -> Iterator[int]:
    """The indices in `text` where such a full stop ends a sentence, outside quotations and brackets."""
    for either in _INSIDE.finditer(text):
        end = either.end()
        if is_shown(text[: end - 1], text[end:], code) and not closing(text[:end]):
            yield end
