"""What a policy sees during `dispatch`."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from ttsflow.interface.costs import Costs
from ttsflow.interface.policy import Ready, Running, WorkerView
from ttsflow.scheduler.attempts import Attempts
from ttsflow.scheduler.fleet import Fleet
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams

SHORTEST_WAKE_S = 0.01
"""A policy that asks to be woken sooner than this would spin."""


class SchedulerView:
    """The live view (`ttsflow.interface.policy.View`): no copies, whatever the size of the fleet."""

    def __init__(
        self, ready: ReadyQueue, fleet: Fleet, attempts: Attempts, streams: Streams, costs: Costs
    ) -> None:
        self._ready, self._fleet, self._attempts, self._streams = ready, fleet, attempts, streams
        self._costs = costs
        self._now = 0.0
        self.wake: float | None = None

    def turn(self, now: float) -> None:
        """A new dispatch begins."""
        self._now, self.wake = now, None

    @property
    def now(self) -> float:
        return self._now

    @property
    def ready(self) -> Ready:
        return self._ready

    @property
    def free(self) -> Iterable[WorkerView]:
        return self._fleet.free

    @property
    def workers(self) -> Collection[WorkerView]:
        return self._fleet.workers

    @property
    def running(self) -> Collection[Running]:
        return self._attempts.running

    @property
    def streams(self) -> Iterable[str]:
        return self._streams.names()

    @property
    def costs(self) -> Costs:
        return self._costs

    def wake_at(self, when: float) -> None:
        if not math.isfinite(when):
            raise ValueError(f"wake_at({when}): expected a time in seconds, such as view.now + 1.0")
        when = max(when, self._now + SHORTEST_WAKE_S)
        self.wake = when if self.wake is None else min(self.wake, when)
