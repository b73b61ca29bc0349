"""The simulator: the scheduler under a virtual clock, with workers that are a cost model."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from ttsflow.errors import TtsflowError
from ttsflow.interface.costs import Costs
from ttsflow.interface.jobs import Account, ChunkJob, Outcome
from ttsflow.interface.policy import WorkerSpec
from ttsflow.interface.profile import Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.messages import Driven


@dataclass(frozen=True, slots=True)
class CostModel:
    """What work really takes in a simulated world; all in seconds.

    It is not the scheduler's own cost model, which only guesses at it. `slow(k)` is s(k): how many
    times slower each of k jobs in one worker runs than one alone. The first of several `pieces` is there
    after the share `first` of a job's work and has as much of its audio, the others are even; None: all are.
    """

    cost: Callable[[ChunkJob], float]
    audio: Callable[[ChunkJob], float]
    slow: Callable[[int], float] = float
    load_s: float = 0.0
    pieces: int = 1
    first: float | None = None

    @classmethod
    def of(
        cls, profile: Profile, load_s: float = 0.0, pieces: int = 1, first: float | None = None
    ) -> CostModel:
        """A world in which the profile's first guesses are right."""
        costs = Costs(profile)
        return cls(costs.cost, costs.audio, costs.slow, load_s, pieces, first)

    def share(self, number: int) -> float:
        """Of a job's work and audio, what a piece has."""
        if self.first is None or self.pieces == 1:
            return 1.0 / self.pieces
        return self.first if number == 0 else (1.0 - self.first) / (self.pieces - 1)


@dataclass
class Simulated:
    """What happened in a simulated run; times are seconds from its start."""

    outcomes: list[Outcome] = field(default_factory=list)
    arrivals: list[tuple[str, int, float, float]] = field(default_factory=list)
    """(stream, index, time, seconds of audio) of everything that reached a sink"""
    accounts: dict[str, Account] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    error: TtsflowError | None = None
    makespan_s: float = 0.0
    events: int = 0
    """that the scheduler was fed"""
    faults: Counter[str] = field(default_factory=Counter)
    """what was made to go wrong, by kind"""


class Sound(NamedTuple):
    """The payload of a simulated piece: whose it is, which, and how long in seconds."""

    token: int
    number: int
    audio_s: float


class Worker:
    """Jobs that share one worker: its work clock runs at 1 / s(k) of real time."""

    __slots__ = ("clock", "frozen", "generation", "jobs", "milestones", "seen", "spec", "unheard", "version")

    def __init__(self, generation: int, spec: WorkerSpec, now: float) -> None:
        self.generation, self.spec = generation, spec
        self.jobs: dict[int, ChunkJob] = {}
        self.milestones: list[tuple[float, int, int]] = []  # (work clock, token, pieces still to come)
        self.clock, self.seen, self.version = 0.0, now, 0
        self.frozen = False
        self.unheard: list[int] = []  # tokens that were cancelled while it was frozen


