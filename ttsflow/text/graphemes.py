"""The places where a text may be cut without cutting through what a reader sees as one character."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # zero width non-joiner and joiner


def is_boundary(text: str, index: int) -> bool:
    """Whether `text` may be cut before `index`.

    The rule is a short form of the extended grapheme clusters of Unicode Standard Annex 29: marks,
    variation selectors, joiners, skin tones, emoji tags and the later parts of a Hangul syllable stay
    with the character before them. There is no cut after a zero width joiner, nor before a space that
    carries a mark: chunks begin without spaces, and the mark would be left alone.
    """
    if index <= 0 or index >= len(text):
        return True
    if text[index] == " " and _extends(text[index + 1 : index + 2]):
        return False
    return not (_extends(text[index]) or text[index - 1] == "\u200d")


def _extends(char: str) -> bool:
    if not char or char < "\u0300":
        return False
    return (
        unicodedata.category(char).startswith("M")
        or char in _JOINERS
        or "\u1160" <= char <= "\u11ff"  # Hangul vowels and final consonants
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags
    )
