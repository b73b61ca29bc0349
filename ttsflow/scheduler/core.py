"""The scheduler: a state machine without I/O, threads or a clock. Events go in, commands come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ttsflow.errors import NothingSpoken, TtsflowError, UsageError, WorkerError
from ttsflow.interface.costs import Costs
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy
from ttsflow.interface.profile import Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.chunks import Part, PartStage, Stream
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.placement import place, usable
from ttsflow.scheduler.policy_guard import Guard, SchedulerView
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams
from ttsflow.scheduler.supervisor import Supervisor
from ttsflow.scheduler.timers import Due, Timers
from ttsflow.scheduler.verdicts import hopeless

DRAINED = Due("drain")

STOPPED = "stopped before the end"


class Scheduler:
    """Drives chunk jobs through workers as a policy says, and accounts for every chunk.

    `start` and `feed` return commands, to be carried out in order. One turn of `feed`: the events,
    then the timers, then `place` if the devices changed, then the isolated parts, then one `dispatch`, and
    `place` if that asked for it.
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
        costs = self._costs = costs or Costs(profile)
        self._policy = Guard(policy)
        self._out: list[msg.Command] = []
        self._streams = Streams(limits.look_ahead, costs, self._emit)
        self._timeouts = limits.timeouts
        self._timers = Timers()
        self._fleet = Fleet(limits, self._timers, self._emit, costs.forget)
        self._ready = ReadyQueue(costs.cost)
        self._supervisor = Supervisor(
            self._fleet, self._streams, self._ready, self._timers, costs, profile, limits, self._emit,
            repeatable=profile.deterministic,
        )  # fmt: skip
        self._view = SchedulerView(self._ready, self._fleet, self._supervisor, self._streams, costs)
        self._devices_changed = True
        self._notes: list[str] = []
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
        self._last_turn = now
        try:
            for event in events:
                handle = self._handlers.get(type(event))
                if handle is not None:
                    handle(event, now)
                else:
                    self._supervisor.process(event, now)
            self._fire_timers(now)
            if self._devices_changed or self._fleet.changed:
                self._place()
            self._admit_and_deliver(now)
            self._view.turn(now)
            if self._draining:
                self._end_drained(now)
            else:
                self._dispatch(now)
                if self._view.placement_due:
                    self._place()
                self._check_progress(now)
            if self._awaited and not self._fleet.loading:
                self._awaited = False
                self._emit(msg.WorkersLoaded())
            if any(isinstance(command, msg.StreamFinished) for command in self._out):
                self._emit(msg.Learnt(self._costs.slowdowns()))
        except TtsflowError as error:
            self._stop(error)
        else:
            self._set_wake()
        return self._out

    def _emit(self, command: msg.Command) -> None:
        self._out.append(command)

    # ------------------------------------------------------------ streams

    def _open_stream(self, event: msg.OpenStream, now: float) -> None:
        stream = self._streams.open(event.stream, event.live, event.weight, event.stored, event.group)
        stream.ends.spoken = len(event.examples)
        self._streams.touch(stream)
        self._supervisor.learn(event.examples)

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
            self._supervisor.withdraw(chunk, now)
        self._streams.cancel(stream, why)

    def _admit_and_deliver(self, now: float) -> None:
        slots = self._fleet.slots
        for part in self._supervisor.take_pending():
            self._make_ready(part)
        for stream in self._streams.take_touched():
            room = True
            while room:
                if not self._draining:
                    for chunk in self._streams.admit(stream, slots, now):
                        self._make_ready(*chunk.parts)
                self._streams.commit(stream)
                room = self._streams.advance(stream, now)
            if hopeless(stream.ends) and self._streams.get(stream.name) is stream:
                self._give_up(stream, now)
            elif not self._draining:
                self._streams.want(stream, slots)

    def _give_up(self, stream: Stream, now: float) -> None:
        """Nothing of a stream can be spoken."""
        error = NothingSpoken(
            f"{stream.ends.failed} chunks have failed, all alike, and none was spoken: "
            f"the others are not tried. Why they failed: {stream.ends.why}"
        )
        for chunk in stream.chunks.values():
            self._supervisor.withdraw(chunk, now)
        self._streams.cancel(stream, str(error), error)

    def _make_ready(self, part: Part) -> None:
        if part.isolate:
            self._supervisor.isolate(part)
        else:
            part.move(PartStage.READY)
            claim = self._streams.claim(part.chunk)
            self._ready.push(part.job, part.order, claim, self._policy.lane(part.job))

    def _drain(self, event: msg.Drain, now: float) -> None:
        if not self._draining:
            self._draining = True
            self._timers.set(DRAINED, now + self._timeouts.drain_s)

    def _end_drained(self, now: float) -> None:
        """End every stream once nothing of it is in work any more."""
        busy = {attempt.job.stream for attempt in self._supervisor.running if not attempt.cancelled}
        for stream in list(self._streams):
            if stream.name not in busy and not stream.busy:
                self._end_stream(stream, STOPPED, now)

    # ------------------------------------------------------------ placement

    def _change_devices(self, event: msg.DevicesChanged, now: float) -> None:
        self._devices = tuple(event.devices)
        self._devices_changed = True
        if event.why is not None:
            self._emit(msg.Notice(event.why))

    def _await_workers(self, event: msg.AwaitWorkers, now: float) -> None:
        self._awaited = True

    def _place(self) -> None:
        self._devices_changed = self._fleet.changed = False
        devices = self._fleet.capped(usable(self._devices, self._profile))
        # Without a device the last workers finish and go; after that it is an error if there is work.
        specs, notes = place(devices, self._profile, self._policy.place) if devices else ([], [])
        for text in notes:
            if text not in self._notes:  # of the last placement
                self._emit(msg.Notice(text))
        self._notes = notes
        self._fleet.place(specs)
        self._view.placed(self._last_turn)
        self._ready.relane(self._policy.lane)
        for stream in self._streams:  # the window follows the number of slots
            self._streams.touch(stream)

    # ------------------------------------------------------------ dispatch

    def _dispatch(self, now: float) -> None:
        if self._supervisor.isolating:
            self._supervisor.start_isolated(now)
        self._supervisor.start_hedges(now, heads=True)
        if self._ready and self._fleet.free:
            for job, worker in self._policy.dispatch(self._view):
                self._assign(job, worker, now)
        self._supervisor.start_hedges(now, heads=False)  # on slots that nobody wants

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
        self._supervisor.start(chunk.part_of(job), worker, now)

    def _check_progress(self, now: float) -> None:
        """Work that nothing will ever pick up is an error, not a silence."""
        if not self._fleet.workers and (self._awaited or any(stream.has_work for stream in self._streams)):
            raise self._no_worker("no worker is left to speak with. The last was")
        if self._draining:  # what is ready stays
            return
        doing = self._supervisor.running or self._fleet.loading or self._fleet.suspicious
        idle = self._fleet.free and not doing
        self._policy.check_not_starving(self._ready, bool(idle), self._view.wake, now)

    def _no_worker(self, said: str) -> WorkerError:
        """The error that ends a run for lack of workers; the last loss is told behind what is `said`."""
        loss = self._supervisor.last_loss
        return WorkerError(f"{said} {loss.words}" if loss else said, quoted=loss is not None and loss.quoted)

    # ------------------------------------------------------------ time and the end

    def _fire_timers(self, now: float) -> None:
        for due in self._timers.due(now):
            if due == DRAINED:
                for stream in list(self._streams):
                    self._end_stream(stream, STOPPED, now)
            else:
                self._supervisor.due(due, now)

    def _set_wake(self) -> None:
        wake = self._timers.next()
        if self._view.wake is not None:
            asked = min(self._view.wake, self._policy.starved_at)
            wake = asked if wake is None else min(wake, asked)
        if wake != self._wake:
            self._wake = wake
            self._emit(msg.WakeAt(wake))

    def _stop(self, error: TtsflowError) -> None:
        if isinstance(error, UsageError) and self._supervisor.last_loss:
            # what was right at first is right no more
            error = self._no_worker(f"{error}. The last worker lost was")
        self._stopped = True
        for stream in list(self._streams):
            self._streams.cancel(stream, str(error))
        self._emit(msg.Stop(error))
