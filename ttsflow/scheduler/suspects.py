"""Suspects: parts that may be what their worker died of. They run next, each alone on its worker."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ttsflow.scheduler.chunks import Part
from ttsflow.scheduler.fleet import Fleet
from ttsflow.scheduler.ready import Order
from ttsflow.scheduler.workers import Worker


@dataclass(slots=True)
class _Cell:
    """A worker that is kept for a suspect, in this generation of it."""

    worker: Worker
    generation: int
    part: Part
    started: bool = False


class Suspects:
    """The suspects that wait, and the workers that are kept for them.

    A suspect takes the worker with the least to do. The policy gets no slot of that worker until the
    suspect is through, which starts as soon as the others on it are done. `wanted` tells whether a part
    is still to be spoken.
    """

    def __init__(self, fleet: Fleet, wanted: Callable[[Part], bool]) -> None:
        self._fleet, self._wanted = fleet, wanted
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
        """Those that may start now; each must be started."""
        for cell in list(self._cells.values()):
            if not cell.started and not (self._holds(cell) and self._wanted(cell.part)):
                self._open(cell)
                self.add(cell.part)
        while self._waiting and (worker := self._least_busy()) is not None:
            part = heapq.heappop(self._waiting)[2]
            if self._wanted(part):
                self._fleet.reserve(worker, True)
                self._cells[worker.id] = _Cell(worker, worker.generation, part)
        for cell in list(self._cells.values()):
            if not cell.started and not cell.worker.busy:
                cell.started = True
                yield cell.part, cell.worker

    def through(self, worker: Worker) -> None:
        """Whatever ran on the worker has ended: if that was a suspect, the worker is the policy's again."""
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
