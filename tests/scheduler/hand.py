"""A scheduler driven by hand, and policies to drive it with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttsflow import ChunkJob, Device, Policy, Profile, WorkerSpec
from ttsflow.interface.jobs import Account, Doubt, Outcome
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits

PROFILE = Profile("by-hand", 24_000, ("cuda", "cpu"), slots=4, slowdown=(1.0, 1.1, 1.2, 1.3))


class Wide(Policy):
    """A worker with `slots` slots on every device, the next job to whichever waited longest."""

    name = "wide"
    slots = 1

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return [WorkerSpec(device, self.slots) for device in devices]


class Deep(Wide):
    """Four slots on every device."""

    name = "deep"
    slots = 4


def gpus(count: int) -> list[Device]:
    return [Device(f"cuda:{number}", "cuda") for number in range(count)]


def job(index: int, stream: str = "s", text: str = "some words", speakable: bool = True) -> ChunkJob:
    return ChunkJob(stream, index, text, speakable=speakable)


class Hand:
    """Feeds one event after the other; keeps what was commanded."""

    def __init__(
        self,
        policy: Policy | None = None,
        devices: Sequence[Device] | None = None,
        profile: Profile = PROFILE,
        **limits: object,
    ) -> None:
        given = gpus(1) if devices is None else devices
        self.profile = profile
        self.scheduler = Scheduler(policy or Wide(), given, profile, Limits(**limits))
        self.now = 0.0
        self.notes_failures = True  # the sink takes note of a failed chunk at once
        self.commands: list[msg.Command] = []
        self.gone: set[tuple[str, int]] = set()  # workers and generations that are no more
        self.ended: set[int] = set()  # tokens
        self.take(self.scheduler.start(0.0))

    def take(self, commands: list[msg.Command]) -> list[msg.Command]:
        self.commands += commands
        self.gone |= {(c.worker, c.generation) for c in commands if isinstance(c, msg.KillWorker)}
        return commands

    def feed(self, *events: msg.Event, after: float = 1.0) -> list[msg.Command]:
        self.now += after
        self.gone |= {(e.worker, e.generation) for e in events if isinstance(e, msg.Died | msg.LoadFailed)}
        self.ended |= {event.token for event in events if isinstance(event, msg.End)}
        commands = self.take(self.scheduler.feed(events, self.now))
        failed = [c.outcome.job for c in commands if isinstance(c, msg.ChunkFailed)]
        if failed and self.notes_failures:
            commands += self.feed(*(msg.Delivered(job.stream, job.index) for job in failed), after=0.0)
        return commands

    def all(self, kind: type) -> list:
        return [command for command in self.commands if isinstance(command, kind)]

    def load_all(self) -> None:
        """Every worker that was started and not greeted becomes ready."""
        self.feed(*(msg.WorkerReady(start.worker, start.generation) for start in self.all(msg.StartWorker)))

    def open(
        self, *jobs: ChunkJob, stream: str = "s", live: bool = False, last: bool = True, stored: bool = False
    ) -> None:
        self.feed(msg.OpenStream(stream, live, stored=stored), msg.Submit(stream, jobs, last))

    @property
    def wake(self) -> float | None:
        """When the scheduler wants to be woken."""
        wakes = self.all(msg.WakeAt)
        return wakes[-1].when if wakes else None

    def tick(self) -> list[msg.Command]:
        """Nothing happens until the scheduler wants to be woken."""
        assert self.wake is not None
        return self.feed(msg.Tick(), after=self.wake - self.now)

    def generation(self, worker: str = "w0") -> int:
        """The latest generation that was started."""
        return [start.generation for start in self.all(msg.StartWorker) if start.worker == worker][-1]

    def die(self, worker: str = "w0", why: str = "killed") -> list[msg.Command]:
        """A worker's process is gone."""
        return self.feed(msg.Died(worker, self.generation(worker), why))

    def revive(self, worker: str = "w0") -> list[msg.Command]:
        """The worker is started again, when it has rested, and loads its model."""
        while (worker, self.generation(worker)) in self.gone and not self.all(msg.Stop):
            self.tick()
        return self.feed(msg.WorkerReady(worker, self.generation(worker)))

    @property
    def running(self) -> list[msg.StartJob]:
        """What workers are at."""
        return [
            start for start in self.started
            if start.token not in self.ended and (start.worker, start.generation) not in self.gone
        ]  # fmt: skip

    @property
    def started(self) -> list[msg.StartJob]:
        return self.all(msg.StartJob)

    def token(self, index: int, stream: str = "s", part: int | None = None) -> int:
        """The token of the latest attempt at a chunk, or at a part of it."""
        job = (stream, index, () if part is None else (part,))
        return next(s.token for s in reversed(self.started) if (s.job.stream, s.job.index, s.job.part) == job)

    def finish(
        self, index: int, stream: str = "s", audio_s: float = 2.0, part: int | None = None
    ) -> list[msg.Command]:
        """A worker speaks a chunk or a part of it, and the sink writes whatever is handed to it."""
        name = f"audio {index}" if part is None else f"audio {index}.{part}"
        commands = self.speak(self.token(index, stream, part), name, audio_s=audio_s)
        return commands + self.write(commands)

    def speak(
        self, token: int, payload: str, audio_s: float = 2.0, doubt: Doubt | None = None, memory: int = 0
    ) -> list[msg.Command]:
        """A worker speaks a job in one piece."""
        return self.feed(
            msg.Piece(token, 0, audio_s, payload),
            msg.Finished(token, () if doubt is None else (doubt,), memory),
        )

    def fail(
        self, index: int, why: str = "oops", kind: msg.FailureKind = "error", part: int | None = None
    ) -> list[msg.Command]:
        """A worker tells that it failed with a chunk, or a part of it."""
        return self.feed(msg.Failed(self.token(index, part=part), why, kind))

    def split(self, index: int, *texts: str) -> list[msg.Command]:
        """A worker finds a chunk too long for the model."""
        return self.feed(msg.TooLong(self.token(index), texts))

    def write(self, commands: Iterable[msg.Command]) -> list[msg.Command]:
        whole = [c for c in commands if isinstance(c, msg.Deliver) and c.outcome is not None]
        return self.feed(*(msg.Delivered(c.stream, c.index) for c in whole), after=0.0) if whole else []

    def account(self, stream: str = "s") -> Account:
        [finished] = [f for f in self.all(msg.StreamFinished) if f.stream == stream]
        return finished.account

    @property
    def heard(self) -> list[str]:
        """Everything that the sinks were given."""
        return [payload for delivery in self.all(msg.Deliver) for payload in delivery.payloads]

    def outcome(self, index: int = 0, stream: str = "s") -> Outcome:
        """How a chunk ended."""
        ends = [
            c.outcome for c in self.commands if isinstance(c, msg.Deliver | msg.ChunkFailed) and c.outcome
        ]
        [ended] = [end for end in ends if (end.job.stream, end.job.index) == (stream, index)]
        return ended

    @property
    def notices(self) -> list[str]:
        return [notice.text for notice in self.all(msg.Notice)]

    @property
    def kills(self) -> list[tuple[str, int, str]]:
        return [(kill.worker, kill.generation, kill.why) for kill in self.all(msg.KillWorker)]

    @property
    def error(self) -> BaseException:
        [stop] = self.all(msg.Stop)
        return stop.error
