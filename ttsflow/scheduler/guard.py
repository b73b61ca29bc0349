"""Calls to the policy: whatever it raises or answers becomes an error that names the plugin."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ttsflow.errors import PolicyError, TtsflowError
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy, View, WorkerSpec
from ttsflow.interface.profile import Profile
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.workers import Worker

STARVED_AFTER_S = 30.0
"""How long a policy may keep every worker idle by asking to be woken later."""


class Guard:
    """Stands between the scheduler and a policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.name = policy.name
        self.doing = "the scheduler"
        """what is being done, in words: read when a call does not come back"""
        self._idle_since: float | None = None

    @contextmanager
    def _calling(self, method: str) -> Iterator[None]:
        self.doing = f"policy {self.name!r}, asked for {method},"
        try:
            yield
            self.doing = "the scheduler"
        except TtsflowError:
            raise
        except (Exception, SystemExit) as error:  # a policy is foreign code: it may raise anything
            where = _last_line(error)
            raise PolicyError(
                f"policy {self.name!r} raised in {method}: {type(error).__name__}: {error}{where}"
            ) from error

    def place(self, devices: Sequence[Device], profile: Profile) -> list[WorkerSpec]:
        with self._calling("place"):
            wish: Any = self._policy.place(devices, profile)
            if not isinstance(wish, Iterable):
                raise self.complaint(f"place returned {wish!r}, not WorkerSpecs")
            specs = list(wish)
        given = {device.id: device for device in devices}
        for spec in specs:
            if not isinstance(spec, WorkerSpec):
                raise self.complaint(f"place returned {spec!r}, which is not a WorkerSpec")
            device, slots = spec.device, spec.slots
            if not isinstance(device, Device) or given.get(device.id) != device:
                name = device.id if isinstance(device, Device) else repr(device)
                raise self.complaint(
                    f"place wishes for a worker on {name}, which is none of the devices that it was given: "
                    f"{', '.join(given)}"
                )
            if not isinstance(slots, int) or slots < 1:
                raise self.complaint(
                    f"place wishes for a worker with {slots!r} slots on {device.id}; 1 is the least"
                )
        if not specs:
            raise self.complaint(f"place returned no worker for {', '.join(d.id for d in devices)}")
        return specs

    def lane(self, job: ChunkJob) -> Hashable:
        with self._calling("lane"):
            lane = self._policy.lane(job)
            hash(lane)
            return lane

    def dispatch(self, view: View) -> Iterator[tuple[ChunkJob, Worker]]:
        """The policy's assignments, one by one; whether they can be carried out is still to be checked."""
        with self._calling("dispatch"):
            assignments: Any = self._policy.dispatch(view)
            if assignments is None:
                return
            if not isinstance(assignments, Iterable):
                raise self.complaint(f"dispatch gave {assignments!r}; expected pairs of (job, worker)")
            for assignment in assignments:
                if not isinstance(assignment, tuple) or len(assignment) != 2:
                    raise self.complaint(f"dispatch gave {assignment!r}; expected (job, worker)")
                job, worker = assignment
                if not isinstance(job, ChunkJob):
                    raise self.complaint(f"dispatch gave {job!r} for a job")
                if not isinstance(worker, Worker):
                    raise self.complaint(f"dispatch gave {worker!r} for a worker")
                yield job, worker

    @property
    def starved_at(self) -> float:
        """When a policy that keeps every worker idle has done so for too long; infinity if it does not."""
        return math.inf if self._idle_since is None else self._idle_since + STARVED_AFTER_S

    def check_not_starving(self, ready: ReadyQueue, idle: bool, wake: float | None, now: float) -> None:
        """Raise where work is ready and the whole fleet idle, and the policy has asked for no wake-up.

        It may not go on asking for ever either.
        """
        if not (ready and idle):
            self._idle_since = None
            return
        if self._idle_since is None:
            self._idle_since = now
        if wake is not None and now < self.starved_at:
            return
        jobs = [job for job, _ in zip(ready, range(3), strict=False)]
        first = "; ".join(f"chunk {job.index} of {job.stream!r}: {job.text[:60]!r}" for job in jobs)
        asked = "asked for no wake-up" if wake is None else f"asked for later for {STARVED_AFTER_S:g} s"
        raise self.complaint(
            f"left {len(ready)} ready chunks waiting with every worker idle and {asked}. The first: {first}"
        )

    def complaint(self, what: str) -> PolicyError:
        return PolicyError(f"policy {self.name!r}: {what}")


def _last_line(error: BaseException) -> str:
    """Where a foreign exception came from, as " (file.py:12)"."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
