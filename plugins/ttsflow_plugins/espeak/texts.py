"""How a text is written for eSpeak NG, so that it says what a reader would."""

from __future__ import annotations

import re

# Without spaces around it a dash is no pause, and the marks beside it are read aloud: "exclamation".
_DASH = re.compile(r"\s*(?:--+|—)\s*")

# "Part C" has a letter, and "the Book I read" a word.
_PARTS = "Chapter|Part|Book|Volume|Section|Act|Scene"
_NUMBERED = re.compile(
    rf"\b(?P<part>(?:{_PARTS}|{_PARTS.upper()}) )"
    r"(?P<number>[IVXLC]{2,}|[VX]|I(?=[.,:;!?)]|\Z| —))(?!\w|['\u2019]\w)"
)
_ROMAN = re.compile(r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def written(text: str, language: str) -> str:
    """The same text with its dashes apart and, in English, with digits for the Roman numbers of chapters.

    eSpeak NG reads `III` as "roman three"; no setting of the library leaves the word out.
    """
    text = _DASH.sub(" — ", text)
    if language.lower().partition("-")[0] != "en":
        return text
    return _NUMBERED.sub(lambda found: found["part"] + _in_digits(found["number"]), text)


def _in_digits(number: str) -> str:
    if not _ROMAN.fullmatch(number):
        return number
    values = [_VALUES[letter] for letter in number]
    following = [*values[1:], 0]
    return str(
        sum(-value if value < after else value for value, after in zip(values, following, strict=True))
    )
