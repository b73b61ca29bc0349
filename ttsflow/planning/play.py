"""Plays a text through in virtual time, and measures it as a run is measured."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ttsflow.errors import TtsflowError
from ttsflow.interface.jobs import Account, ChunkJob, Outcome
from ttsflow.interface.policy import Policy
from ttsflow.planning.network import Link, Load
from ttsflow.planning.patience import Watch, unwatched
from ttsflow.planning.world import World
from ttsflow.report import Observer, Observers, RunInfo, RunReport, Summary, Unobserved, WorkerInfo
from ttsflow.report.attempts import AttemptWatch
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.messages import Driven
from ttsflow.simulator import Simulated, Simulator, Worker


@dataclass(frozen=True, slots=True)
class Played:
    """What a policy made of a text.

    `busy` is by device the share of the time until the last chunk in which its workers were at work, the
    mean over them. `load` is what the coordinator of a cluster had to do. `error` ended it early.
    """

    summary: Summary
    bound_s: float
    busy: Mapping[str, float]
    notices: Sequence[str] = ()
    load: Load | None = None
    error: TtsflowError | None = None

    @property
    def over_bound(self) -> float | None:
        """The makespan over the least that it could be."""
        makespan_s = self.summary.makespan_s
        return makespan_s / self.bound_s if makespan_s is not None and self.bound_s else None


def play(
    policy: Callable[[], Policy],
    world: World,
    jobs: Sequence[ChunkJob],
    info: RunInfo,
    path: Path | None = None,
    watch: Watch = unwatched,
) -> Played:
    """Speak the jobs in a world, and write the report to `path` if there is one.

    `watch` makes the scheduler. What ends it early is in the result. Raises OutputError and SinkError for the
    report.
    """
    report, busy = RunReport(info, 0.0, path), _Busy()
    report.open(listening=world.listening)
    streams: dict[str, list[ChunkJob]] = {}
    for job in jobs:
        streams.setdefault(job.stream, []).append(job)
    result, load = Simulated(), None
    try:
        scheduler = watch(lambda: Scheduler(policy(), world.devices, world.profile, world.limits))
        observer = Observers((report, busy))
        player = Player(AttemptWatch(scheduler, observer), world, observer)
        result = player.run(streams, live=world.listening, stored=not world.listening)
        load = player.load
    except TtsflowError as error:
        result.error = error
    for notice in result.notices:
        report.notice(notice)
    report.close(sum(result.accounts.values(), Account()), result.error)
    summary = report.summary()
    shares = busy.shares(summary.makespan_s or 0.0)
    return Played(summary, world.bound_s(jobs), shares, result.notices, load, result.error)


class Player(Simulator):
    """A simulator that tells an observer what happens, and whose workers slow each other on a device."""

    def __init__(self, scheduler: Driven, world: World, observer: Observer) -> None:
        super().__init__(scheduler, world.model)
        self._world, self._observer = world, observer
        self._working: dict[str, set[str]] = defaultdict(set)  # the workers at work, by device
        self._where: dict[int, str] = {}  # the worker of a token
        self._longest: dict[int, float] = {}  # seconds that a token takes at the least
        recorded = world.recorded
        self._mishaps = {} if recorded is None else {key: iter(all) for key, all in recorded.mishaps.items()}
        self._link = None if world.network is None else Link(world.network)

    def opens_s(self, stream: str) -> float:
        recorded = self._world.recorded
        return 0.0 if recorded is None else recorded.opens_s.get(stream, 0.0)

    @property
    def load(self) -> Load | None:
        """What the coordinator of a cluster had to do so far."""
        return None if self._link is None else self._link.load

    def post(self, worker: str, generation: int, event: msg.Event, delay: float = 0.0) -> None:
        match event:
            case msg.WorkerReady():
                spec = self.workers[worker].spec
                info = WorkerInfo(worker, generation, spec.device.id, spec.slots, None, delay, 0)
                self._observer.worker_ready(info, self.now + delay)
            case msg.Finished(token) | msg.Cancelled(token):
                self._note(self._where.pop(token))
        if self._link is not None:
            delay += self._link.carry(worker, event, self.now + delay, self._world.profile.sample_rate)
        super().post(worker, generation, event, delay)

    def begin(self, command: msg.StartJob) -> None:
        name, generation, token = command.worker, command.generation, command.token
        mishap = next(self._mishaps.get((command.job.stream, command.job.index), iter(())), None)
        if mishap is not None and mishap.end == "failed":
            self.post(name, generation, msg.Failed(token, mishap.why), mishap.work_s)
            return
        self._where[token] = name
        if mishap is not None:
            self._longest[token] = 2.0 * mishap.work_s  # it does not end before
            self.at(self.now + mishap.work_s, partial(self._die, name, generation, mishap.why))
        super().begin(command)
        self._note(name)

    def cost(self, token: int, job: ChunkJob) -> float:
        return max(super().cost(token, job), self._longest.get(token, 0.0))

    def _die(self, name: str, generation: int, why: str) -> Iterable[msg.Event]:
        if self.living(name, generation) is None:
            return ()
        self.end_worker(name, generation)
        return (msg.Died(name, generation, why),)

    def end_worker(self, name: str, generation: int) -> None:
        worker = self.living(name, generation)
        if worker is not None:
            working = self._working[worker.spec.device.id]
            self.shift(sorted(working), lambda: working.discard(name))
        super().end_worker(name, generation)

    def _note(self, name: str) -> None:
        """A worker may have begun, or have no work left: the others of its device get slower or quicker."""
        worker = self.workers[name]
        working = self._working[worker.spec.device.id]
        if bool(worker.jobs) != (name in working):
            self.shift(sorted(working | {name}), lambda: working.symmetric_difference_update({name}))

    def slowness(self, worker: Worker) -> float:
        device = worker.spec.device
        beside = self._world.profile.beside(len(self._working[device.id]), device)
        return super().slowness(worker) * beside / self._world.speed(device)

    def deliver(self, command: msg.Deliver) -> None:
        super().deliver(command)
        if command.audio_s:
            self._observer.delivered(command.stream, command.index, command.audio_s, self.now)
        if command.outcome is not None:
            self._observer.ended(command.outcome, self.now)

    def fail(self, outcome: Outcome) -> None:
        super().fail(outcome)
        self._observer.ended(outcome, self.now)


class _Busy(Unobserved):
    """How long each worker was at work."""

    def __init__(self) -> None:
        self._device: dict[str, str] = {}
        self._spans: dict[str, list[tuple[float, float]]] = {}

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        self._device[info.worker] = info.device
        self._spans.setdefault(info.worker, [])

    def ended(self, outcome: Outcome, now: float) -> None:
        if outcome.worker is not None and outcome.started_s is not None and outcome.finished_s is not None:
            self._spans[outcome.worker].append((outcome.started_s, outcome.finished_s))

    def shares(self, makespan_s: float) -> dict[str, float]:
        """By device, the mean over its workers."""
        if not makespan_s:
            return {}
        workers = Counter(self._device.values())
        busy: dict[str, float] = dict.fromkeys(workers, 0.0)
        for worker, spans in self._spans.items():
            device = self._device[worker]
            busy[device] += _covered_s(spans) / makespan_s / workers[device]
        return busy


def _covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the spans goes on."""
    covered, until = 0.0, 0.0
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
