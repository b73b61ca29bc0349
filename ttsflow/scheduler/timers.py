"""Timers: when something is due."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable, Iterator
from typing import Literal, NamedTuple

Kind = Literal["chunk", "idle", "late", "cancel", "load", "silence", "backoff", "drain"]


class Due(NamedTuple):
    """What is due, and for whom: an attempt's token, a worker's name and generation, or nobody."""

    kind: Kind
    who: Hashable = None


class Timers:
    """Points in time by what is due then; to put one off costs nothing until it would have been due."""

    def __init__(self) -> None:
        self._when: dict[Due, float] = {}
        self._heap: list[tuple[float, int, Due]] = []  # an entry counts if its time is the one in _when
        self._serial = itertools.count()

    def set(self, due: Due, when: float) -> None:
        """Have it due at `when` (s), and at no other time."""
        old = self._when.get(due)
        self._when[due] = when
        if old is None or when < old:
            heapq.heappush(self._heap, (when, next(self._serial), due))

    def clear(self, due: Due) -> None:
        """Have it never due."""
        self._when.pop(due, None)

    def due(self, now: float) -> Iterator[Due]:
        """What is due; each comes once. Timers may be set and cleared meanwhile."""
        while (when := self.next()) is not None and when <= now:
            due = heapq.heappop(self._heap)[2]
            del self._when[due]
            yield due

    def next(self) -> float | None:
        """When the next is due."""
        while self._heap:
            when, _, due = self._heap[0]
            current = self._when.get(due)
            if current == when:
                return when
            if current is None or current < when:
                heapq.heappop(self._heap)
            else:
                heapq.heapreplace(self._heap, (current, next(self._serial), due))
        return None
