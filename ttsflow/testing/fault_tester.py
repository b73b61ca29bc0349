"""The fault tester: the scheduler under a virtual clock in a world where things go wrong.

A schedule is a random world, wholly determined by its seed, so that a failure replays exactly.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ttsflow.errors import WorkerError
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob, Doubt
from ttsflow.interface.policy import Policy
from ttsflow.interface.profile import Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.messages import Driven
from ttsflow.simulator import CostModel, Simulated, Simulator
from ttsflow.testing.faults import Faults
from ttsflow.testing.invariants import InvariantBroken, Watched

__all__ = ["Faults", "FaultySimulator", "Size", "World", "run_schedule", "run_sound"]


@dataclass(frozen=True, slots=True)
class Size:
    """The most that a world may have of each."""

    devices: int = 5
    streams: int = 5
    chunks: int = 40


@dataclass(frozen=True, slots=True)
class World:
    """What one schedule runs in."""

    devices: tuple[Device, ...]
    profile: Profile
    limits: Limits
    streams: Mapping[str, list[ChunkJob]]
    model: CostModel
    live: bool
    stored: bool

    @classmethod
    def random(cls, rng: random.Random, size: Size) -> World:
        slots = rng.choice((1, 1, 2, 4))
        profile = Profile(
            "simulated", 24_000, ("cuda",), slots=slots, rtf=rng.choice((0.05, 0.5, 2.0)),
            deterministic=rng.random() < 0.5,
        )  # fmt: skip
        gpus = min(rng.randint(1, 5), size.devices)
        devices = tuple(Device(f"cuda:{number}", "cuda") for number in range(gpus))
        limits = Limits(
            retries=rng.randint(0, 3), takes=rng.randint(0, 2), deaths=rng.randint(1, 3),
            restarts=rng.randint(1, 4), look_ahead=rng.choice((1, 2, 8, 32)),
            recycle_chunks=rng.choice((None, None, 3)),
        )  # fmt: skip
        streams = {}
        for number in range(min(rng.choice((1, 1, 2, 5)), size.streams)):
            name, chunks = f"s{number}", min(rng.choice((0, 1, 7, 40)), size.chunks)
            streams[name] = [_random_job(name, index, rng) for index in range(chunks)]
        spread = {(name, job.index): rng.uniform(0.3, 3.0) for name, jobs in streams.items() for job in jobs}
        right = CostModel.of(profile, load_s=rng.choice((0.0, 5.0)), pieces=rng.choice((1, 1, 3)))
        gain = rng.uniform(0.0, 1.2)  # s(k) from free to worse than slicing
        model = replace(
            right,
            cost=lambda job: right.cost(job) * spread[job.stream, job.index],
            slow=lambda k: 1.0 + gain * (k - 1),
        )
        live = rng.random() < 0.3
        stored = not live and rng.random() < 0.5
        limits = limits.model_copy(update={"hedge": rng.choice((None, 0.0, 0.5, 1.0))})
        return cls(devices, profile, limits, streams, model, live, stored)


def _random_job(stream: str, index: int, rng: random.Random) -> ChunkJob:
    text = " ".join(["words"] * rng.choice((1, 4, 20, 40)))
    voice = rng.choice((None, "a", "b"))
    return ChunkJob(stream, index, text, voice=voice, speakable=rng.random() > 0.1)


class FaultySimulator(Simulator):
    """A simulator whose workers, messages, stores, listeners and devices misbehave by chance."""

    def __init__(self, scheduler: Driven, world: World, faults: Faults, rng: random.Random) -> None:
        super().__init__(scheduler, world.model)
        self._world, self._faults, self._rng = world, faults, rng
        self._spoken_until: dict[tuple[str, int], float] = {}  # a connection keeps its messages in order
        self._slow: set[int] = set()  # tokens
        self._long: set[int] = set()
        self._poison = {
            (stream, job.index) for stream, jobs in world.streams.items() for job in jobs
            if self._strikes("poison")
        }  # fmt: skip

    def disturb(self) -> None:
        """Plan what comes from outside."""
        span = 1.0 + sum(self._world.model.cost(job) for jobs in self._world.streams.values() for job in jobs)
        for stream in self._world.streams:
            if self._strikes("cancel"):
                self._outside(span, msg.CancelStream(stream))
            if self._world.stored and self._strikes("store"):
                self._outside(span, msg.CancelStream(stream, "the disk is full"))
        if self._strikes("drain"):
            self._outside(span, msg.Drain())
        devices = self._world.devices
        while self._strikes("devices"):
            kept = [device for device in devices if self._chance(0.8)] or list(devices[:1])
            caps = [replace(device, max_slots=self._rng.choice((None, 1, 2))) for device in kept]
            self._outside(span, msg.DevicesChanged(caps))

    def _outside(self, span: float, event: msg.Event) -> None:
        self.say(event, self._rng.uniform(0.0, span))

    def _chance(self, p: float) -> bool:
        return p > 0.0 and self._rng.random() < p

    def _strikes(self, kind: str, share: float = 1.0) -> bool:
        """Whether a fault happens now; `share` of its chance."""
        strikes = self._chance(share * getattr(self._faults, kind))
        self.result.faults[kind] += strikes
        return strikes

    def post(self, worker: str, generation: int, event: msg.Event, delay: float = 0.0) -> None:
        match event:
            case msg.WorkerReady() if self._strikes("load"):
                if self._chance(0.5):
                    self._die(worker, generation, delay)
                return
            case msg.Cancelled() if self._strikes("deaf"):
                return
            case msg.Piece(token) if not self._world.profile.deterministic or self._strikes("differ"):
                event = replace(event, checksum=hash((event.checksum, token)))
            case msg.Finished() if self._strikes("doubt"):
                event = replace(event, doubts=(Doubt("engine", "an injected doubt"),))
            case msg.Finished():
                event = replace(event, memory_bytes=(1 << 40) * self._strikes("leak"))
        if self._strikes("late"):
            delay += self._rng.expovariate(1.0)
        when = max(self.now + delay, self._spoken_until.get((worker, generation), 0.0))
        self._spoken_until[worker, generation] = when
        self.at(when, lambda: (event,))
        if self._strikes("twice"):
            self.at(when + self._rng.expovariate(0.2), lambda: (event,))

    def begin(self, command: msg.StartJob) -> None:
        name, generation, token = command.worker, command.generation, command.token
        if (command.job.stream, command.job.index) in self._poison or self._strikes("die"):
            super().begin(command)
            self._die(name, generation, self._rng.uniform(0.0, 2.0 * self._model.cost(command.job)))
            return
        if self._strikes("hang"):
            super().begin(command)
            self.freeze(name, generation)
            return
        if self._strikes("freeze"):
            super().begin(command)
            self._freeze_for_a_while(
                name, generation, self._rng.uniform(0.0, 2.0 * self._model.cost(command.job))
            )
            return
        if self._strikes("numb"):
            self._silence(name, generation, until_s=self._rng.expovariate(0.1))
        answer = self._answer(token, command.job)
        if answer is not None:
            self.post(name, generation, answer, self._rng.random())
            return
        if self._strikes("slow"):
            self._slow.add(token)
        if self._strikes("long"):
            self._long.add(token)
        super().begin(command)

    def _answer(self, token: int, job: ChunkJob) -> msg.Event | None:
        """What a worker says to a job instead of speaking it."""
        failures: dict[str, msg.FailureKind] = {
            "fail": "error", "refuse": "refused", "bad": "bad audio", "memory": "out of memory",
            "broken": "broken worker", "lost": "device lost",
        }  # fmt: skip
        for fault, kind in failures.items():
            if self._strikes(fault, 0.1 if fault == "lost" else 1.0):
                return msg.Failed(token, f"an injected failure: {kind}", kind)
        if self._strikes("mute"):
            return msg.Finished(token)
        if self._strikes("split", 0.1 if job.part else 1.0):
            count = self._rng.choice((2, 3))
            return msg.TooLong(token, ["x" * self._rng.choice((1, 20, 120)) for _ in range(count)])
        return None

    def cost(self, token: int, job: ChunkJob) -> float:
        return self._model.cost(job) * (30.0 if token in self._slow else 1.0)

    def audio(self, token: int, job: ChunkJob) -> float:
        return self._model.audio(job) * (20.0 if token in self._long else 1.0)

    def _freeze_for_a_while(self, name: str, generation: int, after_s: float) -> None:
        for_s = self._rng.expovariate(0.05) if self._chance(0.75) else float("inf")

        def stop() -> Iterable[msg.Event]:
            self.freeze(name, generation)
            return ()

        def go_on() -> Iterable[msg.Event]:
            self.thaw(name, generation)
            return ()

        self.at(self.now + after_s, stop)
        self._silence(name, generation, after_s, after_s + for_s)
        if for_s < float("inf"):
            self.at(self.now + after_s + for_s, go_on)

    def _silence(self, name: str, generation: int, from_s: float = 0.0, until_s: float = 0.0) -> None:
        """No sign of life is seen of a worker for a while."""
        self.say(msg.Silent(name, generation, 3.0), from_s + 3.0)
        if until_s < float("inf"):
            self.say(msg.Alive(name, generation), max(until_s, from_s + 3.0))

    def _die(self, name: str, generation: int, after: float) -> None:
        def death() -> tuple[msg.Event, ...]:
            if self.living(name, generation) is not None:
                self.end_worker(name, generation)
                said = self._spoken_until.get((name, generation), 0.0)
                self.at(said, lambda: (msg.Died(name, generation, "an injected death"),))
            return ()

        self.at(self.now + after, death)

    def store(self, stream: str, index: int) -> None:
        self.say(msg.Committed(stream, index), self._rng.choice((0.0, 0.1, 5.0, 30.0)))

    def sink(self, stream: str, index: int) -> None:
        self.say(msg.Delivered(stream, index), self._rng.choice((0.0, 0.0, 1.0, 30.0)))


def run_schedule(
    seed: int,
    make_policy: Callable[[random.Random], Policy],
    faults: Faults,
    size: Size = Size(),
    watch: Callable[[Driven], Driven] = lambda scheduler: scheduler,
) -> Simulated:
    """Run one random world to its end, every promise watched; `watch` may look on as well.

    Raises InvariantBroken, its message starting with the seed.
    """
    rng = random.Random(seed)
    world = World.random(rng, size)
    policy = make_policy(rng)
    chunks = sum(len(jobs) for jobs in world.streams.values())
    scheduler = watch(Scheduler(policy, world.devices, world.profile, world.limits))
    watched = Watched(
        scheduler, world.limits, turns=5_000 + 400 * chunks, repeatable=world.profile.deterministic
    )
    simulator = FaultySimulator(watched, world, faults, rng)
    simulator.disturb()
    try:
        result = simulator.run(world.streams, live=world.live, stored=world.stored)
        watched.check_end()
    except InvariantBroken as broken:
        raise InvariantBroken(f"schedule {seed}, policy {policy.name!r}: {broken}") from broken
    return result


def run_sound(
    seed: int,
    make_policy: Callable[[random.Random], Policy],
    faults: Faults,
    size: Size = Size(),
    watch: Callable[[Driven], Driven] = lambda scheduler: scheduler,
) -> Simulated:
    """The same with a policy that should be sound.

    Where nothing goes wrong every chunk must be delivered; else a run may end early for one reason, that
    no worker is left. Raises InvariantBroken.
    """
    result = run_schedule(seed, make_policy, faults, size, watch)
    undisturbed = faults == Faults()
    if result.error is not None and (undisturbed or not isinstance(result.error, WorkerError)):
        raise InvariantBroken(f"schedule {seed}: {result.error}") from result.error
    lost = sum(account.submitted - account.delivered for account in result.accounts.values())
    if undisturbed and lost:
        raise InvariantBroken(f"schedule {seed}: {lost} chunks were not delivered")
    return result
