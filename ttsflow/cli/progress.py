"""How far a run is, how fast it speaks, and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass

from ttsflow.interface.jobs import Outcome
from ttsflow.report import Attempt
from ttsflow.text.document import count_chars


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a text: characters, and chunks, None where nobody has counted them.

    Where chunks are counted the characters are all of theirs, else those that `count_chars` counts.
    """

    chars: int
    chunks: int | None = None

    def __add__(self, other: Amount) -> Amount:
        both = self.chunks is not None and other.chunks is not None
        return Amount(self.chars + other.chars, (self.chunks or 0) + (other.chunks or 0) if both else None)


class Progress:
    """The progress of the whole text: what was kept before counts, too, but not for the speed.

    `left` is what is to be spoken, None while nobody knows, because the text still comes. Characters
    measure it: chunks differ in length, and the long ones may come first. Times are seconds on the
    driver's clock; until the first worker is ready nothing can be spoken, and no time counts.
    """

    def __init__(self, left: Amount | None = None, kept: Amount | None = None) -> None:
        self.expect(left, kept or Amount(0, 0))
        self._in_chunks = left is None or left.chunks is not None
        self._chars = 0
        self._made: set[tuple[str, int]] = set()  # chunks that are kept, and whose turn is still to come
        self._in_work: dict[int, int] = {}  # characters of the attempts that run
        self._began_s: float | None = None
        self.chunks = 0
        """ended in this run, those with nothing to say left out"""
        self.audio_s = 0.0
        """made in this run"""

    def expect(self, left: Amount | None, kept: Amount) -> None:
        """What this run has to speak, and what was kept before: of many texts that shows as they are read."""
        self._left, self._kept = left, kept

    def ready(self, now: float) -> None:
        """A worker is ready."""
        if self._began_s is None:
            self._began_s = now

    def attempt(self, token: int, attempt: Attempt) -> None:
        """As an observer is told."""
        if attempt.ended_s is None:
            self._in_work[token] = attempt.chars
        else:
            self._in_work.pop(token, None)

    def made(self, outcome: Outcome) -> None:
        """As an observer is told."""
        self._made.add((outcome.job.stream, outcome.job.index))
        self._count(outcome)

    def ended(self, outcome: Outcome) -> None:
        """As an observer is told: what was kept has been counted when it was made."""
        place = (outcome.job.stream, outcome.job.index)
        if place in self._made:
            self._made.remove(place)
        elif outcome.job.speakable or not self._in_chunks:  # pauses are not among the chunks that are left
            self._count(outcome)

    def _count(self, outcome: Outcome) -> None:
        job = outcome.job
        self._chars += len(job.shown) if self._in_chunks else count_chars(job.shown)
        self.chunks += job.speakable
        self.audio_s += outcome.audio_s

    @property
    def share(self) -> float | None:
        """How much of the text is spoken, 1.0 for all of it; None while nobody knows."""
        if self._left is None:
            return None
        done = self._kept.chars + self._chars
        return min(done / max(self._kept.chars + self._left.chars, 1), 1.0)

    @property
    def counted(self) -> tuple[int, int] | None:
        """Chunks that are spoken, and chunks of the whole text, where they are counted."""
        if self._left is None or self._left.chunks is None or self._kept.chunks is None:
            return None
        return self._kept.chunks + self.chunks, self._kept.chunks + self._left.chunks

    def speed(self, now: float) -> float | None:
        """Seconds of audio a second; None before there is any."""
        took_s = self._took(now)
        return self.audio_s / took_s if took_s and self.audio_s else None

    def left_s(self, now: float) -> float | None:
        """Seconds that the rest will take, if it goes on as it went; None while nobody can tell."""
        took_s = self._took(now)
        if self._left is None or not (took_s and self._chars):
            return None
        # What is in work is half done, on the average; with many workers it is much of a text.
        done = self._chars + sum(list(self._in_work.values())) / 2.0
        return took_s / done * max(self._left.chars - done, 0.0)

    def _took(self, now: float) -> float:
        return 0.0 if self._began_s is None else now - self._began_s
