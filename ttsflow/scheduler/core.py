"""The scheduler: a state machine without I/O, threads or a clock. Events go in, commands come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ttsflow.errors import TtsflowError, UsageError, WorkerError
from ttsflow.interface.costs import Costs
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy
from ttsflow.interface.profile import Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.attempts import Attempts
from ttsflow.scheduler.chunks import Part
from ttsflow.scheduler.fleet import Fleet
from ttsflow.scheduler.guard import Guard
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.placement import place, usable
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Stream, Streams
from ttsflow.scheduler.supervisor import Supervisor
from ttsflow.scheduler.suspects import Suspects
from ttsflow.scheduler.timers import Due, Timers
from ttsflow.scheduler.verdicts import Verdicts
from ttsflow.scheduler.view import SchedulerView
from ttsflow.scheduler.workers import Worker

DRAINED = Due("drain")

STOPPED = "stopped before the end"

LATE_S = 1.0
"""A timer that fires later than this was held up with the whole process: for how long nobody knows, so that
the time since the turn before counts for no deadline."""


class Scheduler:
    """Drives chunk jobs through workers as a policy says, and accounts for every chunk.

    `start` and `feed` return commands, to be carried out in order. One turn of `feed`: the events,
    then the timers, then `place` if the devices changed, then the suspects, then one `dispatch`.
    Whatever the policy does wrong, or when no worker is left, ends in `Stop`; nothing follows it.
    """

    def __init__(
        self,
        policy: Policy,
        devices: Sequence[Device],
        profile: Profile,
        limits: Limits | None = None,
        costs: Costs | None = None,
    ) -> None:
        limits = limits or Limits()
        self._profile = profile
        self._devices = tuple(devices)
        costs = costs or Costs(profile)
        self._policy = Guard(policy)
        self._streams = Streams(limits.look_ahead, costs)
        self._timeouts = limits.timeouts
        self._timers = Timers()
        self._fleet = Fleet(limits, self._timers)
        self._attempts = Attempts(self._timers, costs, limits.timeouts)
        self._ready = ReadyQueue()
        self._verdicts = Verdicts(
            self._attempts, self._fleet, self._streams, self._ready, costs, limits, profile.deterministic
        )
        self._suspects = Suspects(self._fleet, self._verdicts.wanted)
        self._supervisor = Supervisor(
            self._attempts, self._fleet, self._verdicts, self._suspects, limits.timeouts
        )
        self._view = SchedulerView(self._ready, self._fleet, self._attempts, self._streams, costs)
        self._out: list[msg.Command] = []
        self._devices_changed = True
        self._draining = False
        self._awaited = False  # somebody waits for the workers
        self._wake: float | None = None
        self._last_turn = 0.0
        self._stopped = False
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            msg.OpenStream: self._open_stream,
            msg.Submit: self._submit,
            msg.CancelStream: self._cancel_stream,
            msg.DevicesChanged: self._change_devices,
            msg.Delivered: self._delivered,
            msg.Committed: self._committed,
            msg.AwaitWorkers: self._await_workers,
            msg.Drain: self._drain,
        }

    @property
    def doing(self) -> str:
        """What `feed` is in the middle of, for when it does not come back."""
        return self._policy.doing

    def start(self, now: float) -> list[msg.Command]:
        """Place the first workers."""
        return self.feed((), now)

    def feed(self, events: Iterable[msg.Event], now: float) -> list[msg.Command]:
        """Take in what happened up to `now`; give what to do about it."""
        if self._stopped:
            return []
        self._out = []
        self._fleet.turn(now)
        if self._wake is not None and now > self._wake + LATE_S:
            self._timers.shift(now - self._last_turn)
        self._last_turn = now
        try:
            for event in events:
                handle = self._handlers.get(type(event))
                if handle is not None:
                    handle(event, now)
                else:
                    self._out.extend(self._supervisor.hear(event, now))
            self._fire_timers(now)
            if self._devices_changed or self._fleet.changed:
                self._place()
            self._admit_and_deliver(now)
            self._view.turn(now)
            if self._draining:
                self._end_drained(now)
            else:
                self._dispatch(now)
                self._check_progress(now)
            if self._awaited and not self._fleet.loading:
                self._awaited = False
                self._out.append(msg.WorkersLoaded())
        except TtsflowError as error:
            self._stop(error)
        else:
            self._set_wake()
        return self._out

    # ------------------------------------------------------------ streams

    def _open_stream(self, event: msg.OpenStream, now: float) -> None:
        self._streams.touch(self._streams.open(event.stream, event.live, event.weight, event.stored))

    def _submit(self, event: msg.Submit, now: float) -> None:
        stream = self._streams.get(event.stream)
        if stream is not None:  # else it was cancelled, and the source had not heard of it yet
            self._streams.submit(stream, event.jobs, event.last)
            self._streams.touch(stream)

    def _delivered(self, event: msg.Delivered, now: float) -> None:
        stream = self._streams.get(event.stream)
        if stream is not None:
            self._streams.delivered(stream, event.index)
            self._streams.touch(stream)

    def _committed(self, event: msg.Committed, now: float) -> None:
        stream = self._streams.get(event.stream)
        if stream is not None:
            self._streams.committed(stream, event.index)
            self._streams.touch(stream)

    def _cancel_stream(self, event: msg.CancelStream, now: float) -> None:
        stream = self._streams.get(event.stream)
        if stream is not None:
            self._end_stream(stream, event.why, now)

    def _end_stream(self, stream: Stream, why: str, now: float) -> None:
        for chunk in stream.chunks.values():
            self._out.extend(self._verdicts.withdraw(chunk, now))
        self._out.extend(self._streams.cancel(stream, why))

    def _admit_and_deliver(self, now: float) -> None:
        slots = self._fleet.slots
        for part in self._verdicts.take_returned():
            self._make_ready(part)
        for stream in self._streams.take_touched():
            if not self._draining:
                for chunk in self._streams.admit(stream, slots, now):
                    self._make_ready(*chunk.parts)
                self._out.extend(self._streams.want(stream, slots))
            self._out.extend(self._streams.commit(stream))
            self._out.extend(self._streams.advance(stream))

    def _make_ready(self, part: Part) -> None:
        if part.suspect:
            self._suspects.add(part)
        else:
            self._ready.push(part.job, part.order, self._policy.lane(part.job))

    def _drain(self, event: msg.Drain, now: float) -> None:
        if not self._draining:
            self._draining = True
            self._timers.set(DRAINED, now + self._timeouts.drain_s)

    def _end_drained(self, now: float) -> None:
        """End every stream once nothing of it is in work any more."""
        busy = {attempt.job.stream for attempt in self._attempts.running if not attempt.cancelled}
        for stream in list(self._streams):
            if stream.name not in busy and not stream.busy:
                self._end_stream(stream, STOPPED, now)

    # ------------------------------------------------------------ placement

    def _change_devices(self, event: msg.DevicesChanged, now: float) -> None:
        self._devices = tuple(event.devices)
        self._devices_changed = True

    def _await_workers(self, event: msg.AwaitWorkers, now: float) -> None:
        self._awaited = True

    def _place(self) -> None:
        self._devices_changed = self._fleet.changed = False
        devices = self._fleet.capped(usable(self._devices, self._profile))
        # Without a device the last workers finish and go; after that it is an error if there is work.
        specs, refused = place(devices, self._profile, self._policy.place) if devices else ([], [])
        self._out.extend(msg.Notice(text) for text in refused)
        self._out.extend(self._fleet.place(specs))
        self._ready.relane(self._policy.lane)
        for stream in self._streams:  # the window follows the number of slots
            self._streams.touch(stream)

    # ------------------------------------------------------------ dispatch

    def _dispatch(self, now: float) -> None:
        if len(self._suspects):
            for part, worker in self._suspects.due():
                self._start(part, worker, now)
        if not self._ready or not self._fleet.free:
            return
        for job, worker in self._policy.dispatch(self._view):
            self._assign(job, worker, now)

    def _assign(self, job: ChunkJob, worker: Worker, now: float) -> None:
        if not self._fleet.holds(worker):
            raise self._policy.complaint(f"dispatch gave {worker!r} for a worker")
        if not worker.free_slots:
            raise self._policy.complaint(f"dispatch gave chunk {job.index} to {worker!r}: no slot is free")
        if not self._ready.take(job):
            raise self._policy.complaint(
                f"dispatch gave chunk {job.index} of {job.stream!r}, which is not ready (given twice?)"
            )
        stream = self._streams.get(job.stream)
        assert stream is not None  # ready jobs belong to open streams
        chunk = stream.chunks[job.index]
        self._start(chunk.part_of(job), worker, now)

    def _start(self, part: Part, worker: Worker, now: float) -> None:
        attempt = self._attempts.start(part, worker, now)
        self._streams.started(part.chunk)
        self._fleet.took_job(worker)
        self._out.append(msg.StartJob(attempt.token, worker.id, worker.generation, part.job))

    def _check_progress(self, now: float) -> None:
        """Work that nothing will ever pick up is an error, not a silence."""
        if not self._fleet.workers and (self._awaited or any(stream.has_work for stream in self._streams)):
            raise WorkerError(f"no worker is left to speak with. The last was {self._supervisor.last_loss}")
        if self._draining:  # what is ready stays
            return
        idle = self._fleet.free and not self._attempts.running and not self._fleet.loading
        self._policy.check_not_starving(self._ready, bool(idle), self._view.wake, now)

    # ------------------------------------------------------------ time and the end

    def _fire_timers(self, now: float) -> None:
        for due in self._timers.due(now):
            if due == DRAINED:
                for stream in list(self._streams):
                    self._end_stream(stream, STOPPED, now)
            else:
                self._out.extend(self._supervisor.due(due, now))

    def _set_wake(self) -> None:
        times = [self._timers.next(), self._view.wake]
        if self._view.wake is not None:
            times.append(self._policy.starved_at)
        wake = min((time for time in times if time is not None), default=None)
        if wake != self._wake:
            self._wake = wake
            self._out.append(msg.WakeAt(wake))

    def _stop(self, error: TtsflowError) -> None:
        if (
            isinstance(error, UsageError) and self._supervisor.last_loss
        ):  # what was right at first is right no more
            error = WorkerError(f"{error}. The last worker lost was {self._supervisor.last_loss}")
        self._stopped = True
        for stream in list(self._streams):
            self._out.extend(self._streams.cancel(stream, str(error)))
        self._out.append(msg.Stop(error))
