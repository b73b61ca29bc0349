"""The jobs that may start now, in fair order, by lane."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import NamedTuple

from ttsflow.interface.jobs import ChunkJob

Order = tuple[float, int, int]  # (fair-queueing stamp, serial number of admission, part of the chunk)


class _Entry(NamedTuple):
    order: Order
    job: ChunkJob
    lane: Hashable


class _Queue:
    """Entries in ascending order. It may lose entries while it is iterated."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[_Entry] = []

    def push(self, entry: _Entry) -> None:
        insort(self.entries, entry)  # no two have the same order, so that nothing else is compared

    def remove(self, entry: _Entry) -> None:
        del self.entries[bisect_left(self.entries, entry)]

    def __iter__(self) -> Iterator[ChunkJob]:
        at = 0
        while at < len(self.entries):
            entry = self.entries[at]
            yield entry.job
            still_there = at < len(self.entries) and self.entries[at] is entry
            at = at + 1 if still_there else bisect_left(self.entries, entry)


class ReadyQueue:
    """What a policy sees as `view.ready`; the scheduler pushes and takes.

    The windows of the streams bound its length: a sorted list is as quick as a heap at a hundred jobs and
    a tenth slower at thousands. During one `dispatch` jobs are only taken, never pushed, so a policy may
    go on iterating.
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._all = _Queue()
        self._lanes: dict[Hashable, _Queue] = {}
        self._entries: dict[tuple[str, int, tuple[int, ...]], _Entry] = {}

    def push(self, job: ChunkJob, order: Order, lane: Hashable) -> None:
        """Let a job start whenever the policy says so."""
        entry = self._entries[_key(job)] = _Entry(order, job, lane)
        self._all.push(entry)
        if lane is not None:
            self._lanes.setdefault(lane, _Queue()).push(entry)

    def take(self, job: ChunkJob) -> bool:
        """Remove `job`; False where it is not ready."""
        entry = self._entries.get(_key(job))
        if entry is None or entry.job is not job:
            return False
        del self._entries[_key(job)]
        self._all.remove(entry)
        if entry.lane is not None:
            queue = self._lanes[entry.lane]
            queue.remove(entry)
            if not queue.entries:
                del self._lanes[entry.lane]
        return True

    def relane(self, lane_of: Callable[[ChunkJob], Hashable]) -> None:
        """Sort every job into its lane anew; the order stays."""
        entries = self._all.entries
        self._clear()
        for entry in entries:
            self.push(entry.job, entry.order, lane_of(entry.job))

    def first(self, *lanes: Hashable) -> ChunkJob | None:
        """The next job in fair order: of these lanes, or of all where none is given."""
        queues = [self._lanes[lane] for lane in lanes if lane in self._lanes] if lanes else [self._all]
        firsts = [queue.entries[0] for queue in queues if queue.entries]
        return min(firsts, key=lambda entry: entry.order).job if firsts else None

    def lanes(self) -> Iterable[Hashable]:
        """The lanes in which a job is ready."""
        return tuple(self._lanes)

    def __iter__(self) -> Iterator[ChunkJob]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._entries)


def _key(job: ChunkJob) -> tuple[str, int, tuple[int, ...]]:
    return job.stream, job.index, job.part
