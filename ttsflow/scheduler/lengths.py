"""Lengths: whether audio is as long as its text should take, by what the run itself has shown."""

from __future__ import annotations

from collections import deque
from statistics import median

from ttsflow.interface.jobs import ChunkJob, Doubt

ENOUGH = 20
"""chunks of a language before any is judged"""

FACTOR = 3.0
"""Speech varies by half at most from sentence to sentence; a model that stops early or goes on and on
is off by more than this."""

SLACK_S = 3.0
"""that a short text may take on top: breaths, initials, a word that is spelt out"""

DIGIT_CHARS = 6
"""a digit is read as a word ("seven")"""


class Lengths:
    """Seconds of audio per character at the normal speed, by language: the median of the last attempts."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}

    def expected_s(self, job: ChunkJob) -> float | None:
        """How long the audio should be, in seconds; None until enough was seen."""
        seen = self._seen.get(job.language, ())
        return median(seen) * _spoken_chars(job.text) / job.speed if len(seen) >= ENOUGH else None

    def observe(self, job: ChunkJob, audio_s: float) -> None:
        """Learn from an attempt."""
        if chars := _spoken_chars(job.text):
            self._seen.setdefault(job.language, deque(maxlen=2 * ENOUGH)).append(audio_s * job.speed / chars)

    def doubt(self, job: ChunkJob, audio_s: float) -> Doubt | None:
        """What is implausible about the length."""
        expected_s = self.expected_s(job)
        if expected_s is None:
            return None
        if audio_s > FACTOR * expected_s + SLACK_S:
            off = "long"
        elif expected_s > SLACK_S and audio_s < expected_s / FACTOR:
            off = "short"
        else:
            return None
        seconds = f"{audio_s:.1f} s, about {expected_s:.1f} s expected"
        return Doubt("length", f"much too {off} for its text ({seconds})")


def _spoken_chars(text: str) -> int:
    return len(text) + (DIGIT_CHARS - 1) * sum(map(str.isdigit, text))
