"""What is heard in audio: phonemes, as the recogniser hama hears them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from hama import ASRModel, G2PModel

LIKE_THE_TEXT, LIKE_ANOTHER = 0.35, 0.7
"""error rates: a sentence spoken well comes to 0.02-0.31, compared with another text to 0.8 and more"""


def phoneme_error_rate(samples: np.ndarray, sample_rate: int, text: str) -> float:
    """Phonemes missing, added or wrong, as part of those of `text`."""
    expected = _phonemes(_pronouncer()(text).ipa)
    heard = _phonemes(_recogniser()(samples, sample_rate).phoneme_text)
    return _distance(heard, expected) / len(expected)


@cache
def _recogniser() -> Any:
    return ASRModel()


@cache
def _pronouncer() -> Any:
    return G2PModel()


def _phonemes(ipa: str) -> list[str]:
    return [sign for sign in ipa if sign.isalpha()]


def _distance(one: list[str], other: list[str]) -> int:
    """Levenshtein's."""
    row = list(range(len(other) + 1))
    for count, sign in enumerate(one, 1):
        before, row = row, [count]
        for index, expected in enumerate(other):
            row.append(min(before[index + 1] + 1, row[-1] + 1, before[index] + (sign != expected)))
    return row[-1]
