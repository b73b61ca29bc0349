"""The scheduler: a state machine without I/O, threads or a clock. Events go in, commands come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ttsflow.config.model import Limits
from ttsflow.costs import Costs
from ttsflow.devices import Device
from ttsflow.errors import TtsflowError, UsageError, WorkerError
from ttsflow.jobs import ChunkJob
from ttsflow.policy import Policy
from ttsflow.profile import Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.attempts import Attempts
from ttsflow.scheduler.chunks import Part
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.guard import Guard
from ttsflow.scheduler.placement import place, usable
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams
from ttsflow.scheduler.verdicts import Verdicts
from ttsflow.scheduler.view import SchedulerView


class Scheduler:
    """Drives chunk jobs through workers as a policy says, and accounts for every chunk.

    `start` and `feed` return commands, to be carried out in order. One turn of `feed`: the events,
    then the timers, then `place` if the devices changed, then one `dispatch`. Whatever the policy
    does wrong, or when no worker is left, ends in `Stop`; nothing follows it.
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
        tries = limits.retries + 1
        self._fleet = Fleet(limits.restarts, crashes=tries * (limits.restarts + 1))
        self._attempts = Attempts()
        self._ready = ReadyQueue()
        self._verdicts = Verdicts(
            self._attempts, self._fleet, self._streams, self._ready, costs,
            limits.retries, limits.timeouts.cancel_s,
        )  # fmt: skip
        self._view = SchedulerView(self._ready, self._fleet, self._attempts, self._streams, costs)
        self._out: list[msg.Command] = []
        self._devices_changed = True
        self._wake: float | None = None
        self._last_loss = ""
        self._stopped = False
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            msg.OpenStream: self._open_stream,
            msg.Submit: self._submit,
            msg.CancelStream: self._cancel_stream,
            msg.WorkerLoading: lambda event, now: None,
            msg.WorkerReady: self._worker_ready,
            msg.Piece: self._verdicts.piece,
            msg.Finished: self._attempt_ended,
            msg.Failed: self._attempt_ended,
            msg.TooLong: self._attempt_ended,
            msg.Cancelled: self._attempt_ended,
            msg.LoadFailed: self._worker_lost,
            msg.Died: self._worker_lost,
            msg.DevicesChanged: self._change_devices,
            msg.Delivered: self._delivered,
            msg.Tick: lambda event, now: None,
        }

    def start(self, now: float) -> list[msg.Command]:
        """Place the first workers."""
        return self.feed((), now)

    def feed(self, events: Iterable[msg.Event], now: float) -> list[msg.Command]:
        """Take in what happened up to `now`; give what to do about it."""
        if self._stopped:
            return []
        self._out = []
        try:
            for event in events:
                self._handlers[type(event)](event, now)
            self._fire_timers(now)
            if self._devices_changed:
                self._place()
            self._admit_and_deliver(now)
            self._dispatch(now)
            self._check_progress(now)
        except TtsflowError as error:
            self._stop(error)
        else:
            self._set_wake()
        return self._out

    # ------------------------------------------------------------ streams

    def _open_stream(self, event: msg.OpenStream, now: float) -> None:
        self._streams.touch(self._streams.open(event.stream, event.live, event.weight))

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

    def _cancel_stream(self, event: msg.CancelStream, now: float) -> None:
        stream = self._streams.get(event.stream)
        if stream is None:
            return
        for chunk in stream.chunks.values():
            self._out.extend(self._verdicts.withdraw(chunk, now))
        self._out.extend(self._streams.cancel(stream, event.why))

    def _admit_and_deliver(self, now: float) -> None:
        slots = self._fleet.slots
        for part in self._verdicts.take_returned():
            self._make_ready(part)
        for stream in self._streams.take_touched():
            for chunk in self._streams.admit(stream, slots, now):
                self._make_ready(*chunk.parts)
            self._out.extend(self._streams.advance(stream))
            self._out.extend(self._streams.want(stream, slots))

    def _make_ready(self, part: Part) -> None:
        self._ready.push(part.job, part.order, self._policy.lane(part.job))

    def _attempt_ended(self, event: msg.End, now: float) -> None:
        self._out.extend(self._verdicts.ended(event, now))

    # ------------------------------------------------------------ workers

    def _worker_ready(self, event: msg.WorkerReady, now: float) -> None:
        worker = self._fleet.get(event.worker, event.generation)
        if worker is not None:
            self._fleet.ready(worker)

    def _worker_lost(self, event: msg.Died | msg.LoadFailed, now: float) -> None:
        worker, why = self._fleet.get(event.worker, event.generation), event.why
        if worker is None:
            return
        permanent = isinstance(event, msg.LoadFailed) and event.permanent
        self._last_loss = f"{worker.id} on {worker.device.id}: {why}"
        self._out.extend(self._fleet.died(worker, why, permanent=permanent))
        self._devices_changed |= worker.device.id in self._fleet.lost
        self._out.extend(self._verdicts.lost(worker, f"worker {worker.id} died: {why}", now, blame=True))

    def _kill(self, worker: Worker, why: str, now: float) -> None:
        """End a worker on purpose: its other jobs are not to blame."""
        self._out.extend(self._verdicts.lost(worker, why, now, blame=False))
        self._out.extend(self._fleet.kill(worker, why))

    # ------------------------------------------------------------ placement

    def _change_devices(self, event: msg.DevicesChanged, now: float) -> None:
        self._devices = tuple(event.devices)
        self._devices_changed = True

    def _place(self) -> None:
        self._devices_changed = False
        devices = [d for d in usable(self._devices, self._profile) if d.id not in self._fleet.lost]
        # Without a device the last workers finish and go; after that it is an error if there is work.
        specs, refused = place(devices, self._profile, self._policy.place) if devices else ([], [])
        self._out.extend(msg.Notice(text) for text in refused)
        self._out.extend(self._fleet.place(specs))
        self._ready.relane(self._policy.lane)
        for stream in self._streams:  # the window follows the number of slots
            self._streams.touch(stream)

    # ------------------------------------------------------------ dispatch

    def _dispatch(self, now: float) -> None:
        self._view.turn(now)
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
        attempt = self._attempts.start(chunk.part_of(job), worker, now)
        self._streams.started(chunk)
        self._fleet.took_job(worker)
        self._out.append(msg.StartJob(attempt.token, worker.id, worker.generation, job))

    def _check_progress(self, now: float) -> None:
        """Work that nothing will ever pick up is an error, not a silence."""
        if not self._fleet.workers and any(stream.has_work for stream in self._streams):
            raise WorkerError(f"no worker is left to speak with. The last was {self._last_loss}")
        idle = self._fleet.free and not self._attempts.running and not self._fleet.loading
        self._policy.check_not_starving(self._ready, bool(idle), self._view.wake, now)

    # ------------------------------------------------------------ time and the end

    def _fire_timers(self, now: float) -> None:
        for attempt in self._attempts.overdue(now):
            self._kill(attempt.worker, "a cancelled job was not let go of in time", now)

    def _set_wake(self) -> None:
        times = [self._attempts.next_deadline(), self._view.wake]
        if self._view.wake is not None:
            times.append(self._policy.starved_at)
        wake = min((time for time in times if time is not None), default=None)
        if wake != self._wake:
            self._wake = wake
            self._out.append(msg.WakeAt(wake))

    def _stop(self, error: TtsflowError) -> None:
        if isinstance(error, UsageError) and self._last_loss:  # what was right at first is right no more
            error = WorkerError(f"{error}. The last worker lost was {self._last_loss}")
        self._stopped = True
        for stream in list(self._streams):
            self._out.extend(self._streams.cancel(stream, str(error)))
        self._out.append(msg.Stop(error))
