"""Hedges: which late chunks get a second attempt, where, and how much of all work that may be.

After the backup tasks of MapReduce (Dean and Ghemawat 2004), LATE (Zaharia et al. 2008), and hedged requests
(Dean and Barroso, The Tail at Scale, 2013).
"""

from __future__ import annotations

from collections.abc import Iterator

from ttsflow.interface.costs import Costs
from ttsflow.interface.profile import Profile
from ttsflow.scheduler.attempts import Attempt
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.limits import Limits

USUAL_SHARE = 0.05
"""of all work, where an engine gives the same audio again"""


class Hedges:
    """The attempts that are late, and which of them are to be hedged now.

    Two kinds need no share: an attempt whose worker is silent, since what it does is most likely lost, and
    the last one that runs while every other slot is free, since its hedge takes nobody's time.
    """

    def __init__(self, fleet: Fleet, costs: Costs, profile: Profile, limits: Limits) -> None:
        self._fleet, self._costs, self._profile = fleet, costs, profile
        self._share, self._retries = limits.hedge, limits.retries
        self._late: dict[int, Attempt] = {}
        self._work_s = self._hedged_s = 0.0  # predicted, of all attempts that were started
        self.distrusted = False
        """the engine was caught giving other audio, though it says that it gives the same"""

    def __len__(self) -> int:
        return len(self._late)

    def may(self, attempt: Attempt) -> bool:
        """Whether a second attempt would be of use, now or later, should this one be late."""
        return self._share_on(attempt.worker) > 0.0 and not attempt.part.isolate

    def began(self, attempt: Attempt) -> None:
        """An attempt was started."""
        cost_s = self._costs.cost(attempt.job)
        self._work_s += cost_s
        self._hedged_s += cost_s * attempt.hedge

    def late(self, attempt: Attempt) -> None:
        """The attempt is late, or its worker is silent."""
        self._late[attempt.token] = attempt
        self._costs.lagging = len(self._late)

    def forget(self, attempt: Attempt) -> None:
        """The attempt is late no more, or over."""
        self._late.pop(attempt.token, None)
        self._costs.lagging = len(self._late)

    def due(self, now: float, *, heads: bool, last: bool) -> Iterator[tuple[Attempt, Worker]]:
        """The attempts to be hedged now, each with the worker for it; the caller must start them.

        With `heads`, only those for which a listener waits: nobody needs a free slot sooner. `last`: no other
        attempt runs, and no job is ready.
        """
        for attempt in sorted(self._late.values(), key=lambda attempt: attempt.part.order):
            chunk = attempt.part.chunk
            if heads and not (chunk.stream.live and chunk is chunk.stream.head):
                continue
            worker = self._elsewhere(attempt.worker)
            if worker is not None and self._is_wise(attempt, worker, now, last):
                attempt.hedges += 1
                yield attempt, worker

    def _is_wise(self, attempt: Attempt, worker: Worker, now: float, last: bool) -> bool:
        """Whether a second attempt on `worker` is allowed, and would be done sooner."""
        part = attempt.part
        if len(part.tokens) > 1 or part.deaths or not self.may(attempt):
            return False
        if part.heard and not self._profile.deterministic:  # nobody could go on where it was left
            return False
        if attempt.worker.suspected:
            return attempt.hedges <= self._retries
        within = last or self._hedged_s <= self._share_on(attempt.worker) * self._work_s
        sooner = self._left_s(attempt, now) > self._costs.cost(attempt.job, worker)
        return within and sooner and not attempt.hedges

    def _left_s(self, attempt: Attempt, now: float) -> float:
        """What is left of a late attempt, if it goes on as before; infinity where nothing came of it yet."""
        done_s, ran_s = attempt.audio.audio_s, now - attempt.started_s
        if not done_s:
            return float("inf")
        return max(ran_s * (self._costs.audio(attempt.job) / done_s - 1.0), now - (attempt.heard_s or now))

    def _elsewhere(self, worker: Worker) -> Worker | None:
        """A worker with a free slot, on another device if there is one."""
        others = [other for other in self._fleet.free if other is not worker]
        return next((other for other in others if other.device.id != worker.device.id), None) or next(
            iter(others), None
        )

    def _share_on(self, worker: Worker) -> float:
        if self.distrusted:
            return 0.0
        if self._share is not None:
            return self._share
        return USUAL_SHARE if self._profile.reproducible(worker.device.kind) else 0.0
