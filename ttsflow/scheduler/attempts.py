"""Attempts: which job is running where."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ttsflow.jobs import ChunkJob
from ttsflow.scheduler.chunks import Part
from ttsflow.scheduler.fleet import Worker
from ttsflow.scheduler.messages import CancelJob


@dataclass(slots=True, eq=False)
class Attempt:
    """One job on one worker. It holds its slot until the worker answers or dies, cancelled or not."""

    token: int
    part: Part
    worker: Worker
    started_s: float
    cancelled: bool = False

    @property
    def job(self) -> ChunkJob:
        return self.part.job


class Attempts:
    """The running attempts by token. A message that carries another token is stale, and dropped."""

    def __init__(self) -> None:
        self._running: dict[int, Attempt] = {}
        self._last_token = 0
        self._deadlines: list[tuple[float, int]] = []  # until which a cancelled attempt may hold its slot

    @property
    def running(self) -> Collection[Attempt]:
        return self._running.values()

    def get(self, token: int) -> Attempt | None:
        return self._running.get(token)

    def start(self, part: Part, worker: Worker, now: float) -> Attempt:
        self._last_token += 1
        attempt = self._running[self._last_token] = Attempt(self._last_token, part, worker, now)
        part.attempts += 1
        part.token = attempt.token
        part.started_s = now
        part.chunk.where = (worker.id, worker.device.id)
        return attempt

    def end(self, token: int) -> Attempt | None:
        """Take an attempt off the table."""
        attempt = self._running.pop(token, None)
        if attempt is not None:
            attempt.part.token = None
        return attempt

    def cancel(self, token: int, deadline: float) -> CancelJob:
        """Nobody wants the result any more; the slot stays taken until the worker answers."""
        attempt = self._running[token]
        attempt.cancelled = True
        heapq.heappush(self._deadlines, (deadline, token))
        return CancelJob(token, attempt.worker.id, attempt.worker.generation)

    def overdue(self, now: float) -> Iterator[Attempt]:
        """Cancelled attempts that their workers have not let go of in time."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            yield self._running[heapq.heappop(self._deadlines)[1]]

    def next_deadline(self) -> float | None:
        while self._deadlines and self._deadlines[0][1] not in self._running:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def end_all(self, worker: Worker, *, blame: bool) -> list[Part]:
        """The worker is gone: ends its attempts, gives the parts that are still wanted.

        Without `blame` the attempts do not count.
        """
        parts = []
        for attempt in [attempt for attempt in self._running.values() if attempt.worker is worker]:
            self.end(attempt.token)
            if not attempt.cancelled:
                attempt.part.attempts -= not blame
                parts.append(attempt.part)
        return parts
