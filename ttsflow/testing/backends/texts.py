"""Texts that a backend is given in a check: prose, texts up to its cap, and odd ones."""

from __future__ import annotations

from importlib import resources
from itertools import cycle

ANYWHERE = "2, 3, 5, 7."
"""for languages that are not in prose.txt: all have words for numbers"""

ODD = {
    "letter": "a",
    "digits": "3.14159265358979 and 1,234,567,890",
    "emoji": "Thumbs up 👍🏽, party 🎉, flag 🇫🇷.",
    "scripts": "Москва, 東京, القاهرة, Αθήνα, กรุงเทพ.",
    "long-word": "a" * 100,
    "marks": "\"'«»—…!?;:()[]{}<>&%$#@*_~^|\\/ and that was it.",
    "strange-space": "One\u00a0two\u200bthree\u2028four\tfive\u0007six.",
    "5000-characters": "It was a long day, and nobody said a word. " * 116 + "Then it rained.",
}
"""by name, texts that a book or a person may bring"""


def prose(language: str) -> str:
    """One to three sentences in a language, by its tag; numbers where the file has none."""
    primary = language.replace("_", "-").partition("-")[0].lower()
    lines = (resources.files(__package__) / "prose.txt").read_text("utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines).get(primary, ANYWHERE)


def is_known(language: str) -> bool:
    """Whether `prose` has real words of a language."""
    return prose(language) != ANYWHERE


def sentences(language: str) -> tuple[str, str, str]:
    """Three different texts in a language, a long, a middle and a short one."""
    whole = prose(language)
    half = len(whole) // 2
    cut = whole.find(" ", half) if " " in whole else half
    return whole, whole[:cut].strip(), whole[cut:].strip()


def up_to(chars: int, language: str) -> str:
    """Prose of nearly so many characters, which ends with a whole word where the language has spaces."""
    text, words = "", cycle(prose(language).split())
    while len(text) < chars:
        text += f"{next(words)} "
    text = text[:chars]
    whole = text.rpartition(" ")[0]
    return (whole if len(whole) > chars / 2 else text).strip()
