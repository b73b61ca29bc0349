"""Attempts: which job is running where, and what a failed attempt means for its chunk."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ttsflow.jobs import ChunkJob
from ttsflow.scheduler.fleet import Worker
from ttsflow.scheduler.streams import Chunk


@dataclass(slots=True, eq=False)
class Attempt:
    """One job on one worker. It holds its slot until the worker answers or dies, cancelled or not."""

    token: int
    chunk: Chunk
    worker: Worker
    started_s: float
    cancelled: bool = False

    @property
    def job(self) -> ChunkJob:
        return self.chunk.job


class Attempts:
    """The running attempts by token. A message that carries another token is stale, and dropped."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._running: dict[int, Attempt] = {}
        self._last_token = 0
        self._deadlines: list[tuple[float, int]] = []  # until which a cancelled attempt may hold its slot

    @property
    def running(self) -> Collection[Attempt]:
        return self._running.values()

    def get(self, token: int) -> Attempt | None:
        return self._running.get(token)

    def start(self, chunk: Chunk, worker: Worker, now: float) -> Attempt:
        self._last_token += 1
        attempt = self._running[self._last_token] = Attempt(self._last_token, chunk, worker, now)
        chunk.attempts += 1
        chunk.started_s = now
        chunk.where = (worker.id, worker.device.id)
        return attempt

    def end(self, token: int) -> Attempt | None:
        """Take an attempt off the table."""
        return self._running.pop(token, None)

    def cancel(self, attempt: Attempt, deadline: float) -> None:
        """Nobody wants the result any more; the slot stays taken until the worker answers."""
        attempt.cancelled = True
        heapq.heappush(self._deadlines, (deadline, attempt.token))

    def overdue(self, now: float) -> Iterator[Attempt]:
        """Cancelled attempts that their workers have not let go of in time."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            yield self._running[heapq.heappop(self._deadlines)[1]]

    def next_deadline(self) -> float | None:
        while self._deadlines and self._deadlines[0][1] not in self._running:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def of_stream(self, stream: str) -> Iterable[Attempt]:
        return [attempt for attempt in self._running.values() if attempt.job.stream == stream]

    def end_all(self, worker: Worker, *, blame: bool) -> list[Chunk]:
        """The worker is gone: ends its attempts, gives the chunks that are still wanted.

        Without `blame` the attempt does not count.
        """
        chunks = []
        for attempt in [attempt for attempt in self._running.values() if attempt.worker is worker]:
            del self._running[attempt.token]
            if not attempt.cancelled:
                attempt.chunk.attempts -= not blame
                chunks.append(attempt.chunk)
        return chunks

    def may_retry(self, chunk: Chunk) -> bool:
        """Whether the chunk may run again. What a listener has heard cannot be taken back."""
        return chunk.attempts <= self._retries and not chunk.sent_s
