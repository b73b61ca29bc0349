"""The workers as they are now: which are ready, and which of their slots are at work."""

from __future__ import annotations

from ttsflow.report import Attempt, Loss, Unobserved, WorkerInfo


class Fleet(Unobserved):
    """Observes the workers. Told on the runner's thread; any thread may read it."""

    def __init__(self) -> None:
        self._loading: set[str] = set()
        self._ready: dict[str, WorkerInfo] = {}
        self._at_work: dict[int, Attempt] = {}

    @property
    def ready(self) -> list[WorkerInfo]:
        """The workers that take jobs."""
        return list(self._ready.values())

    @property
    def starting(self) -> list[str]:
        """The names of the workers that load their model."""
        return list(self._loading)

    @property
    def slots(self) -> int:
        """The slots of all workers that take jobs."""
        return sum(info.slots for info in self.ready)

    @property
    def used_slots(self) -> int:
        """How many of them are at work."""
        return len(self._at_work)

    @property
    def attempts(self) -> list[Attempt]:
        """What they are at."""
        return list(self._at_work.values())

    def at_work(self, worker: str | None) -> int:
        """How many jobs are at work in a worker."""
        return sum(attempt.worker == worker for attempt in self.attempts)

    def worker_started(self, worker: str, generation: int, now: float) -> None:
        self._loading.add(worker)

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        self._loading.discard(info.worker)
        self._ready[info.worker] = info

    def worker_lost(self, loss: Loss) -> None:
        self._loading.discard(loss.worker)
        self._ready.pop(loss.worker, None)

    def attempt(self, token: int, attempt: Attempt) -> None:
        if attempt.end is None:
            self._at_work[token] = attempt
        else:
            self._at_work.pop(token, None)
