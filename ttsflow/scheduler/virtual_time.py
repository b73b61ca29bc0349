"""Virtual time, by which those who share work take turns."""

from __future__ import annotations

from collections.abc import Hashable


class VirtualTime:
    """How far the turns have come, in seconds of work for a weight of 1. After WF2Q+ (Bennett, Zhang 1996).

    While `n` share, each with a weight of 1, a second of work takes it on by 1 / n. So those that come again
    and again, each with a little, do not always come before one that was served: it is due when everybody
    else has had as much. A piece of work counts when the next is started, for those who share then.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._weights: dict[Hashable, float] = {}  # of those that have something to start
        self._weight = 0.0  # of all of them
        self._last: tuple[Hashable, float, float] | None = None  # who started work, its weight, how much

    def join(self, who: Hashable, weight: float) -> None:
        """Somebody has something to start."""
        if who not in self._weights:
            self._weights[who] = weight
            self._weight += weight

    def leave(self, who: Hashable) -> None:
        """Somebody has nothing to start any more."""
        self._weight -= self._weights.pop(who, 0.0)

    def start(self, who: Hashable, tag: float, work: float) -> None:
        """Somebody who has joined starts work that was due at `tag`."""
        if self._last is not None:
            before, weight, done = self._last
            self.now += done / (self._weight + (0.0 if before in self._weights else weight))
        self.now = max(self.now, tag)
        self._last = who, self._weights[who], work
