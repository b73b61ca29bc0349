"""How a text is written for hibari, so that it says what a reader would."""

from __future__ import annotations

import re

_DASH = re.compile(r"\s*(?:--+|—)\s*")

_UNSTRESSED = (
    "a and are as at be been but by can could did do does for from had has have he her him his if into is "
    "its me might must my not of on our shall she should so than that the their them these they this those "
    "to was we were will with would you your"
)

_EMPHASIS = re.compile(rf"(?P<first>^\W*|[.!?]\W+)?\b(?P<word>{_UNSTRESSED.upper().replace(' ', '|')})\b")

_NUMBERED = re.compile(r"\b(?:CHAPTER|PART|BOOK|VOLUME|SECTION|ACT|SCENE)(?= [IVXLC]+\b)")

_PRONOUNCED = re.compile(r"\[([^\]]+)\]\(/[^)]*/\)")


def written(text: str, *, pronunciations: bool = False) -> str:
    """The same text with its dashes apart, and without capitals that hibari would spell letter by letter.

    It reads `mouths--and` as one word, `WITH` as four letters, and `III` as three behind `CHAPTER`. What
    stands between slashes in `[cat](/kæt/)` it takes for phonemes. Without `pronunciations` that is a link,
    such as `[docs](/docs/)`, of which hibari says the words, as of links to other addresses.
    """
    if not pronunciations:
        text = _PRONOUNCED.sub(r"\1", text)
    text = _DASH.sub(" — ", text).strip()
    text = _EMPHASIS.sub(_small, text)
    return _NUMBERED.sub(lambda word: word.group().capitalize(), text)


def _small(found: re.Match[str]) -> str:
    first, word = found["first"], found["word"]
    return word.lower() if first is None else first + word.capitalize()
