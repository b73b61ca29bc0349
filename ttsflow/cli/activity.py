"""What each worker is doing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ttsflow.report import Attempt, Loss, Unobserved, WorkerInfo


@dataclass(frozen=True, slots=True)
class Doing:
    """What a worker is doing, since when on the driver's clock; `busy` of its `slots` are in use.

    `device` is None while its model loads.
    """

    worker: str
    what: str
    since_s: float
    device: str | None = None
    busy: int = 0
    slots: int = 1


class Activity(Unobserved):
    """Observes the workers of a run. Iterating gives what each does now, in the order in which they began."""

    def __init__(self) -> None:
        self._workers: dict[str, Doing] = {}
        self._running: dict[int, Attempt] = {}
        self.lost = 0
        """workers that died, or were ended because they hung"""

    def __iter__(self) -> Iterator[Doing]:
        running = list(self._running.values())  # copies: another thread observes
        for doing in list(self._workers.values()):
            own = [attempt for attempt in running if attempt.worker == doing.worker]
            if not own:
                yield doing
                continue
            first = min(own, key=lambda attempt: attempt.started_s)
            quoted = f'"{first.text}"'
            yield Doing(doing.worker, quoted, first.started_s, doing.device, len(own), doing.slots)

    def worker_started(self, worker: str, generation: int, now: float) -> None:
        self._workers[worker] = Doing(worker, "loading", now)

    def loading(self, worker: str, what: str, now: float) -> None:
        self._workers[worker] = Doing(worker, f"loading: {what}", now)

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        self._workers[info.worker] = Doing(info.worker, "waits", now, info.device, 0, info.slots)

    def worker_lost(self, loss: Loss) -> None:
        self.lost += 1
        self._workers.pop(loss.worker, None)

    def attempt(self, token: int, attempt: Attempt) -> None:
        if attempt.ended_s is None:
            self._running[token] = attempt
            return
        self._running.pop(token, None)
        if (doing := self._workers.get(attempt.worker)) is not None:
            self._workers[attempt.worker] = Doing(
                doing.worker, "waits", attempt.ended_s, doing.device, 0, doing.slots
            )
