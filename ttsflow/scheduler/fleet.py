"""The fleet: starts and restarts the workers that the policy asks for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Literal

from ttsflow.interface.device import Device
from ttsflow.interface.policy import WorkerSpec
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.messages import Command, KillWorker, Notice, StartWorker
from ttsflow.scheduler.occupancy import Occupancy
from ttsflow.scheduler.timers import Due, Timers

BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 30.0
"""before the second restart in a row, doubled with each that follows; the first is at once"""

GIB = 1024**3


LOADING_AT_ONCE = 8
"""workers of a device that load at a time, or as many as it has cores: more of them would only wait"""


State = Literal["backing off", "waiting", "loading", "ready", "draining"]
"""Backing off: it died a moment ago, and starts again after a while. Waiting: it starts when the draining
workers of its device are gone, since both may not fit, and few enough of the others load."""


class Worker:
    """One worker process through its generations. `slots` may be fewer than it was started with.

    A `reserved` worker takes no job from the policy: an isolated part is to run on it alone. Nor does one
    that is `recycling`: it is started anew as soon as it has nothing to do. Nor one that is `suspected`:
    it shows no sign of life.
    """

    __slots__ = (
        "busy", "crashes", "device", "done", "failures", "generation", "id", "load_failure", "memory_bytes",
        "occupancy", "recycling", "reserved", "slots", "spec", "state", "suspected", "ticket",
    )  # fmt: skip

    def __init__(self, name: str, spec: WorkerSpec) -> None:
        self.id, self.spec = name, spec
        self.device, self.slots = spec.device, spec.slots
        self.state: State = "waiting"
        self.generation = 1
        self.load_failure: str | None = None  # why its last generation could not load
        self.failures = 0  # deaths in a row without a job on it
        self.crashes = 0  # deaths in a row with a job on it
        self.reserved = False
        self.ticket = -1  # its place among the free workers
        self.begin_generation()

    def begin_generation(self) -> None:
        """A generation begins."""
        self.busy = self.done = 0
        self.occupancy = Occupancy()
        self.recycling = self.suspected = False
        self.memory_bytes = 0  # of its process, after its first job; 0 while that is unknown

    @property
    def usable(self) -> bool:
        """Whether it takes jobs, now or once some are done."""
        return self.state == "ready" and not self.recycling and not self.suspected

    @property
    def free_slots(self) -> int:
        return max(0, self.slots - self.busy) if self.usable and not self.reserved else 0

    def __repr__(self) -> str:
        return f"<worker {self.id} on {self.device.id}, {self.state}, {self.busy} of {self.slots} slots busy>"


class FreeWorkers:
    """Workers with a free slot, the longest waiting first.

    It may change while it is iterated: a worker that took a job and has slots left comes again, at
    the end, so that jobs spread over the workers before they double up.
    """

    def __init__(self) -> None:
        self._tickets: list[int] = []
        self._workers: dict[int, Worker] = {}
        self._last = 0

    def update(self, worker: Worker) -> None:
        """Take note that the worker's free slots may have changed."""
        if (worker.ticket in self._workers) != (worker.free_slots > 0):
            if worker.free_slots:
                self._add(worker)
            else:
                self._remove(worker)

    def rotate(self, worker: Worker) -> None:
        """The worker took a job: it goes to the end, or out."""
        self._remove(worker)
        if worker.free_slots:
            self._add(worker)

    def _add(self, worker: Worker) -> None:
        self._last += 1
        worker.ticket = self._last
        self._workers[worker.ticket] = worker
        self._tickets.append(worker.ticket)

    def _remove(self, worker: Worker) -> None:
        if self._workers.pop(worker.ticket, None) is not None:
            del self._tickets[bisect_left(self._tickets, worker.ticket)]
        worker.ticket = -1

    def __iter__(self) -> Iterator[Worker]:
        ticket = -1
        while (position := bisect_right(self._tickets, ticket)) < len(self._tickets):
            ticket = self._tickets[position]
            yield self._workers[ticket]

    def __len__(self) -> int:
        return len(self._tickets)


