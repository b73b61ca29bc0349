"""The fleet: workers as the policy wished for them, their generations, and their free slots."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from ttsflow.policy import WorkerSpec
from ttsflow.scheduler.messages import Command, KillWorker, Notice, StartWorker

State = Literal["waiting", "loading", "ready", "draining"]
"""Waiting: it starts when the draining workers of its device are gone; both may not fit."""


class Worker:
    """One worker process through its generations. `slots` may be fewer than it was started with."""

    __slots__ = (
        "busy", "crashes", "device", "failures", "generation", "id", "slots", "spec", "state", "ticket",
    )  # fmt: skip

    def __init__(self, name: str, spec: WorkerSpec) -> None:
        self.id, self.spec = name, spec
        self.device, self.slots = spec.device, spec.slots
        self.state: State = "waiting"
        self.generation = 1
        self.busy = 0
        self.failures = 0  # deaths in a row without a job on it
        self.crashes = 0  # deaths in a row with a job on it
        self.ticket = -1  # its place among the free workers

    @property
    def free_slots(self) -> int:
        return max(0, self.slots - self.busy) if self.state == "ready" else 0

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


class Fleet:
    """Applies placements by difference and keeps workers alive.

    `restarts` limits the deaths in a row of a worker without a job on it, `crashes` those with one:
    a job that kills counts its own attempts, and a few such jobs in a row must not cost the worker.
    """

    def __init__(self, restarts: int, crashes: int) -> None:
        self._restarts, self._crashes = restarts, crashes
        self._workers: dict[str, Worker] = {}
        self._count = 0
        self.free = FreeWorkers()
        self.lost: set[str] = set()
        """ids of devices on which no worker would live"""
        self.slots = 0
        """of all workers that take jobs, now or once they are loaded"""

    @property
    def workers(self) -> Collection[Worker]:
        return self._workers.values()

    @property
    def loading(self) -> bool:
        return any(worker.state in ("waiting", "loading") for worker in self._workers.values())

    def get(self, name: str, generation: int) -> Worker | None:
        """The worker, if that generation of it is the living one."""
        worker = self._workers.get(name)
        return worker if worker is not None and worker.generation == generation else None

    def holds(self, worker: Worker) -> bool:
        """Whether `worker` is one of the living."""
        return self._workers.get(worker.id) is worker

    def place(self, specs: Iterable[WorkerSpec]) -> Iterator[Command]:
        """Start the workers that are missing, let the surplus finish and go."""
        wished: dict[str, list[WorkerSpec]] = {}
        for spec in sorted(specs, key=lambda spec: -spec.slots):
            wished.setdefault(spec.device.id, []).append(spec)
        for worker in sorted(self._workers.values(), key=lambda worker: -worker.spec.slots):
            specs_here = wished.get(worker.device.id, [])
            fitting = next((spec for spec in specs_here if spec.slots <= worker.spec.slots), None)
            if fitting is None:
                yield from self._drain(worker)
                continue
            specs_here.remove(fitting)  # fewer slots than it was started with need no restart
            worker.device, worker.slots = fitting.device, fitting.slots
            if worker.state == "draining":
                worker.state = "ready"
            self.free.update(worker)
        for spec in (spec for specs_here in wished.values() for spec in specs_here):
            worker = Worker(f"w{self._count}", spec)
            self._count += 1
            self._workers[worker.id] = worker
        self.slots = sum(worker.slots for worker in self._workers.values() if worker.state != "draining")
        yield from self._start_waiting()

    def _start_waiting(self) -> Iterator[Command]:
        taken = {worker.device.id for worker in self._workers.values() if worker.state == "draining"}
        for worker in self._workers.values():
            if worker.state == "waiting" and worker.device.id not in taken:
                worker.state = "loading"
                yield StartWorker(worker.id, worker.generation, worker.spec)

    def _drain(self, worker: Worker) -> Iterator[Command]:
        if worker.state == "waiting":
            del self._workers[worker.id]
            return
        worker.state = "draining"
        self.free.update(worker)
        yield from self._retire_if_idle(worker)

    def _retire_if_idle(self, worker: Worker) -> Iterator[Command]:
        if worker.state == "draining" and not worker.busy and self.holds(worker):
            del self._workers[worker.id]
            yield KillWorker(worker.id, worker.generation, "no longer placed")
            yield from self._start_waiting()

    def ready(self, worker: Worker) -> None:
        if worker.state == "loading":
            worker.state = "ready"
            self.free.update(worker)

    def took_job(self, worker: Worker) -> None:
        worker.busy += 1
        self.free.rotate(worker)

    def freed_slot(self, worker: Worker) -> Iterator[Command]:
        worker.busy -= 1
        self.free.update(worker)
        yield from self._retire_if_idle(worker)

    def proved(self, worker: Worker) -> None:
        """The worker finished a job."""
        worker.failures = worker.crashes = 0

    def kill(self, worker: Worker, why: str) -> Iterator[Command]:
        """End a worker on purpose and start it anew."""
        yield KillWorker(worker.id, worker.generation, why)
        yield from self._restart(worker)

    def died(self, worker: Worker, why: str, *, permanent: bool = False) -> Iterator[Command]:
        """A worker is dead: start it anew, unless that has proved to be no use."""
        if worker.busy:
            worker.crashes += 1
        else:
            worker.failures += 1
        useless = permanent or worker.failures > self._restarts or worker.crashes > self._crashes
        if not useless or worker.state == "draining":
            yield from self._restart(worker)
            return
        tries = worker.failures + worker.crashes
        times = "" if permanent else f" after {tries} deaths in a row"
        yield Notice(f"worker {worker.id} on {worker.device.id} given up{times}: {why}")
        yield from self._forget(worker)
        if all(other.device.id != worker.device.id or other.state == "draining" for other in self.workers):
            self.lost.add(worker.device.id)

    def _restart(self, worker: Worker) -> Iterator[Command]:
        if worker.state == "draining":
            yield from self._forget(worker)
            return
        worker.busy = 0
        worker.state = "loading"
        worker.generation += 1
        worker.spec = WorkerSpec(worker.device, worker.slots)
        self.free.update(worker)
        yield StartWorker(worker.id, worker.generation, worker.spec)

    def _forget(self, worker: Worker) -> Iterator[Command]:
        del self._workers[worker.id]
        if worker.state != "draining":
            self.slots -= worker.slots
        worker.state = "draining"
        self.free.update(worker)
        yield from self._start_waiting()
