"""Workers as the scheduler knows them, and which of them have a free slot."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Literal

from ttsflow.interface.policy import WorkerSpec

State = Literal["resting", "waiting", "loading", "ready", "draining"]
"""Resting: it died a moment ago, and starts again after a while. Waiting: it starts when the draining
workers of its device are gone; both may not fit."""


class Worker:
    """One worker process through its generations. `slots` may be fewer than it was started with.

    A `reserved` worker takes no job from the policy: a suspect is to run on it alone. Nor does a `tired`
    one: it is started anew as soon as it has nothing to do.
    """

    __slots__ = (
        "busy", "crashes", "device", "done", "failures", "generation", "id", "memory_bytes", "reserved",
        "slots", "spec", "state", "ticket", "tired",
    )  # fmt: skip

    def __init__(self, name: str, spec: WorkerSpec) -> None:
        self.id, self.spec = name, spec
        self.device, self.slots = spec.device, spec.slots
        self.state: State = "waiting"
        self.generation = 1
        self.failures = 0  # deaths in a row without a job on it
        self.crashes = 0  # deaths in a row with a job on it
        self.reserved = False
        self.ticket = -1  # its place among the free workers
        self.be_born()

    def be_born(self) -> None:
        """A generation begins."""
        self.busy = self.done = 0
        self.tired = False
        self.memory_bytes = 0  # of its process, after its first job; 0 while that is unknown

    @property
    def usable(self) -> bool:
        """Whether it takes jobs, now or once some are done."""
        return self.state == "ready" and not self.tired

    @property
    def free_slots(self) -> int:
        return max(0, self.slots - self.busy) if self.usable and not self.reserved else 0

    def __repr__(self) -> str:
        return f"<worker {self.id} on {self.device.id}, {self.state}, {self.busy} of {self.slots} slots busy>"


class FreeWorkers:
    """Workers with a free slot, the longest waiting first.

    It may change while it is iterated: a worker that took a job and has slots left comes again, at
    the end, so that jobs spread over the workers before they double up.
    """

    def __init__(self) -> None:
        self._tickets: list[int] = []
        self._workers: dict[int, Worker] = {}
        self._last = 0

    def update(self, worker: Worker) -> None:
        """Take note that the worker's free slots may have changed."""
        if (worker.ticket in self._workers) != (worker.free_slots > 0):
            if worker.free_slots:
                self._add(worker)
            else:
                self._remove(worker)

    def rotate(self, worker: Worker) -> None:
        """The worker took a job: it goes to the end, or out."""
        self._remove(worker)
        if worker.free_slots:
            self._add(worker)

    def _add(self, worker: Worker) -> None:
        self._last += 1
        worker.ticket = self._last
        self._workers[worker.ticket] = worker
        self._tickets.append(worker.ticket)

    def _remove(self, worker: Worker) -> None:
        if self._workers.pop(worker.ticket, None) is not None:
            del self._tickets[bisect_left(self._tickets, worker.ticket)]
        worker.ticket = -1

    def __iter__(self) -> Iterator[Worker]:
        ticket = -1
        while (position := bisect_right(self._tickets, ticket)) < len(self._tickets):
            ticket = self._tickets[position]
            yield self._workers[ticket]

    def __len__(self) -> int:
        return len(self._tickets)
