"""Lengths: whether audio is as long as its text should take, by what the run itself has shown."""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from statistics import median

from ttsflow.interface.jobs import ChunkJob, Doubt
from ttsflow.interface.profile import Profile

ENOUGH = 20
"""chunks of a language before any is judged"""

REMEMBERED = 40
"""chunks of a language that are compared with, the last ones"""

FACTOR = 3.0
"""Speech varies by half at most from sentence to sentence; a model that stops early or goes on and on
is off by more than this."""

FIRST_FACTOR = 4.0
"""The same by the backend's profile, which knows neither the voice nor the kind of text."""

SLACK_S = 1.5
"""that a short text may take on top: breaths, initials, a word that is spelt out"""

SHORT_S = 0.7
"""No audio is shorter than its text should take if that is less than this."""

DIGIT_CHARS = 6
"""a digit is read as a word ("seven")"""


class Lengths:
    """Seconds of audio per character at the normal speed, by language: the median of the last attempts.

    Until enough was seen it is what the profile has measured for the language, if anything.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._seen: dict[str, deque[float]] = {}

    def expected_s(self, job: ChunkJob) -> float | None:
        """How long the audio should be, in seconds; None while nobody knows."""
        if self._knows(job.language):
            per_char = median(self._seen[job.language])
        elif (rate := self._profile.measured_rate(job.language)) is not None:
            per_char = 1.0 / rate
        else:
            return None
        return per_char * _spoken_chars(job.text) / job.speed

    def observe(self, job: ChunkJob, audio_s: float) -> None:
        """Learn from an attempt."""
        if chars := _spoken_chars(job.text):
            self._seen.setdefault(job.language, deque(maxlen=REMEMBERED)).append(audio_s * job.speed / chars)

    def doubt(self, job: ChunkJob, audio_s: float) -> Doubt | None:
        """What is implausible about the length."""
        expected_s = self.expected_s(job)
        if expected_s is None:
            return None
        factor = FACTOR if self._knows(job.language) else FIRST_FACTOR
        if audio_s > factor * expected_s + SLACK_S:
            off = "long"
        elif expected_s > SHORT_S and audio_s < expected_s / factor:
            off = "short"
        else:
            return None
        seconds = f"{audio_s:.1f} s, about {expected_s:.1f} s expected"
        return Doubt("length", f"much too {off} for its text ({seconds})")

    def _knows(self, language: str) -> bool:
        return len(self._seen.get(language, ())) >= ENOUGH


_RUN = re.compile(r"([^\w\s])\1+")


@lru_cache(maxsize=256)  # a chunk is judged, and then learnt from
def _spoken_chars(text: str) -> int:
    """Characters, of a row of the same mark one; a digit counts as a word."""
    return len(_RUN.sub(r"\1", text)) + (DIGIT_CHARS - 1) * sum(map(str.isdigit, text))