class Fleet:
    """Starts and ends workers where a placement differs from the last, and restarts those that die.

    It learns how much work a device can hold.

    `limits.restarts` bounds the deaths in a row without a job on the worker. With a job on it more deaths are
    allowed: they show which job kills, and a few such jobs must not cost the worker.
    """

    def __init__(
        self,
        limits: Limits,
        timers: Timers,
        emit: Callable[[Command], object],
        forget: Callable[[Worker], object],
    ) -> None:
        self._limits, self._timers, self._emit, self._forgotten = limits, timers, emit, forget
        self._crashes = (limits.deaths + 1) * (limits.restarts + 1)
        self._workers: dict[str, Worker] = {}
        self._here: dict[str, list[Worker]] = {}  # the same, by the id of their device
        self._count = 0
        self._now = 0.0
        self._slot_caps: dict[str, int] = {}  # learnt, by device
        self._worker_caps: dict[str, int] = {}
        self._squeezed: dict[str, int] = {}  # the last token when it ran out of memory
        self.changed = False
        """whether more is known of the devices than at the last placement"""
        self.free = FreeWorkers()
        self.lost: set[str] = set()
        """ids of devices on which no worker would live"""
        self.slots = 0
        """of all workers that take jobs, now or once they are loaded"""

    @property
    def workers(self) -> Collection[Worker]:
        return self._workers.values()

    @property
    def loading(self) -> bool:
        return any(worker.state in ("backing off", "waiting", "loading") for worker in self._workers.values())

    @property
    def suspicious(self) -> bool:
        """Whether any worker is silent: it shows life some time, or is started anew."""
        return any(worker.suspected for worker in self._workers.values())

    @property
    def settled(self) -> bool:
        """Whether the last placement is carried out: no worker loads, waits to load, or is about to end."""
        return all(worker.state == "ready" for worker in self._workers.values())

    def turn(self, now: float) -> None:
        """A new turn begins."""
        self._now = now

    def get(self, name: str, generation: int) -> Worker | None:
        """The worker, if that generation of it is the living one."""
        worker = self._workers.get(name)
        return worker if worker is not None and worker.generation == generation else None

    def holds(self, worker: Worker) -> bool:
        """Whether `worker` is one of the living."""
        return self._workers.get(worker.id) is worker

    # ------------------------------------------------------------ placement

    def capped(self, devices: Iterable[Device]) -> list[Device]:
        """The devices that are not lost, with what was learnt about them."""
        return [
            replace(
                device,
                max_slots=_least(device.max_slots, self._slot_caps.get(device.id)),
                max_workers=_least(device.max_workers, self._worker_caps.get(device.id)),
            )
            for device in devices
            if device.id not in self.lost
        ]

    def place(self, specs: Iterable[WorkerSpec]) -> None:
        """Start the workers that are missing, let the surplus finish and go."""
        wished: dict[str, list[WorkerSpec]] = {}
        for spec in sorted(specs, key=lambda spec: -spec.slots):
            wished.setdefault(spec.device.id, []).append(spec)
        for worker in sorted(self._workers.values(), key=lambda worker: -worker.spec.slots):
            specs_here = wished.get(worker.device.id, [])
            fitting = next((spec for spec in specs_here if spec.slots <= worker.spec.slots), None)
            if fitting is None:
                self._drain(worker)
                continue
            specs_here.remove(fitting)  # fewer slots than it was started with need no restart
            worker.device, worker.slots = fitting.device, fitting.slots
            if worker.state == "draining":
                worker.state = "ready"
            self.free.update(worker)
        for spec in (spec for specs_here in wished.values() for spec in specs_here):
            worker = Worker(f"w{self._count}", spec)
            self._count += 1
            self._workers[worker.id] = worker
            self._here.setdefault(spec.device.id, []).append(worker)
        self.slots = sum(worker.slots for worker in self._workers.values() if worker.state != "draining")
        for device in list(self._here):
            self._start_waiting(device)

    def _drain(self, worker: Worker) -> None:
        if worker.state in ("backing off", "waiting"):
            self._timers.clear(_backoff(worker))
            self._remove(worker)
            return
        worker.state = "draining"
        self.free.update(worker)
        self._if_idle(worker)

    def _remove(self, worker: Worker) -> None:
        del self._workers[worker.id]
        here = self._here[worker.device.id]
        here.remove(worker)
        if not here:
            del self._here[worker.device.id]

    def _start_waiting(self, device: str) -> None:
        """Start what waits on a device, as far as it may."""
        here = self._here.get(device, ())
        if device in self.lost or any(worker.state == "draining" for worker in here):
            return
        loading = sum(worker.state == "loading" for worker in here)
        for worker in here:
            if worker.state == "waiting" and loading < _at_once(worker.device):
                loading += 1
                self._start(worker)

    def _start(self, worker: Worker) -> None:
        worker.state = "loading"
        worker.begin_generation()
        worker.spec = WorkerSpec(worker.device, worker.slots)
        self.show_life(worker)
        self._emit(StartWorker(worker.id, worker.generation, worker.spec))

    # ------------------------------------------------------------ what workers do

    def show_life(self, worker: Worker) -> None:
        """The worker is loading, and alive."""
        if worker.state == "loading":
            self._timers.set(_load(worker), self._now + self._limits.timeouts.load_s)

    def ready(self, worker: Worker) -> None:
        self._timers.clear(_load(worker))
        if worker.state == "loading":
            worker.state = "ready"
            worker.load_failure = None
            self.free.update(worker)
            self._start_waiting(worker.device.id)

    def suspect(self, worker: Worker, kill_at: float) -> None:
        """The worker has gone silent; if it has no job then, it is started anew at `kill_at`."""
        worker.suspected = True
        self.free.update(worker)
        self._timers.set(_silence(worker), kill_at)

    def trust(self, worker: Worker) -> None:
        """The silent worker shows life."""
        worker.suspected = False
        self._timers.clear(_silence(worker))
        self.free.update(worker)

    def took_job(self, worker: Worker) -> None:
        worker.busy += 1
        worker.occupancy.change(worker.busy, self._now)
        self.free.rotate(worker)

    def freed_slot(self, worker: Worker) -> None:
        worker.busy -= 1
        worker.occupancy.change(worker.busy, self._now)
        self.free.update(worker)
        self._if_idle(worker)

    def proved(self, worker: Worker, memory_bytes: int) -> None:
        """The worker finished a job; it may be due for recycling."""
        worker.failures = worker.crashes = 0
        worker.done += 1
        worker.memory_bytes = worker.memory_bytes or memory_bytes
        grown = memory_bytes - worker.memory_bytes
        if worker.recycling or not worker.usable:
            return
        if grown > self._limits.recycle_bytes:
            self._emit(
                Notice(f"worker {worker.id} is started anew: its memory has grown by {grown / GIB:.1f} GiB")
            )
        elif self._limits.recycle_chunks is None or worker.done < self._limits.recycle_chunks:
            return
        worker.recycling = True
        self.free.update(worker)

    def reserve(self, worker: Worker, reserved: bool) -> None:
        """Keep the worker from the policy, or give it back."""
        worker.reserved = reserved
        self.free.update(worker)

    def _if_idle(self, worker: Worker) -> None:
        """Do what waits until the worker has no job."""
        if worker.busy or not self.holds(worker):
            return
        if worker.state == "draining":
            self._remove(worker)
            self._emit(KillWorker(worker.id, worker.generation, "no longer placed"))
            self._start_waiting(worker.device.id)
        elif worker.recycling:
            self.kill(worker, "recycled")

    # ------------------------------------------------------------ memory

    def squeeze(self, worker: Worker, token: int, last_token: int) -> bool:
        """Attempt `token` found its device out of memory: ask less of the device from now on.

        Attempts that ran beside one another, up to `last_token`, cost one slot or one worker together.
        False where no less can be asked.
        """
        device = worker.device.id
        if token <= self._squeezed.get(device, 0):
            return True
        workers = sum(other.state != "draining" for other in self._here.get(device, ()))
        if worker.busy > 1:
            cap = self._slot_caps[device] = worker.busy - 1
            less = f"{cap} at a time in a worker"
        elif workers > 1:
            cap = self._worker_caps[device] = workers - 1
            less = f"{cap} workers at a time"
        else:
            return False
        self._squeezed[device] = last_token
        self.changed = True
        self._emit(Notice(f"{device} is out of memory: {less} from now on"))
        return True

    # ------------------------------------------------------------ ends and beginnings

    def kill(self, worker: Worker, why: str) -> None:
        """End a worker on purpose and start it anew at once."""
        self._emit(KillWorker(worker.id, worker.generation, why))
        self._restart(worker, 0.0)

    def fails_again(self, worker: Worker, why: str) -> bool:
        """Take note that a worker could not load; whether its last generation could not for the same reason.

        Then no other one will.
        """
        before, worker.load_failure = worker.load_failure, why
        return why == before

    def died(self, worker: Worker, why: str, *, permanent: bool = False) -> None:
        """A worker is dead: restart it, unless restarts have not helped."""
        self._timers.clear(_load(worker))
        if worker.busy:
            worker.crashes += 1
        else:
            worker.failures += 1
        tries = worker.failures + worker.crashes
        useless = permanent or worker.failures > self._limits.restarts or worker.crashes > self._crashes
        if not useless or worker.state == "draining":
            backoff_s = 0.0 if tries < 2 else min(BACKOFF_S * 2.0 ** (tries - 2), LONGEST_BACKOFF_S)
            self._restart(worker, backoff_s)
            return
        self._forget(worker)
        if self._workers:  # else an error tells it, as soon as somebody wants a worker
            times = "" if permanent else f" after {tries} deaths in a row"
            self._emit(Notice(f"worker {worker.id} on {worker.device.id} given up{times}: {why}"))
        if all(other.state == "draining" for other in self._here.get(worker.device.id, ())):
            self.lost.add(worker.device.id)
            self.changed = True

    def retire(self, device: str, why: str) -> None:
        """The device is lost: give up every worker on it."""
        self.lost.add(device)
        self.changed = True
        self._emit(Notice(f"{device} is given up: {why}"))
        for worker in list(self._here.get(device, ())):
            if worker.state not in ("backing off", "waiting"):
                self._emit(KillWorker(worker.id, worker.generation, f"{device} is lost"))
            self._forget(worker)

    def backed_off(self, worker: Worker) -> None:
        """The time before a restart is over."""
        worker.state = "waiting"
        self._start_waiting(worker.device.id)

    def _restart(self, worker: Worker, backoff_s: float) -> None:
        self._timers.clear(_load(worker))
        self._timers.clear(_silence(worker))
        if worker.state == "draining":
            self._forget(worker)
            return
        worker.begin_generation()
        worker.reserved = False
        worker.generation += 1
        worker.state = "backing off"
        self.free.update(worker)
        if backoff_s:
            self._timers.set(_backoff(worker), self._now + backoff_s)
        else:
            self._start(worker)

    def _forget(self, worker: Worker) -> None:
        for due in (_load(worker), _backoff(worker), _silence(worker)):
            self._timers.clear(due)
        self._remove(worker)
        if worker.state != "draining":
            self.slots -= worker.slots
        worker.state = "draining"
        self.free.update(worker)
        self._forgotten(worker)
        self._start_waiting(worker.device.id)


def _at_once(device: Device) -> int:
    return max(LOADING_AT_ONCE, device.cores or 0)


def _load(worker: Worker) -> Due:
    return Due("load", (worker.id, worker.generation))


def _backoff(worker: Worker) -> Due:
    return Due("backoff", (worker.id, worker.generation))


def _silence(worker: Worker) -> Due:
    return Due("silence", (worker.id, worker.generation))


def _least(*caps: int | None) -> int | None:
    return min((cap for cap in caps if cap is not None), default=None)