class Simulator:
    """Drives a scheduler through virtual time.

    Sinks take no time. Subclasses may override `post` (every message of a worker passes through it),
    `begin` (a worker takes up a job), `opens_s` (when a stream begins), `deliver` and `fail` (what the
    scheduler says of a chunk) and `sink` (a chunk is handed over).
    """

    def __init__(self, scheduler: Driven, model: CostModel) -> None:
        self._scheduler, self._model = scheduler, model
        self._agenda: list[tuple[float, int, Callable[[], Iterable[msg.Event]]]] = []
        self._order = itertools.count()
        self._wake: float | None = None
        self._sources: dict[str, Iterator[ChunkJob]] = {}
        self.workers: dict[str, Worker] = {}
        self._stored = False
        self.now = 0.0
        self.result = Simulated()

    def run(
        self,
        streams: Mapping[str, Iterable[ChunkJob]],
        *,
        live: bool = False,
        stored: bool = False,
        until: float = float("inf"),
        weights: Mapping[str, float] | None = None,
    ) -> Simulated:
        """Speak all the streams, with these `weights` or 1; ends when nothing more happens, or at `until`."""
        self._stored = stored
        for name, jobs in streams.items():
            self.supply(name, jobs)
            weight = (weights or {}).get(name, 1.0)
            self.say(msg.OpenStream(name, live, stored=stored, weight=weight), self.opens_s(name))
        self._carry_out(self._scheduler.start(self.now))
        while self._agenda and self._agenda[0][0] <= until:
            self.now = self._agenda[0][0]
            events: list[msg.Event] = []
            while self._agenda and self._agenda[0][0] <= self.now:
                events.extend(heapq.heappop(self._agenda)[2]())
            self.result.events += len(events)
            if events:
                self._carry_out(self._scheduler.feed(events, self.now))
        return self.result

    def opens_s(self, stream: str) -> float:
        """Seconds from the start until a stream begins."""
        return 0.0

    def supply(self, stream: str, jobs: Iterable[ChunkJob]) -> None:
        """The jobs of a stream that is to be opened."""
        self._sources[stream] = iter(jobs)

    def at(self, when: float, happens: Callable[[], Iterable[msg.Event]]) -> None:
        """Let something happen at a time; the events it gives are fed to the scheduler then."""
        heapq.heappush(self._agenda, (max(when, self.now), next(self._order), happens))

    def say(self, event: msg.Event, delay: float = 0.0) -> None:
        """Let an event be fed after `delay` seconds."""
        self.at(self.now + delay, lambda: (event,))

    def post(self, worker: str, generation: int, event: msg.Event, delay: float = 0.0) -> None:
        """A worker says something."""
        self.say(event, delay)

    # ------------------------------------------------------------ commands

    def _carry_out(self, commands: Sequence[msg.Command]) -> None:
        for command in commands:
            match command:
                case msg.StartJob():
                    self.begin(command)
                case msg.Deliver():
                    self.deliver(command)
                case msg.Commit(outcome):
                    self.store(outcome.job.stream, outcome.job.index)
                case msg.RequestJobs(stream, count):
                    self.at(self.now, partial(self._submit, stream, count))
                case msg.WakeAt(when):
                    self._wake_at(when)
                case msg.StartWorker(worker, generation, spec):
                    self.workers[worker] = Worker(generation, spec, self.now)
                    self.post(worker, generation, msg.WorkerReady(worker, generation), self._model.load_s)
                case msg.KillWorker(worker, generation):
                    self.end_worker(worker, generation)
                case msg.CancelJob(token, worker, generation):
                    self._cancel(token, worker, generation)
                case msg.ChunkFailed(outcome):
                    self.fail(outcome)
                case msg.StreamFinished(stream, account):
                    self.result.accounts[stream] = account
                    self._sources.pop(stream, None)
                    self.finish(stream)
                case msg.Notice(text):
                    self.result.notices.append(text)
                case msg.Stop(error):
                    self.result.error = error

    def _submit(self, stream: str, count: int) -> Iterable[msg.Event]:
        source = self._sources.get(stream)
        if source is None:
            return ()
        jobs = list(itertools.islice(source, count))
        return (msg.Submit(stream, jobs, last=len(jobs) < count),)

    def fail(self, outcome: Outcome) -> None:
        """A chunk was given up."""
        self.result.outcomes.append(outcome)
        self._write(outcome)

    def finish(self, stream: str) -> None:
        """A stream is over, or was cancelled."""

    def deliver(self, command: msg.Deliver) -> None:
        """Audio of a chunk is handed on, or its end."""
        if command.audio_s:
            self.result.arrivals.append((command.stream, command.index, self.now, command.audio_s))
        if command.outcome is not None:
            self.result.outcomes.append(command.outcome)
            self.result.makespan_s = self.now
            self._write(command.outcome)

    def store(self, stream: str, index: int) -> None:
        """A chunk is to be kept: say when the store holds it."""
        self.say(msg.Committed(stream, index))

    def _write(self, outcome: Outcome) -> None:
        if not self._stored:  # else the store has it
            self.sink(outcome.job.stream, outcome.job.index)

    def sink(self, stream: str, index: int) -> None:
        """A whole chunk, or the news that it failed, was handed over: say when the sink is through."""
        self.say(msg.Delivered(stream, index))

    def _wake_at(self, when: float | None) -> None:
        self._wake = when
        if when is not None:
            self.at(when, lambda: (msg.Tick(),) if self._wake == when else ())

    # ------------------------------------------------------------ workers

    def begin(self, command: msg.StartJob) -> None:
        """A worker takes up a job."""
        worker = self.living(command.worker, command.generation)
        if worker is None:
            return
        self._advance(worker)
        worker.jobs[command.token] = command.job
        self._plan(worker, command.token, self._model.pieces)
        self._next_milestone(command.worker, worker)

    def cost(self, token: int, job: ChunkJob) -> float:
        """Seconds of work that an attempt takes, alone on its worker."""
        return self._model.cost(job)

    def audio(self, token: int, job: ChunkJob) -> float:
        """Seconds of audio that it makes."""
        return self._model.audio(job)

    def slowness(self, worker: Worker) -> float:
        """How many times longer a job takes in a worker now; what else it hangs on changes in `shift`."""
        return self._model.slow(len(worker.jobs))

    def shift(self, workers: Sequence[str], change: Callable[[], None]) -> None:
        """Let a change happen that makes these workers quicker or slower from now on."""
        for name in workers:
            self._advance(self.workers[name])
        change()
        for name in workers:
            self._next_milestone(name, self.workers[name])

    def freeze(self, name: str, generation: int) -> None:
        """The worker hangs: nothing is heard of it any more."""
        if (worker := self.living(name, generation)) is not None:
            self._advance(worker)
            worker.frozen = True

    def thaw(self, name: str, generation: int) -> None:
        """The worker that hung goes on where it was."""
        worker = self.living(name, generation)
        if worker is not None and worker.frozen:
            self._advance(worker)
            worker.frozen = False
            unheard, worker.unheard = worker.unheard, []
            for token in unheard:
                self._cancel(token, name, generation)
            self._next_milestone(name, worker)

    def living(self, name: str, generation: int) -> Worker | None:
        worker = self.workers.get(name)
        return worker if worker is not None and worker.generation == generation else None

    def end_worker(self, name: str, generation: int) -> None:
        """The worker is gone, with all that it was doing."""
        if self.living(name, generation) is not None:
            del self.workers[name]

    def _cancel(self, token: int, name: str, generation: int) -> None:
        worker = self.living(name, generation)
        if worker is not None and worker.frozen:
            worker.unheard.append(token)
        elif worker is not None and token in worker.jobs:
            self._advance(worker)
            del worker.jobs[token]
            self._next_milestone(name, worker)
            self.post(name, generation, msg.Cancelled(token))

    def _plan(self, worker: Worker, token: int, pieces: int) -> None:
        """The next piece of a job comes after its share of the job's cost on the worker's clock."""
        share = self.cost(token, worker.jobs[token]) * self._model.share(self._model.pieces - pieces)
        heapq.heappush(worker.milestones, (worker.clock + share, token, pieces))

    def _advance(self, worker: Worker) -> None:
        if worker.jobs and not worker.frozen:
            worker.clock += (self.now - worker.seen) / self.slowness(worker)
        worker.seen = self.now

    def _next_milestone(self, name: str, worker: Worker) -> None:
        """Plan the worker's next message; one planned before, at another speed, becomes void."""
        worker.version += 1
        if worker.frozen:
            return
        while worker.milestones and worker.milestones[0][1] not in worker.jobs:
            heapq.heappop(worker.milestones)
        if worker.milestones:
            away = (worker.milestones[0][0] - worker.clock) * self.slowness(worker)
            version = worker.version
            self.at(self.now + away, lambda: self._reach_milestone(name, worker, version))

    def _reach_milestone(self, name: str, worker: Worker, version: int) -> Iterable[msg.Event]:
        if worker.version == version and self.workers.get(name) is worker and not worker.frozen:
            self._advance(worker)
            clock, token, pieces = heapq.heappop(worker.milestones)
            worker.clock = max(worker.clock, clock)
            job = worker.jobs[token]
            number = self._model.pieces - pieces
            audio_s = self.audio(token, job) * self._model.share(number)
            sound = Sound(token, number, audio_s)
            checksum = hash((job.index, job.seed, job.part, sound.number))
            self.post(name, worker.generation, msg.Piece(token, sound.number, audio_s, sound, checksum))
            if pieces > 1:
                self._plan(worker, token, pieces - 1)
            else:
                del worker.jobs[token]
                self.post(name, worker.generation, msg.Finished(token))
            self._next_milestone(name, worker)
        return ()
