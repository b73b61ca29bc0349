"""The promises of the scheduler, checked from outside: whatever drives it, whatever the policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ttsflow.jobs import ChunkJob
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.messages import Driven


class InvariantBroken(AssertionError):
    """The scheduler did something that it promises never to do."""


@dataclass
class _StreamWatch:
    submitted: int = 0
    handed: int = 0  # chunks handed to the sink or given up, in text order
    waiting: set[int] = field(default_factory=set)  # handed over and not yet written
    delivered: int = 0
    failed: int = 0
    started: set[int] = field(default_factory=set)  # put on a worker at least once
    done: bool = False


@dataclass
class _WorkerWatch:
    generation: int
    slots: int
    ready: bool = False
    tokens: set[int] = field(default_factory=set)


class Watched:
    """A scheduler whose every event and command is checked.

    Each chunk ends exactly once; text order at the sink; never more jobs on a worker than its slots,
    none on a worker that is not ready; a token is used once; look-ahead is bounded by `window`;
    submitted = delivered + failed + not reached. Raises InvariantBroken.
    """

    def __init__(self, scheduler: Driven, window: Callable[[int], int], turns: float = float("inf")) -> None:
        """`window(slots)` is the most chunks of a stream, were it the only one, between start and sink.

        `turns` is how many calls of `feed` the whole run may take.
        """
        self._scheduler, self._window, self._turns = scheduler, window, turns
        self._streams: dict[str, _StreamWatch] = {}
        self._workers: dict[str, _WorkerWatch] = {}
        self._jobs: dict[int, tuple[ChunkJob, str]] = {}  # by token: what runs where
        self._last_token = 0
        self._most_slots = 0
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

    def all_settled(self) -> bool:
        """Whether every stream that was opened has ended."""
        return all(stream.done for stream in self._streams.values())

    def _take_note(self, event: msg.Event) -> None:
        match event:
            case msg.OpenStream(name):
                self._streams[name] = _StreamWatch()
            case msg.Submit(name, jobs):
                self._streams[name].submitted += len(jobs)
            case msg.WorkerReady(name, generation):
                worker = self._workers.get(name)
                if worker is not None and worker.generation == generation:
                    worker.ready = True
            case msg.Finished(token) | msg.Failed(token) | msg.Cancelled(token):
                self._release(token)
            case msg.Died(name, generation) | msg.LoadFailed(name, generation):
                self._bury(name, generation)
            case msg.Delivered(name, index):
                stream = self._streams[name]
                if index in stream.waiting and not stream.done:
                    stream.waiting.remove(index)
                    stream.delivered += 1

    def _release(self, token: int) -> None:
        if token in self._jobs:
            _, name = self._jobs.pop(token)
            self._workers[name].tokens.discard(token)

    def _bury(self, name: str, generation: int) -> None:
        worker = self._workers.get(name)
        if worker is not None and worker.generation == generation:
            for token in list(worker.tokens):
                self._release(token)
            del self._workers[name]

    def _check(self, commands: list[msg.Command]) -> list[msg.Command]:
        self._expect(not (self._stopped and commands), "commands after Stop")
        for command in commands:
            match command:
                case msg.StartWorker(name, generation, spec):
                    self._workers[name] = _WorkerWatch(generation, spec.slots)
                    self._most_slots = max(
                        self._most_slots, sum(worker.slots for worker in self._workers.values())
                    )
                case msg.KillWorker(name, generation):
                    self._bury(name, generation)
                case msg.StartJob():
                    self._check_start(command)
                case msg.Deliver(name, index, _, outcome):
                    self._check_order(name, index)
                    if outcome is not None:
                        self._streams[name].handed += 1
                        self._streams[name].waiting.add(index)
                case msg.GaveUp(outcome):
                    self._check_order(outcome.job.stream, outcome.job.index)
                    self._expect(bool(outcome.why), f"{outcome.job} failed without a reason")
                    self._streams[outcome.job.stream].handed += 1
                    self._streams[outcome.job.stream].failed += 1
                case msg.StreamFinished():
                    self._check_account(command)
                case msg.Stop():
                    self._stopped = True
                    self._expect(self.all_settled(), "Stop before every stream was accounted for")
        return commands

    def _check_start(self, command: msg.StartJob) -> None:
        job, name = command.job, command.worker
        worker, stream = self._workers.get(name), self._streams[job.stream]
        self._expect(worker is not None, f"{job} started on {name}, which is dead")
        assert worker is not None
        self._expect(worker.ready and worker.generation == command.generation, f"{name} is not ready")
        self._expect(len(worker.tokens) < worker.slots, f"{name} has more jobs than slots")
        self._expect(command.token > self._last_token, f"token {command.token} used twice")
        self._expect(not stream.done, f"{job} started after its stream ended")
        self._expect(job.speakable, f"{job} has nothing to say")
        self._expect(job.index >= stream.handed, f"{job} started after it was handed over")
        running = any(other == job for other, _ in self._jobs.values())
        self._expect(not running, f"{job} runs twice at a time")
        stream.started.add(job.index)
        written = stream.delivered + stream.failed
        window = self._window(self._most_slots)
        self._expect(job.index < written + window, f"{job} is more than {window} chunks ahead")
        self._last_token = command.token
        worker.tokens.add(command.token)
        self._jobs[command.token] = (job, name)

    def _check_order(self, name: str, index: int) -> None:
        stream = self._streams[name]
        self._expect(not stream.done, f"chunk {index} of {name!r} came after the stream's end")
        self._expect(index == stream.handed, f"chunk {index} of {name!r} came where {stream.handed} was due")

    def _check_account(self, command: msg.StreamFinished) -> None:
        stream, account = self._streams[command.stream], command.account
        self._expect(not stream.done, f"{command.stream!r} finished twice")
        self._expect(account.settled, f"{account} does not add up")
        self._expect(account.submitted == stream.submitted, f"{account}: {stream.submitted} were submitted")
        self._expect(account.delivered == stream.delivered, f"{account}: {stream.delivered} were delivered")
        self._expect(account.failed == stream.failed, f"{account}: {stream.failed} failed")
        self._expect(command.why is not None or not account.not_reached, f"{account}: not all was reached")
        stream.done = True

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise InvariantBroken(otherwise)
