"""The promises of the scheduler, checked from outside: whatever drives it, whatever the policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ttsflow.config.model import Limits
from ttsflow.devices import Device
from ttsflow.jobs import Outcome
from ttsflow.records import Attempt, Chunk, Stream, Worker
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.messages import Driven
from ttsflow.scheduler.streams import SLOTS_AHEAD


class InvariantBroken(AssertionError):
    """The scheduler did something that it promises never to do."""


class Watched:
    """A scheduler whose every event and command is checked.

    Each chunk ends exactly once, with the audio of its last attempt and nothing else, in text order;
    one that is spoken in parts with that of the last attempt at each, in the order of the parts.
    Failed chunks are named, some part of them has used up its attempts, and none is started then; a
    worker never has more jobs than slots, nor any before it is ready or on a device that is gone;
    look-ahead is bounded; a cancelled stream ends at once; submitted = delivered + failed + not
    reached. Raises InvariantBroken.
    """

    def __init__(self, scheduler: Driven, limits: Limits, turns: float = float("inf")) -> None:
        """`turns` is how many calls of `feed` the whole run may take."""
        self._scheduler, self._limits, self._turns = scheduler, limits, turns
        self._streams: dict[str, Stream] = {}
        self._workers: dict[str, Worker] = {}
        self._running: dict[int, Attempt] = {}  # by token
        self._devices: dict[str, Device] | None = None  # as changed last; None before any change
        self._last_token = self._most_slots = 0
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
                self._streams[name] = Stream()
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
                if attempt := self._release(token):
                    attempt.finish(bool(flag))
            case msg.Failed(token, _, kind):
                if attempt := self._release(token):
                    attempt.end = "refused" if kind == "refused" else "lost"
            case msg.TooLong(token, texts):
                if (attempt := self._release(token)) and not attempt.cancelled:
                    attempt.split(texts)
            case msg.Cancelled(token):
                self._release(token)
            case msg.Died(name, generation) | msg.LoadFailed(name, generation):
                self._bury(name, generation, blame=True)
            case msg.DevicesChanged(devices):
                self._devices = {device.id: device for device in devices}
            case msg.Delivered(name, index):
                self._written(self._streams[name], index)

    def _written(self, stream: Stream, index: int) -> None:
        if index in stream.waiting and not stream.done:
            stream.waiting.remove(index)
            chunk = stream.chunks.get(index)  # none for a pause
            stream.delivered += chunk is None or not chunk.given_up

    def _release(self, token: int) -> Attempt | None:
        """The attempt of a token that is not stale; it is lost, unless more is known of it."""
        attempt = self._running.pop(token, None)
        if attempt is not None:
            attempt.end = "lost"
            self._workers[attempt.worker].tokens.discard(token)
        return attempt

    def _bury(self, name: str, generation: int, *, blame: bool) -> None:
        worker = self._workers.get(name)
        if worker is not None and worker.generation == generation:
            for token in list(worker.tokens):
                attempt = self._release(token)
                if attempt is not None and not attempt.cancelled:
                    attempt.tries -= not blame
            del self._workers[name]

    # ------------------------------------------------------------ commands

    def _check(self, commands: list[msg.Command]) -> list[msg.Command]:
        self._expect(not (self._stopped and commands), "commands after Stop")
        for command in commands:
            match command:
                case msg.StartWorker(name, generation, spec):
                    self._workers[name] = Worker(generation, spec)
                    slots = sum(worker.spec.slots for worker in self._workers.values())
                    self._most_slots = max(self._most_slots, slots)
                case msg.KillWorker(name, generation):
                    self._bury(name, generation, blame=False)
                case msg.StartJob():
                    self._check_start(command)
                case msg.CancelJob(token) if token in self._running:
                    self._running[token].cancelled = True
                case msg.Deliver(name, index, payloads, _, outcome):
                    self._check_audio(name, index, payloads)
                    if outcome is not None:
                        self._check_outcome(outcome)
                        self._hand_over(self._streams[name], index)
                case msg.GaveUp(outcome):
                    self._check_failure(outcome)
                    stream = self._streams[outcome.job.stream]
                    stream.failed += 1
                    stream.chunks[outcome.job.index].given_up = True
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
        chunk = stream.chunks.setdefault(job.index, Chunk(job, [job]))
        self._expect(job in chunk.jobs, f"{job} is none of the jobs that its chunk is spoken by")
        last = chunk.tried.get(job.part)
        tries = 1 if last is None else last.tries + 1
        self._expect(last is None or last.end != "running", f"{job} runs twice at a time")
        self._expect(last is None or not last.whole, f"{job} is spoken again after it was whole")
        self._expect(last is None or not last.heard, f"{job} is spoken again after it was heard")
        self._expect(tries <= self._limits.retries + 1, f"{job} is tried too often")
        self._expect(not self._has_failed(chunk), f"{job} started after its chunk failed")
        window = max(self._limits.look_ahead, SLOTS_AHEAD * self._most_slots)
        written = stream.handed - len(stream.waiting)
        self._expect(job.index < written + window, f"{job} is more than {window} chunks ahead")
        self._last_token = command.token
        worker.tokens.add(command.token)
        self._running[command.token] = chunk.tried[job.part] = Attempt(chunk, name, tries)

    def _has_failed(self, chunk: Chunk) -> bool:
        return any(attempt.failed_for_good(self._limits.retries) for attempt in chunk.attempts)

    def _slots(self, worker: Worker) -> int:
        if self._devices is None:
            return worker.spec.slots
        device = self._devices.get(worker.spec.device.id)
        self._expect(device is not None, f"a job started on {worker.spec.device.id}, which is gone")
        cap = device.max_slots if device is not None else None
        return worker.spec.slots if cap is None else min(cap, worker.spec.slots)

    def _check_audio(self, name: str, index: int, payloads: Sequence[Any]) -> None:
        """What the sink gets must be what the latest attempts made."""
        stream = self._streams[name]
        self._check_order(stream, name, index)
        chunk = stream.chunks.get(index)
        its_own = not payloads if chunk is None else chunk.hear(payloads)
        self._expect(its_own, f"chunk {index} of {name!r} was handed over with audio that is not its own")

    def _check_outcome(self, outcome: Outcome) -> None:
        job, chunk = outcome.job, self._streams[outcome.job.stream].chunks.get(outcome.job.index)
        if chunk is None:
            self._expect(outcome.status == "pause", f"{job} was not spoken, and is told as {outcome.status}")
            self._expect(not job.speakable, f"{job} is told as a pause")
            return
        ends = [attempt.end for attempt in chunk.attempts]
        self._expect(chunk.whole, f"{job} ended as {', '.join(ends)}, and is told as {outcome.status}")
        status = "flagged" if "flagged" in ends else "ok"
        self._expect(outcome.status == status, f"{job} ended as {status}, and is told as {outcome.status}")
        whole = all(attempt.heard == len(attempt.pieces) for attempt in chunk.attempts)
        self._expect(whole, f"{job} was handed over without all of its audio")
        self._check_told(outcome, chunk)

    def _check_failure(self, outcome: Outcome) -> None:
        job, stream = outcome.job, self._streams[outcome.job.stream]
        self._check_order(stream, job.stream, job.index)
        self._expect(outcome.status == "failed" and bool(outcome.why), f"{job} failed without a reason")
        self._expect(job.index in stream.chunks, f"{job} was given up before it was tried")
        chunk = stream.chunks[job.index]
        self._expect(self._has_failed(chunk), f"{job} was given up after {chunk.tries} attempts")
        wanted = any(attempt.end == "running" and not attempt.cancelled for attempt in chunk.attempts)
        self._expect(not wanted, f"{job} was given up, and a part of it is spoken on")
        heard = any(attempt.heard for attempt in chunk.attempts)
        self._expect(bool(outcome.sent_s) == heard, f"{job}: what was heard of it is not told")
        self._check_told(outcome, chunk)

    def _check_told(self, outcome: Outcome, chunk: Chunk) -> None:
        self._expect(outcome.job == chunk.job, f"{chunk.job} is told as {outcome.job}")
        told, counted = outcome.attempts, chunk.tries
        self._expect(told == counted, f"{chunk.job} had {counted} attempts, and {told} are told")

    def _check_order(self, stream: Stream, name: str, index: int) -> None:
        self._expect(not stream.done, f"chunk {index} of {name!r} came after the stream's end")
        self._expect(index == stream.handed, f"chunk {index} of {name!r} came where {stream.handed} was due")

    def _hand_over(self, stream: Stream, index: int) -> None:
        stream.handed += 1
        stream.waiting.add(index)

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
