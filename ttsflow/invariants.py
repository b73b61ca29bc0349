"""The promises of the scheduler, checked from outside: whatever drives it, whatever the policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ttsflow.config.model import Limits
from ttsflow.devices import Device
from ttsflow.jobs import ChunkJob, Outcome
from ttsflow.policy import WorkerSpec
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.messages import Driven
from ttsflow.scheduler.streams import SLOTS_AHEAD


class InvariantBroken(AssertionError):
    """The scheduler did something that it promises never to do."""


@dataclass
class _Attempt:
    """The latest attempt at a chunk, as its worker told of it."""

    job: ChunkJob
    worker: str
    tries: int
    pieces: list[Any] = field(default_factory=list)
    end: str = "running"  # then ok, flagged, refused, or lost


@dataclass
class _Stream:
    submitted: int = 0
    handed: int = 0  # chunks handed to the sink or given up, in text order
    waiting: set[int] = field(default_factory=set)  # of those, the ones that the sink is not through with
    heard: list[Any] = field(default_factory=list)  # pieces of the head chunk that the sink has
    delivered: int = 0
    failed: int = 0
    attempts: dict[int, _Attempt] = field(default_factory=dict)  # the latest at each chunk
    cancelled: bool = False
    done: bool = False


@dataclass
class _Worker:
    generation: int
    spec: WorkerSpec
    ready: bool = False
    tokens: set[int] = field(default_factory=set)


class Watched:
    """A scheduler whose every event and command is checked.

    Each chunk ends exactly once, with the audio of its last attempt and nothing else, in text order;
    failed chunks are named and have used up their attempts; a worker never has more jobs than slots,
    nor any before it is ready or on a device that is gone; look-ahead is bounded; a cancelled stream
    ends at once; submitted = delivered + failed + not reached. Raises InvariantBroken.
    """

    def __init__(self, scheduler: Driven, limits: Limits, turns: float = float("inf")) -> None:
        """`turns` is how many calls of `feed` the whole run may take."""
        self._scheduler, self._limits, self._turns = scheduler, limits, turns
        self._streams: dict[str, _Stream] = {}
        self._workers: dict[str, _Worker] = {}
        self._running: dict[int, _Attempt] = {}  # by token
        self._devices: dict[str, Device] | None = None  # as changed last; None before any change
        self._last_token = self._most_slots = self._kills = 0
        self._stopped = False

    def start(self, now: float) -> list[msg.Command]:
        return self._check(self._scheduler.start(now))

    def feed(self, events: Iterable[msg.Event], now: float) -> list[msg.Command]:
        self._turns -= 1
        self._expect(self._turns > 0, "it does not end")
        events = list(events)
        for event in events:
            self._take_note(event)
        return self._check(self._scheduler.feed(events, now))

    def check_end(self) -> None:
        """Nothing is left to happen: every stream must have ended, and no worker be left behind."""
        for name, stream in self._streams.items():
            self._expect(stream.done, f"stream {name!r} is not accounted for at the end")
        for name, worker in self._workers.items():
            gone = self._devices is not None and worker.spec.device.id not in self._devices
            self._expect(
                worker.tokens or not gone or self._stopped, f"{name} is left on a device that is gone"
            )

    # ------------------------------------------------------------ events

    def _take_note(self, event: msg.Event) -> None:
        match event:
            case msg.OpenStream(name):
                self._streams[name] = _Stream()
            case msg.Submit(name, jobs) if not self._streams[name].done:
                self._streams[name].submitted += len(jobs)
            case msg.CancelStream(name):
                self._streams[name].cancelled = True
            case msg.WorkerReady(name, generation):
                worker = self._workers.get(name)
                if worker is not None and worker.generation == generation:
                    worker.ready = True
            case msg.Piece(token, number, _, payload):
                attempt = self._running.get(token)
                if attempt is not None and number == len(attempt.pieces):
                    attempt.pieces.append(payload)
            case msg.Finished(token, flag):
                self._release(token, "flagged" if flag else "ok")
            case msg.Failed(token, _, permanent):
                self._release(token, "refused" if permanent else "lost")
            case msg.Cancelled(token):
                self._release(token, "lost")
            case msg.Died(name, generation) | msg.LoadFailed(name, generation):
                self._bury(name, generation)
            case msg.DevicesChanged(devices):
                self._devices = {device.id: device for device in devices}
            case msg.Delivered(name, index):
                self._written(self._streams[name], index)

    def _written(self, stream: _Stream, index: int) -> None:
        if index in stream.waiting and not stream.done:
            stream.waiting.remove(index)
            attempt = stream.attempts.get(index)  # none for a pause
            stream.delivered += attempt is None or attempt.end != "given up"

    def _release(self, token: int, end: str) -> None:
        attempt = self._running.pop(token, None)
        if attempt is not None:
            attempt.end = end
            self._workers[attempt.worker].tokens.discard(token)

    def _bury(self, name: str, generation: int) -> None:
        worker = self._workers.get(name)
        if worker is not None and worker.generation == generation:
            for token in list(worker.tokens):
                self._release(token, "lost")
            del self._workers[name]

    # ------------------------------------------------------------ commands

    def _check(self, commands: list[msg.Command]) -> list[msg.Command]:
        self._expect(not (self._stopped and commands), "commands after Stop")
        for command in commands:
            match command:
                case msg.StartWorker(name, generation, spec):
                    self._workers[name] = _Worker(generation, spec)
                    slots = sum(worker.spec.slots for worker in self._workers.values())
                    self._most_slots = max(self._most_slots, slots)
                case msg.KillWorker(name, generation):
                    self._kills += 1
                    self._bury(name, generation)
                case msg.StartJob():
                    self._check_start(command)
                case msg.Deliver(name, index, payloads, outcome):
                    self._check_audio(name, index, payloads)
                    if outcome is not None:
                        self._check_outcome(outcome)
                        self._hand_over(self._streams[name], index)
                case msg.GaveUp(outcome):
                    self._check_failure(outcome)
                    stream = self._streams[outcome.job.stream]
                    stream.failed += 1
                    stream.attempts[outcome.job.index].end = "given up"
                    self._hand_over(stream, outcome.job.index)
                case msg.StreamFinished():
                    self._check_account(command)
                case msg.Stop():
                    self._stopped = True
                    for name, stream in self._streams.items():
                        self._expect(stream.done, f"Stop before {name!r} was accounted for")
        for name, stream in self._streams.items():
            self._expect(stream.done or not stream.cancelled, f"{name!r} was cancelled and goes on")
        return commands

    def _check_start(self, command: msg.StartJob) -> None:
        job, name = command.job, command.worker
        stream = self._streams[job.stream]
        self._expect(name in self._workers, f"{job} started on {name}, which is dead")
        worker = self._workers[name]
        self._expect(worker.ready and worker.generation == command.generation, f"{name} is not ready")
        self._expect(len(worker.tokens) < self._slots(worker), f"{name} has more jobs than slots")
        self._expect(command.token > self._last_token, f"token {command.token} used twice")
        self._expect(not stream.done, f"{job} started after its stream ended")
        self._expect(job.speakable, f"{job} has nothing to say")
        self._expect(job.index >= stream.handed, f"{job} started after it was handed over")
        last = stream.attempts.get(job.index)
        self._expect(last is None or last.end != "running", f"{job} runs twice at a time")
        tries = 1 if last is None else last.tries + 1
        self._expect(tries <= self._limits.retries + 1 + self._kills, f"{job} is tried too often")
        heard = job.index == stream.handed and stream.heard
        self._expect(not heard, f"{job} is spoken again after it was heard")
        window = max(self._limits.look_ahead, SLOTS_AHEAD * self._most_slots)
        written = stream.handed - len(stream.waiting)
        self._expect(job.index < written + window, f"{job} is more than {window} chunks ahead")
        self._last_token = command.token
        worker.tokens.add(command.token)
        self._running[command.token] = stream.attempts[job.index] = _Attempt(job, name, tries)

    def _slots(self, worker: _Worker) -> int:
        if self._devices is None:
            return worker.spec.slots
        device = self._devices.get(worker.spec.device.id)
        self._expect(device is not None, f"a job started on {worker.spec.device.id}, which is gone")
        cap = device.max_slots if device is not None else None
        return worker.spec.slots if cap is None else min(cap, worker.spec.slots)

    def _check_audio(self, name: str, index: int, payloads: Sequence[Any]) -> None:
        """What the sink gets must be what the latest attempt made, piece by piece."""
        stream = self._streams[name]
        self._check_order(stream, name, index)
        made = stream.attempts[index].pieces if index in stream.attempts else []
        rest = made[len(stream.heard) : len(stream.heard) + len(payloads)]
        same = len(rest) == len(payloads) and all(a is b for a, b in zip(rest, payloads, strict=True))
        self._expect(same, f"chunk {index} of {name!r} was handed over with audio that is not its own")
        stream.heard += payloads

    def _check_outcome(self, outcome: Outcome) -> None:
        job, stream = outcome.job, self._streams[outcome.job.stream]
        attempt = stream.attempts.get(job.index)
        end = attempt.end if attempt is not None else "pause"
        self._expect(outcome.status == end, f"{job} ended as {end}, and is told as {outcome.status}")
        self._expect((end == "pause") != job.speakable, f"{job} is told as {end}")
        whole = attempt is None or len(stream.heard) == len(attempt.pieces) > 0
        self._expect(whole, f"{job} was handed over without all of its audio")

    def _check_failure(self, outcome: Outcome) -> None:
        job, stream = outcome.job, self._streams[outcome.job.stream]
        self._check_order(stream, job.stream, job.index)
        self._expect(outcome.status == "failed" and bool(outcome.why), f"{job} failed without a reason")
        self._expect(job.index in stream.attempts, f"{job} was given up before it was tried")
        attempt = stream.attempts[job.index]
        used_up = attempt.tries > self._limits.retries or attempt.end == "refused" or bool(stream.heard)
        self._expect(used_up, f"{job} was given up after {attempt.tries} attempts")
        self._expect(bool(outcome.sent_s) == bool(stream.heard), f"{job}: what was heard of it is not told")

    def _check_order(self, stream: _Stream, name: str, index: int) -> None:
        self._expect(not stream.done, f"chunk {index} of {name!r} came after the stream's end")
        self._expect(index == stream.handed, f"chunk {index} of {name!r} came where {stream.handed} was due")

    def _hand_over(self, stream: _Stream, index: int) -> None:
        stream.handed += 1
        stream.waiting.add(index)
        stream.heard = []

    def _check_account(self, command: msg.StreamFinished) -> None:
        stream, account = self._streams[command.stream], command.account
        self._expect(not stream.done, f"{command.stream!r} finished twice")
        self._expect(account.settled, f"{account} does not add up")
        self._expect(account.submitted == stream.submitted, f"{account}: {stream.submitted} were submitted")
        self._expect(account.delivered == stream.delivered, f"{account}: {stream.delivered} were delivered")
        self._expect(account.failed == stream.failed, f"{account}: {stream.failed} failed")
        self._expect(command.why is not None or not account.not_reached, f"{account}: not all was reached")
        stream.done = True

    def _expect(self, holds: object, otherwise: str) -> None:
        if not holds:
            raise InvariantBroken(otherwise)
