"""What a policy sees, and calls to it: whatever it does wrong becomes an error that names the plugin."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from ttsflow.errors import PolicyError, TtsflowError
from ttsflow.interface.costs import Costs
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Listener, Policy, Ready, Running, View, WorkerSpec, WorkerView
from ttsflow.interface.profile import Profile
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams
from ttsflow.scheduler.supervisor import Supervisor

SHORTEST_WAKE_S = 0.01
"""A policy that asks to be woken sooner than this would spin."""

STARVED_AFTER_S = 30.0
"""How long a policy may keep every worker idle by asking to be woken later."""

MOST_WORKERS = 100_000
"""A placement with more of them is taken for one that has no end."""

PLACED_FOR_S = 10.0
"""A placement stays for so long before a policy may ask for another: a model takes about as long to load."""


class SchedulerView:
    """The live view (`ttsflow.interface.policy.View`): no copies, whatever the size of the fleet."""

    def __init__(
        self, ready: ReadyQueue, fleet: Fleet, supervisor: Supervisor, streams: Streams, costs: Costs
    ) -> None:
        self._ready, self._fleet, self._supervisor, self._streams = ready, fleet, supervisor, streams
        self._costs = costs
        self._now = 0.0
        self.wake: float | None = None
        self._asks_placement = False
        self._placed_s = 0.0

    def turn(self, now: float) -> None:
        """A new dispatch begins."""
        self._now, self.wake, self._asks_placement = now, None, False

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
        return self._supervisor.running

    @property
    def streams(self) -> Iterable[str]:
        return self._streams.names()

    @property
    def costs(self) -> Costs:
        return self._costs

    def listener(self, stream: str) -> Listener | None:
        found = self._streams.get(stream)
        return None if found is None else found.listener

    def wake_at(self, when: float) -> None:
        if not math.isfinite(when):
            raise ValueError(f"wake_at({when}): expected a time in seconds, such as view.now + 1.0")
        when = max(when, self._now + SHORTEST_WAKE_S)
        self.wake = when if self.wake is None else min(self.wake, when)

    def place_again(self) -> None:
        self._asks_placement = True

    @property
    def placement_due(self) -> bool:
        """Whether the policy asked for another placement, and the last one has had its time."""
        in_time = self._now >= self._placed_s + PLACED_FOR_S
        return self._asks_placement and in_time and self._fleet.settled

    def placed(self, now: float) -> None:
        """There is a new placement."""
        self._placed_s = now


class _Call:
    """A call to a policy, as a context: what the policy raises there becomes an error that names it.

    One for all calls, since a chunk needs three of them.
    """

    __slots__ = ("_asked", "_policy")

    def __init__(self, policy: str) -> None:
        self._policy, self._asked = policy, ""

    @property
    def doing(self) -> str:
        return f"policy {self._policy!r}, asked for {self._asked}," if self._asked else "the scheduler"

    def __call__(self, method: str) -> _Call:
        self._asked = method
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._asked = ""
        elif not isinstance(error, TtsflowError | GeneratorExit) and not _is_ctrl_c(error):
            said = f": {error}" if str(error) else ""
            what = f"{type(error).__name__}{said}{_last_line(error)}"  # foreign code may raise anything
            raise PolicyError(f"policy {self._policy!r} raised in {self._asked}: {what}") from error


class Guard:
    """Stands between the scheduler and a policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.name = policy.name
        self._call = _Call(policy.name)
        self._idle_since: float | None = None

    @property
    def doing(self) -> str:
        """What is being done, in words: read when a call does not come back."""
        return self._call.doing

    def place(self, devices: Sequence[Device], profile: Profile) -> list[WorkerSpec]:
        with self._call("place"):
            wish: Any = self._policy.place(devices, profile)
            if not isinstance(wish, Iterable):
                raise self.complaint(f"place returned {wish!r}, not WorkerSpecs")
            specs = list(islice(wish, MOST_WORKERS + 1))
            if len(specs) > MOST_WORKERS:
                raise self.complaint(f"place wishes for more than {MOST_WORKERS:,} workers; does it end?")
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
        with self._call("lane"):
            lane = self._policy.lane(job)
            try:
                hash(lane)
            except TypeError:
                raise self.complaint(f"lane gave {lane!r}, which is unhashable") from None
            return lane

    def dispatch(self, view: View) -> Iterator[tuple[ChunkJob, Worker]]:
        """The policy's assignments, one by one; whether they can be carried out is still to be checked."""
        with self._call("dispatch"):
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


def _is_ctrl_c(error: BaseException) -> bool:
    """Whether somebody wants to end the program: that is only ever raised on the main thread.

    On another one a policy has raised it, or a library that it calls.
    """
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def _last_line(error: BaseException) -> str:
    """Where a foreign exception came from, as " (file.py:12)"."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
