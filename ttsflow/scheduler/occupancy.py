"""How long a worker has been speaking how many jobs at a time."""

from __future__ import annotations

from collections.abc import Sequence


class Occupancy:
    """Seconds that a worker has spent with 1, 2, 3 ... jobs at a time, since it was made.

    With a `mark` from the beginning of an attempt, `since` tells how many jobs it ran beside, and how long.
    """

    __slots__ = ("_busy", "_changed_s", "_spent")

    def __init__(self) -> None:
        self._busy, self._changed_s = 0, 0.0
        self._spent: list[float] = [0.0]  # by the number of jobs at a time

    def change(self, busy: int, now: float) -> None:
        """From now on the worker has so many jobs."""
        self._spent[self._busy] += now - self._changed_s
        self._busy, self._changed_s = busy, now
        if busy >= len(self._spent):
            self._spent.extend([0.0] * (busy + 1 - len(self._spent)))

    def mark(self, now: float) -> Sequence[float]:
        """The seconds until now, by the number of jobs at a time."""
        self.change(self._busy, now)
        return tuple(self._spent)

    def since(self, mark: Sequence[float], now: float) -> dict[int, float]:
        """The seconds since then for each number of jobs at a time, from 1 on, that there was."""
        before = (*mark, *[0.0] * (len(self._spent) - len(mark)))
        after = self.mark(now)
        return {k: after[k] - before[k] for k in range(1, len(after)) if after[k] > before[k]}
