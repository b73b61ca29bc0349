"""Deadlines: when an attempt has taken too long, has been silent for too long, or is late."""

from __future__ import annotations

from collections.abc import Iterable

from ttsflow.interface.costs import Costs
from ttsflow.scheduler.attempts import Attempt
from ttsflow.scheduler.hedges import Hedges
from ttsflow.scheduler.limits import Timeouts
from ttsflow.scheduler.patience import Patience
from ttsflow.scheduler.timers import Due, Kind, Timers

LOOK_AGAIN_S, LOOK_AGAIN_SHARE = 1.0, 0.5
"""from one look at a late attempt to the next: so long at least, and so much of the time that it has run"""

PUT_OFF_MOST = 8.0
"""times what an attempt had at its start: the most that its deadline is put off to, whatever is learnt"""

ROUNDING_S = 1e-6
"""A time that is shorter would be over at once, and again and again."""

KINDS: tuple[Kind, ...] = ("chunk", "idle", "late", "cancel")


class Deadlines:
    """The timers of the attempts that run.

    An attempt has a deadline for the whole ("chunk"), and after its first piece one for the next ("idle"), by
    `Patience`; they are renewed as the predictions learn. One that is "late" is told to the hedges. One that
    was cancelled must let go of its slot in time ("cancel").
    """

    def __init__(self, timers: Timers, costs: Costs, hedges: Hedges, timeouts: Timeouts) -> None:
        self._timers, self._costs, self._hedges, self._timeouts = timers, costs, hedges, timeouts
        self._patience = Patience(timeouts)

    @property
    def silence_s(self) -> float:
        """How long a worker without a wanted job may be silent: as a short chunk."""
        return self._patience.chunk_s(0.0)

    def set(self, attempt: Attempt) -> None:
        """Set both deadlines of an attempt, by what is known now."""
        self._timers.set(Due("chunk", attempt.token), self._chunk_at(attempt))
        if attempt.heard_s is not None:
            self._timers.set(Due("idle", attempt.token), self._idle_at(attempt))

    def heard(self, attempt: Attempt, now: float) -> None:
        """The attempt has made a piece."""
        attempt.heard_s = now
        self._timers.set(Due("idle", attempt.token), self._idle_at(attempt))

    def watch(self, attempt: Attempt, now: float) -> None:
        """See to it that an attempt is hedged if it is late, and look again whether that would help.

        Late is what takes longer than elsewhere, also on a worker that is known to be slow.
        """
        if attempt.cancelled or not self._hedges.may(attempt):
            return
        alone_s = self._alone_s(attempt, now)
        left_s = self._patience.late_s(self._costs.cost(attempt.job)) - alone_s
        if attempt.worker.suspected or left_s < ROUNDING_S:
            self._hedges.late(attempt)
            left_s = max(LOOK_AGAIN_S, LOOK_AGAIN_SHARE * alone_s)
        slower = self._costs.slow(max(1, attempt.worker.busy))
        self._timers.set(Due("late", attempt.token), now + left_s * slower)

    def missed(self, due: Due, attempt: Attempt, now: float) -> str | None:
        """How an attempt hangs, in words; None where the prediction has learnt, and gives it more time."""
        when = self._chunk_at(attempt) if due.kind == "chunk" else self._idle_at(attempt)
        if when > now:
            self._timers.set(due, when)
            return None
        if due.kind == "chunk":
            return f"not done after {now - attempt.started_s:.0f} s"
        return f"silent for {now - (attempt.heard_s or now):.0f} s"

    def overran(self, attempt: Attempt) -> None:
        """An attempt has missed a deadline: the next one at its part has twice the time."""
        if attempt.cancelled or attempt.disturbed:  # it shows nothing of what its job costs
            return
        attempt.part.overruns += 1
        self._patience.overran(attempt.part.overruns)

    def learn(self, attempt: Attempt, audio_s: float, now: float, running: Iterable[Attempt]) -> None:
        """Learn from an attempt that is complete. When the evidence has doubled, the deadlines follow."""
        if attempt.disturbed:
            return
        job, worker = attempt.job, attempt.worker
        self._patience.observe(self._costs.cost(job, worker), self._alone_s(attempt, now))
        self._costs.observe_spent(job, audio_s, worker.occupancy.since(attempt.mark, now), worker)
        if self._patience.doubled:
            for other in running:
                if not other.cancelled:
                    self.set(other)

    def unwanted(self, attempt: Attempt) -> None:
        """Nobody waits for the attempt any more; it holds its slot until it is done, or takes too long."""
        self._timers.clear(Due("idle", attempt.token))
        self._timers.clear(Due("late", attempt.token))

    def free_soon(self, attempt: Attempt, now: float) -> None:
        """The attempt was cancelled, and its slot is to be free within the time that cancelling may take."""
        self._timers.clear(Due("chunk", attempt.token))
        self._timers.set(Due("cancel", attempt.token), now + self._timeouts.cancel_s)

    def forget(self, attempt: Attempt) -> None:
        """The attempt does not run any more."""
        for kind in KINDS:
            self._timers.clear(Due(kind, attempt.token))

    def _chunk_at(self, attempt: Attempt) -> float:
        """When the attempt has taken too long."""
        allowed_s = self._patience.chunk_s(self._predicted_s(attempt), attempt.part.overruns)
        attempt.most_s = attempt.most_s or PUT_OFF_MOST * allowed_s
        return attempt.started_s + min(allowed_s, attempt.most_s)

    def _idle_at(self, attempt: Attempt) -> float:
        """When the attempt, which has made a piece, has been silent for too long."""
        assert attempt.heard_s is not None
        return attempt.heard_s + self._patience.idle_s(self._predicted_s(attempt), attempt.part.overruns)

    def _alone_s(self, attempt: Attempt, now: float) -> float:
        """What the attempt would have taken until now alone on its worker."""
        spent = attempt.worker.occupancy.since(attempt.mark, now)
        return sum(seconds / self._costs.slow(k) for k, seconds in spent.items())

    def _predicted_s(self, attempt: Attempt) -> float:
        """What an attempt takes, by the prediction of now, with every slot of its worker taken."""
        worker = attempt.worker
        return self._costs.cost(attempt.job, worker) * self._costs.slow(worker.slots)
