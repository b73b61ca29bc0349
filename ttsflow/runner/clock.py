"""The clock of a run: it stands still while the whole program does."""

from __future__ import annotations

import time

STOPPED_S = 3.0
"""A wait that takes so much longer than it should is more than a wait: the program was stopped."""


class RunClock:
    """The monotonic clock, less the times in which the program was stopped and continued.

    Its owner looks at it each `BEAT_S` seconds, or earlier. The time that the owner's thread computes in
    between counts; any other time is one in which the program did not run.
    """

    BEAT_S = 1.0

    def __init__(self) -> None:
        self._lost_s = 0.0
        self._looked_s, self._worked_s = time.monotonic(), 0.0

    def now(self) -> float:
        """Seconds on this clock."""
        return time.monotonic() - self._lost_s

    def look(self) -> float:
        """Tell that the owner waited for BEAT_S at most; for how long the program was stopped, or 0."""
        now, worked = time.monotonic(), time.thread_time()
        gap_s = now - self._looked_s - self.BEAT_S - (worked - self._worked_s)
        self._looked_s, self._worked_s = now, worked
        if gap_s < STOPPED_S:
            return 0.0
        self._lost_s += gap_s
        return gap_s
