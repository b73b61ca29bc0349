"""Attempts: which job is running where, and until when it may."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ttsflow.interface.costs import Costs
from ttsflow.interface.jobs import ChunkJob
from ttsflow.scheduler.chunks import Part
from ttsflow.scheduler.limits import Timeouts
from ttsflow.scheduler.messages import CancelJob
from ttsflow.scheduler.timers import Due, Timers
from ttsflow.scheduler.workers import Worker

CHUNK_FACTOR = 10.0
"""times the predicted work after which an attempt is hung: no cost model is off by so much for long"""

IDLE_FACTOR = 5.0
"""the same between two pieces, of the work for the whole"""


@dataclass(slots=True, eq=False)
class Attempt:
    """One job on one worker. It holds its slot until the worker answers or dies, cancelled or not."""

    token: int
    part: Part
    worker: Worker
    started_s: float
    idle_s: float = 0.0  # that it may take from one piece to the next
    cancelled: bool = False

    @property
    def job(self) -> ChunkJob:
        return self.part.job


class Attempts:
    """The running attempts by token. A message that carries another token is stale, and dropped.

    Each has a deadline for the whole, and after its first piece one for the next: from predicted costs,
    and never below the limits. One that missed its deadline doubles the next attempt's time.
    """

    def __init__(self, timers: Timers, costs: Costs, timeouts: Timeouts) -> None:
        self._timers, self._costs, self._timeouts = timers, costs, timeouts
        self._running: dict[int, Attempt] = {}
        self.last_token = 0

    @property
    def running(self) -> Collection[Attempt]:
        return self._running.values()

    def get(self, token: int) -> Attempt | None:
        return self._running.get(token)

    def start(self, part: Part, worker: Worker, now: float) -> Attempt:
        self.last_token += 1
        token = self.last_token
        work_s = self._costs.cost(part.job) * self._costs.slow(worker.slots)
        patience = 2.0**part.overruns
        idle_s = max(self._timeouts.idle_s, IDLE_FACTOR * work_s) * patience
        attempt = self._running[token] = Attempt(token, part, worker, now, idle_s)
        chunk_s = max(self._timeouts.chunk_s, CHUNK_FACTOR * work_s) * patience
        self._timers.set(Due("chunk", token), now + chunk_s)
        part.attempts += 1
        part.token = token
        part.started_s = now
        part.chunk.where = (worker.id, worker.device.id)
        return attempt

    def moved(self, attempt: Attempt, now: float) -> None:
        """The attempt made a piece."""
        self._timers.set(Due("idle", attempt.token), now + attempt.idle_s)

    def end(self, attempt: Attempt) -> None:
        """Take an attempt off the table."""
        del self._running[attempt.token]
        attempt.part.token = None
        self._clear(attempt.token)

    def cancel(self, token: int, now: float) -> CancelJob:
        """Nobody wants the result any more; the slot stays taken until the worker answers."""
        attempt = self._running[token]
        attempt.cancelled = True
        self._clear(token)
        self._timers.set(Due("cancel", token), now + self._timeouts.cancel_s)
        return CancelJob(token, attempt.worker.id, attempt.worker.generation)

    def on(self, worker: Worker) -> int:
        """How many run on a worker, cancelled ones too."""
        return sum(attempt.worker is worker for attempt in self._running.values())

    def end_all(self, worker: Worker) -> list[Part]:
        """The worker is gone: ends its attempts, gives the parts that are still wanted."""
        parts = []
        for attempt in [attempt for attempt in self._running.values() if attempt.worker is worker]:
            self.end(attempt)
            if not attempt.cancelled:
                parts.append(attempt.part)
        return parts

    def _clear(self, token: int) -> None:
        for kind in ("chunk", "idle", "cancel"):
            self._timers.clear(Due(kind, token))
