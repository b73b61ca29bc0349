"""The jobs that may start now: fair order, lanes, and a cost that does not grow with their number."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Iterator

from ttsflow.interface.jobs import ChunkJob

Order = tuple[float, int, int]  # (fair-queueing stamp, serial number of admission, part of the chunk)


class _Entry:
    """One stay of a job in the queue. A job that comes back gets a new entry, so a dead one stays dead."""

    __slots__ = ("job", "lane", "live", "order")

    def __init__(self, job: ChunkJob, order: Order, lane: Hashable) -> None:
        self.job, self.order, self.lane, self.live = job, order, lane, True


class _Fifo:
    """Entries in ascending order; `start` moves on instead of the list, so that readers stay valid."""

    __slots__ = ("entries", "start")

    def __init__(self, entry: _Entry) -> None:
        self.entries, self.start = [entry], 0

    def head(self) -> _Entry | None:
        """The first live entry."""
        while self.start < len(self.entries):
            entry = self.entries[self.start]
            if entry.live:
                return entry
            self.start += 1
        return None

    def __iter__(self) -> Iterator[tuple[Order, _Entry]]:
        for position in range(self.start, len(self.entries)):
            entry = self.entries[position]
            if entry.live:
                yield entry.order, entry


class _Lane:
    """One queue: a FIFO per stream and a small heap of their heads.

    Jobs of one stream arrive in order, so appending is enough. One that comes back (a retry, a part) is
    older than the last of its stream and gets a FIFO of its own. Taken entries are dropped when they reach
    the head, or all at once when they outnumber the live ones.
    """

    __slots__ = ("_fifos", "_heads", "_stored", "_tickets", "live")

    def __init__(self) -> None:
        self.live = 0
        self._clear()

    def _clear(self) -> None:
        self._fifos: dict[str, _Fifo] = {}
        self._heads: list[tuple[Order, int, _Fifo]] = []
        self._stored = self._tickets = 0

    def push(self, entry: _Entry) -> None:
        if self._stored > 3 * self.live + 64:
            survivors = list(self)
            self._clear()
            for survivor in survivors:
                self._append(survivor)
        self._append(entry)
        self.live += 1

    def _append(self, entry: _Entry) -> None:
        self._stored += 1
        stream = entry.job.stream
        fifo = self._fifos.get(stream)
        if fifo is None or fifo.entries[-1].order > entry.order:
            fresh = _Fifo(entry)
            if fifo is None:
                self._fifos[stream] = fresh
            self._push_head(entry, fresh)
        else:
            fifo.entries.append(entry)
            if fifo.start > 64 and 2 * fifo.start > len(fifo.entries):
                self._stored -= fifo.start
                del fifo.entries[: fifo.start]
                fifo.start = 0

    def _push_head(self, entry: _Entry, fifo: _Fifo) -> None:
        self._tickets += 1
        heapq.heappush(self._heads, (entry.order, self._tickets, fifo))

    def first(self) -> _Entry | None:
        while self._heads:
            order, _, fifo = self._heads[0]
            entry = fifo.head()
            if entry is None:
                heapq.heappop(self._heads)
                stream = fifo.entries[0].job.stream
                if self._fifos.get(stream) is fifo:
                    del self._fifos[stream]
                self._stored -= len(fifo.entries)
            elif entry.order == order:
                return entry
            else:
                self._tickets += 1
                heapq.heapreplace(self._heads, (entry.order, self._tickets, fifo))
        return None

    def __iter__(self) -> Iterator[_Entry]:
        fifos = [fifo for _, _, fifo in self._heads if fifo.head() is not None]
        for _, entry in heapq.merge(*fifos, key=lambda item: item[0]):
            if entry.live:
                yield entry


class ReadyQueue:
    """What a policy sees as `view.ready`; the scheduler pushes and takes.

    During one `dispatch` jobs are only taken, never pushed, so a policy may go on iterating.
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._all = _Lane()
        self._lanes: dict[Hashable, _Lane] = {}
        self._entries: dict[tuple[str, int, tuple[int, ...]], _Entry] = {}

    def push(self, job: ChunkJob, order: Order, lane: Hashable) -> None:
        entry = _Entry(job, order, lane)
        self._entries[job.stream, job.index, job.part] = entry
        self._all.push(entry)
        if lane is not None:
            queue = self._lanes.get(lane)
            if queue is None:
                queue = self._lanes[lane] = _Lane()
            queue.push(entry)

    def take(self, job: ChunkJob) -> bool:
        """Remove `job`; False where it is not ready."""
        key = (job.stream, job.index, job.part)
        entry = self._entries.get(key)
        if entry is None or entry.job is not job:
            return False
        del self._entries[key]
        entry.live = False
        self._all.live -= 1
        if entry.lane is not None:
            queue = self._lanes[entry.lane]
            queue.live -= 1
            if not queue.live:
                del self._lanes[entry.lane]
        return True

    def relane(self, lane_of: Callable[[ChunkJob], Hashable]) -> None:
        """Sort every job into its lane anew; the order stays."""
        entries = list(self._all)
        self._clear()
        for entry in entries:
            self.push(entry.job, entry.order, lane_of(entry.job))

    def first(self, *lanes: Hashable) -> ChunkJob | None:
        queues = [self._lanes[lane] for lane in lanes if lane in self._lanes] if lanes else [self._all]
        entries = [entry for queue in queues if (entry := queue.first()) is not None]
        return min(entries, key=lambda entry: entry.order).job if entries else None

    def lanes(self) -> Iterable[Hashable]:
        return tuple(self._lanes)

    def __iter__(self) -> Iterator[ChunkJob]:
        return (entry.job for entry in self._all)

    def __len__(self) -> int:
        return len(self._entries)
