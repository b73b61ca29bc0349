"""The jobs that may start now, in fair order, by lane."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ttsflow.interface.jobs import ChunkJob

Order = tuple[float, int, int]  # (stamp in its share, serial number of admission, part of the chunk)


@dataclass(slots=True, eq=False)
class Share:
    """What takes turns with the others. `tag` is the virtual time at which its next job is due."""

    tag: float = 0.0


class Claim(NamedTuple):
    """What a job takes of its share: work / `weight`, or nothing once it is paid for, at the tag `paid`."""

    share: Share
    weight: float = 1.0
    paid: float = math.inf


_Turn = tuple[float, float, Order]

FEW = 64
"""turns that may be kept of shares that have nothing"""


class _Entry(NamedTuple):
    paid: float
    order: Order
    job: ChunkJob
    lane: Hashable
    claim: Claim

    @property
    def turn(self) -> _Turn:
        """When it is due, if it is the next of its share."""
        return min(self.claim.share.tag, self.paid), self.paid, self.order


class _Queue:
    """The entries of each share in ascending order: what was paid for comes first.

    The shares are in a heap, each with its turn when it was looked at: its turn is never sooner than that.
    """

    __slots__ = ("_heap", "_turns", "shares")

    def __init__(self) -> None:
        self.shares: dict[Share, list[_Entry]] = {}
        self._turns: dict[Share, _Turn] = {}
        self._heap: list[tuple[_Turn, Share]] = []

    def push(self, entry: _Entry) -> None:
        share, turn = entry.claim.share, entry.turn
        # no two have the same order, so that nothing else is compared
        insort(self.shares.setdefault(share, []), entry)
        if share not in self._turns or turn < self._turns[share]:
            self._turns[share] = turn
            heapq.heappush(self._heap, (turn, share))

    def remove(self, entry: _Entry) -> None:
        share = entry.claim.share
        entries = self.shares[share]
        del entries[bisect_left(entries, entry)]
        if not entries:
            del self.shares[share], self._turns[share]
            if len(self._heap) > 2 * len(self.shares) + FEW:  # most of it is of shares that have nothing now
                self._heap = [(turn, share) for share, turn in self._turns.items()]
                heapq.heapify(self._heap)

    def first(self) -> _Entry | None:
        """The next entry of the share whose turn it is."""
        while self._heap:
            turn, share = self._heap[0]
            if turn != self._turns.get(share):  # it came sooner, and was looked at again
                heapq.heappop(self._heap)
            elif turn != (now := self.shares[share][0].turn):
                self._turns[share] = now
                heapq.heapreplace(self._heap, (now, share))
            else:
                return self.shares[share][0]
        return None

    def in_turn(self, cost: Callable[[ChunkJob], float]) -> Iterator[_Entry]:
        """The entries in the order in which `first` would give them, if each starts before the next.

        Entries may be removed meanwhile.
        """
        heap = self._heap.copy()
        given: dict[Share, tuple[int, _Entry, float]] = {}  # where the last one was; when the next is due
        while heap:
            turn, share = heap[0]
            entries = self.shares.get(share, ())
            if share in given:
                at, last, tag = given[share]
                at = at + 1 if at < len(entries) and entries[at] is last else bisect_right(entries, last)
            else:
                at, tag = 0, share.tag
            if at == len(entries):
                heapq.heappop(heap)
                continue
            entry = entries[at]
            now = min(tag, entry.paid), entry.paid, entry.order
            if turn != now:
                heapq.heapreplace(heap, (now, share))
                continue
            if entry.paid == math.inf:
                tag += cost(entry.job) / entry.claim.weight
            given[share] = at, entry, tag
            yield entry


class ReadyQueue:
    """What a policy sees as `view.ready`; the scheduler pushes and takes.

    The windows of the streams bound its length: a sorted list is as quick as a heap at a hundred jobs and a
    tenth slower at thousands. During one `dispatch` jobs are only taken, never
    pushed, so a policy may go on iterating.
    """

    def __init__(self, cost: Callable[[ChunkJob], float]) -> None:
        self._cost = cost
        self._clear()

    def _clear(self) -> None:
        self._all = _Queue()
        self._lanes: dict[Hashable, _Queue] = {}
        self._entries: dict[tuple[str, int, tuple[int, ...]], _Entry] = {}

    def push(self, job: ChunkJob, order: Order, claim: Claim, lane: Hashable) -> None:
        """Let a job start whenever the policy says so."""
        entry = self._entries[_key(job)] = _Entry(claim.paid, order, job, lane, claim)
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
            if not queue.shares:
                del self._lanes[entry.lane]
        return True

    def relane(self, lane_of: Callable[[ChunkJob], Hashable]) -> None:
        """Sort every job into its lane anew; the order stays."""
        entries = self._entries.values()
        self._clear()
        for entry in entries:
            self.push(entry.job, entry.order, entry.claim, lane_of(entry.job))

    def first(self, *lanes: Hashable) -> ChunkJob | None:
        """The next job in fair order: of these lanes, or of all where none is given."""
        queues = [self._lanes[lane] for lane in lanes if lane in self._lanes] if lanes else [self._all]
        firsts = [entry for queue in queues if (entry := queue.first()) is not None]
        return min(firsts, key=lambda entry: entry.turn).job if firsts else None

    def lanes(self) -> Iterable[Hashable]:
        """The lanes in which a job is ready."""
        return tuple(self._lanes)

    def __iter__(self) -> Iterator[ChunkJob]:
        return (entry.job for entry in self._all.in_turn(self._cost))

    def __len__(self) -> int:
        return len(self._entries)


def _key(job: ChunkJob) -> tuple[str, int, tuple[int, ...]]:
    return job.stream, job.index, job.part
