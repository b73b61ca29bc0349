"""Supervision: what is heard of workers and attempts, what was not heard in time, and what follows."""

from __future__ import annotations

from collections.abc import Iterator

from ttsflow.interface.device import Device
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.attempts import Attempt, Attempts
from ttsflow.scheduler.fleet import Fleet
from ttsflow.scheduler.limits import Timeouts
from ttsflow.scheduler.suspects import Suspects
from ttsflow.scheduler.timers import Due
from ttsflow.scheduler.verdicts import Verdicts
from ttsflow.scheduler.workers import Worker


class Supervisor:
    """Ends workers that can do no more, and has those judged whose work they were.

    Liveness is work done: a worker that loads must show progress, one that speaks must make audio in
    time. `last_loss` says in words what the last worker ended of.
    """

    def __init__(
        self,
        attempts: Attempts,
        fleet: Fleet,
        verdicts: Verdicts,
        suspects: Suspects,
        timeouts: Timeouts,
    ) -> None:
        self._attempts, self._fleet, self._verdicts = attempts, fleet, verdicts
        self._suspects, self._timeouts = suspects, timeouts
        self.last_loss = ""

    def hear(self, event: msg.Event, now: float) -> Iterator[msg.Command]:
        """A worker told something, or of its end."""
        match event:
            case msg.Piece():
                yield from self._verdicts.piece(event, now)
            case msg.Finished() | msg.Failed() | msg.TooLong() | msg.Cancelled():
                if attempt := self._attempts.get(event.token):
                    yield from self._ended(attempt, event, now)
            case msg.WorkerLoading(name, generation) if worker := self._fleet.get(name, generation):
                self._fleet.heard_of(worker)
            case msg.WorkerReady(name, generation) if worker := self._fleet.get(name, generation):
                self._fleet.ready(worker)
            case msg.Died(name, generation, why) if worker := self._fleet.get(name, generation):
                yield from self._lose(worker, why, now)
            case msg.LoadFailed(name, generation, why, permanent) if worker := self._fleet.get(
                name, generation
            ):
                yield from self._lose(worker, why, now, permanent=permanent)

    def due(self, due: Due, now: float) -> Iterator[msg.Command]:
        """Something was not heard in time."""
        match due:
            case Due("cancel", int(token)) if attempt := self._attempts.get(token):
                yield from self._kill(attempt.worker, "a cancelled job was not let go of in time", now)
            case Due("chunk" | "idle", int(token)) if attempt := self._attempts.get(token):
                yield from self._end_hung(attempt, due.kind, now)
            case Due("load", (str(name), int(generation))) if worker := self._fleet.get(name, generation):
                why = f"no sign of progress in loading for {self._timeouts.load_s:g} s"
                yield msg.KillWorker(name, generation, why)
                yield from self._lose(worker, why, now)
            case Due("rest", (str(name), int(generation))) if worker := self._fleet.get(name, generation):
                yield from self._fleet.rested(worker)

    def _ended(self, attempt: Attempt, event: msg.End, now: float) -> Iterator[msg.Command]:
        worker = attempt.worker
        match event:
            case msg.Failed(_, why, "device lost"):
                yield from self._retire(worker.device, why, now)
            case msg.Failed(_, why, "broken worker"):
                yield msg.KillWorker(worker.id, worker.generation, why)
                yield from self._lose(worker, why, now)
            case _:
                yield from self._verdicts.ended(attempt, event, now)
                self._suspects.through(worker)

    def _lose(
        self, worker: Worker, why: str, now: float, *, permanent: bool = False
    ) -> Iterator[msg.Command]:
        """A worker can do no more: what it was speaking is suspected."""
        self.last_loss = f"{worker.id} on {worker.device.id}: {why}"
        yield from self._verdicts.lost(worker, f"worker {worker.id} died: {why}", now, blame=True)
        yield from self._fleet.died(worker, why, permanent=permanent)
        self._suspects.through(worker)

    def _kill(self, worker: Worker, why: str, now: float) -> Iterator[msg.Command]:
        """End a worker on purpose: its other jobs are not to blame."""
        yield from self._verdicts.lost(worker, why, now, blame=False)
        yield from self._fleet.kill(worker, why)
        self._suspects.through(worker)

    def _end_hung(self, attempt: Attempt, kind: str, now: float) -> Iterator[msg.Command]:
        worker, ran_s = attempt.worker, now - attempt.started_s
        silent = f"not done after {ran_s:.0f} s" if kind == "chunk" else f"silent for {attempt.idle_s:.0f} s"
        why = f"worker {worker.id} hangs and is ended: {silent}"
        yield from self._verdicts.overran(attempt, why, now)
        yield from self._fleet.kill(worker, why)
        self._suspects.through(worker)

    def _retire(self, device: Device, why: str, now: float) -> Iterator[msg.Command]:
        """A device is lost, and every worker on it."""
        self.last_loss = f"the last on {device.id}: {why}"
        for worker in [worker for worker in self._fleet.workers if worker.device.id == device.id]:
            yield from self._verdicts.lost(worker, f"{device.id} is lost: {why}", now, blame=False)
            self._suspects.through(worker)
        yield from self._fleet.retire(device.id, why)
