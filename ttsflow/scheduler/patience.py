"""Patience: how long an attempt is waited for, by what the user says, else by what the run has shown."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

from ttsflow.scheduler.limits import Timeouts

REMEMBERED = 200
"""attempts that are looked back on, the last ones"""

ENOUGH = 10
"""attempts that count as much as what was known before the run"""

SLOW_SHARE = 0.95
"""of attempts are quicker than one that is called slow"""

HUNG_FACTOR, HUNG_FLOOR_S = 10.0, 120.0
"""Before the run, an attempt that takes so many times its predicted work is hung: no cost model is off by so
much. The first attempts may have to compile, so that none is hung sooner than the floor."""

MEASURED_FACTOR, MEASURED_FLOOR_S = 4.0, 30.0
"""The same, times what a slow attempt of this run takes, once there is evidence."""

LATE_FACTOR, MEASURED_LATE_FACTOR, LATE_FLOOR_S = 3.0, 1.5, 1.0
"""An attempt is late that takes so many times its predicted work, before the run and by its evidence, and
takes longer than predicted by the floor."""

IDLE_SHARE = 0.5
"""of the time of the whole: what the next piece may take"""


class Patience:
    """Learns how far attempts are off their predictions, as a ratio of actual to predicted work.

    What is known before the run counts like ENOUGH attempts, so that a deadline tightens as evidence grows.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._ratios: deque[float] = deque()
        self._sorted: list[float] = []
        self._seen = 0  # attempts that were learnt from
        self._overruns = 0  # the most deadlines that one part has missed

    def observe(self, predicted_s: float, work_s: float) -> None:
        """Learn from an attempt that is complete; both times are of work alone on its worker."""
        if predicted_s <= 0.0:
            return
        self._seen += 1
        if len(self._ratios) == REMEMBERED:
            del self._sorted[bisect_left(self._sorted, self._ratios.popleft())]
        self._ratios.append(work_s / predicted_s)
        insort(self._sorted, work_s / predicted_s)

    def overran(self, overruns: int) -> None:
        """A part has missed so many deadlines. It shows nothing of what work costs: it may never have ended.

        While little is known the prediction may be poor, though, so that every part gets what one has needed.
        """
        self._overruns = max(self._overruns, overruns)

    def chunk_s(self, predicted_s: float, overruns: int = 0) -> float:
        """How long an attempt may take that is predicted to take so long, the others on its worker included.

        Each deadline that its part has missed doubles the time, unless a user has set it.
        """
        return self._timeouts.chunk_s or self._hung_s(predicted_s, overruns)

    def idle_s(self, predicted_s: float, overruns: int = 0) -> float:
        """The same for the time from one of its pieces to the next."""
        return self._timeouts.idle_s or IDLE_SHARE * self._hung_s(predicted_s, overruns)

    def late_s(self, predicted_s: float) -> float:
        """The work, alone on its worker, after which an attempt is late that is predicted to need so much."""
        factor = LATE_FACTOR + self._evidence * (MEASURED_LATE_FACTOR * self._slow - LATE_FACTOR)
        return max(factor * predicted_s, predicted_s + LATE_FLOOR_S)

    def _hung_s(self, predicted_s: float, overruns: int) -> float:
        before_s = max(HUNG_FLOOR_S, HUNG_FACTOR * predicted_s)
        measured_s = max(MEASURED_FLOOR_S, MEASURED_FACTOR * self._slow * predicted_s)
        doublings = overruns if self._seen >= ENOUGH else max(overruns, self._overruns)
        return (before_s + self._evidence * (measured_s - before_s)) * 2.0**doublings

    @property
    def doubled(self) -> bool:
        """Whether the evidence has just doubled."""
        return self._seen.bit_count() == 1

    @property
    def _evidence(self) -> float:
        """How much what was measured counts, from 0 to 1."""
        return self._seen / (self._seen + ENOUGH)

    @property
    def _slow(self) -> float:
        """Times its predicted work that a slow attempt takes, 1 at least."""
        at = int(SLOW_SHARE * len(self._sorted))
        return max(1.0, self._sorted[at]) if self._sorted else 1.0
