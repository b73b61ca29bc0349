"""Trials: another number of chunks at a time, for as long as it takes to see what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ttsflow import Costs, View, WorkerView

SHARE = 0.03
"""of the chunks that were started: trials may cost so many of them, by what is known of s(k)"""

FAR = 1.5
"""times the profile's pace, or a part of it: it is wrong, and until it is known in what, `SHARE` doubles"""

SEEN = 4.0
"""chunks with k at a time after which no trial is needed"""

FULL = 2
"""ready chunks for each slot from which the end of the text is far away"""


@dataclass(slots=True)
class Trial:
    """`k` chunks at a time in a worker, until so many were started there and one of them is done."""

    worker: str
    k: int
    started: int = 0


class Trials:
    """Decides when a number of chunks at a time is tried that is not believed to be the best.

    One worker at a time tries 1, 2, 4, 8 ... chunks, each until s(k) rests on a few. What a trial costs
    follows from s(k) as it is known: what promises the same throughput costs nothing and is tried at once.
    """

    def __init__(self) -> None:
        self._now: Trial | None = None
        self._chunks = 0  # that were started
        self._cost = 0.0  # of all trials, in chunks

    def limit(self, worker: WorkerView, best: int) -> int:
        """How many chunks at a time the worker gets."""
        return self._now.k if self._now is not None and self._now.worker == worker.id else best

    def started(self, worker: WorkerView) -> None:
        """The worker was given a chunk."""
        self._chunks += 1
        if self._now is not None and self._now.worker == worker.id:
            self._now.started += 1

    def consider(self, view: View, best: int, bearable: Callable[[int], bool] = lambda k: True) -> None:
        """Begin a trial where none goes on and it costs little; the other workers do `best` at a time.

        `bearable(k)` says whether listeners can bear k at a time for a while.
        """
        if self._now is not None:
            return
        worker = next(iter(view.free), None)
        if worker is None or len(view.ready) < FULL * sum(each.slots for each in view.workers):
            return
        share = SHARE * (2 if is_unclear(view.costs) else 1)
        for k in _ladder(worker.slots):
            if k > 1 and view.costs.seen(1) < 1.0:
                return
            if k == best or view.costs.seen(k) >= SEEN:
                continue
            cost = self._cost + _cost(view.costs, k, best)
            if cost <= share * self._chunks and bearable(k):
                self._now, self._cost = Trial(worker.id, k), cost
                return

    def end(self, view: View) -> None:
        """End the trial that is through, or whose worker is no more."""
        trial = self._now
        if trial is not None:
            worker = next((each for each in view.workers if each.id == trial.worker), None)
            if worker is None or (trial.started >= trial.k and _busy(worker) < trial.k):
                self._now = None


def is_unclear(costs: Costs) -> bool:
    """Whether chunks take far more or less than the profile says, and none has run alone to tell why."""
    return costs.seen(1) < 1.0 and not 1.0 / FAR < costs.pace < FAR


def _busy(worker: WorkerView) -> int:
    return worker.slots - worker.free_slots


def _cost(costs: Costs, k: int, best: int) -> float:
    """How many chunks fewer are done: with k at a time for k chunks, and while the others run out."""
    gain = (best / costs.slow(best)) / (k / costs.slow(k))
    return (k + max(0, best - k) / 2) * max(0.0, gain - 1.0)


def _ladder(most: int) -> list[int]:
    """1, 2, 4, 8 ... and `most`; 1 comes first, since s(k) is measured against it."""
    return sorted({*(2**power for power in range(most.bit_length())), most})
