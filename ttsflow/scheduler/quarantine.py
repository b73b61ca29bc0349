"""Quarantine: parts that must run alone, since what ran beside them died or hung."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from ttsflow.scheduler.chunks import Part
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.ready import Order


@dataclass(slots=True)
class _Cell:
    """A worker that is reserved for an isolated part, in this generation of the worker."""

    worker: Worker
    generation: int
    part: Part
    started: bool = False


class Quarantine:
    """The isolated parts that wait, and the workers that are reserved for them.

    An isolated part takes the worker with the least to do. The policy gets no slot of that worker until the
    part is through; it starts as soon as the others on the worker are done.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._waiting: list[tuple[Order, int, Part]] = []
        self._serial = 0
        self._cells: dict[str, _Cell] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._cells)

    def add(self, part: Part) -> None:
        """The part is to run alone."""
        self._serial += 1
        heapq.heappush(self._waiting, (part.order, self._serial, part))

    def due(self) -> Iterator[tuple[Part, Worker]]:
        """The parts that may start now, each with its worker; the caller must start them."""
        for cell in list(self._cells.values()):
            if not cell.started and not (self._holds(cell) and cell.part.wanted):
                self._open(cell)
                self.add(cell.part)
        while self._waiting and (worker := self._least_busy()) is not None:
            part = heapq.heappop(self._waiting)[2]
            if part.wanted:
                self._fleet.reserve(worker, True)
                self._cells[worker.id] = _Cell(worker, worker.generation, part)
        for cell in list(self._cells.values()):
            if not cell.started and not cell.worker.busy:
                cell.started = True
                yield cell.part, cell.worker

    def release(self, worker: Worker) -> None:
        """The worker's jobs have ended: if one was an isolated part, the policy gets the worker back."""
        cell = self._cells.get(worker.id)
        if cell is not None and cell.started:
            self._open(cell)

    def _open(self, cell: _Cell) -> None:
        del self._cells[cell.worker.id]
        if self._fleet.holds(cell.worker):
            self._fleet.reserve(cell.worker, False)

    def _holds(self, cell: _Cell) -> bool:
        worker = cell.worker
        return self._fleet.holds(worker) and worker.generation == cell.generation and worker.usable

    def _least_busy(self) -> Worker | None:
        free = (worker for worker in self._fleet.workers if worker.usable and not worker.reserved)
        return min(free, key=lambda worker: worker.busy, default=None)
