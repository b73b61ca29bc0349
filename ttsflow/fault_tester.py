"""The fault tester: the scheduler under a virtual clock in a world where things go wrong.

A schedule is a random world, wholly determined by its seed, so that a failure replays exactly.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ttsflow.config.model import Limits
from ttsflow.devices import Device
from ttsflow.invariants import InvariantBroken, Watched
from ttsflow.jobs import ChunkJob
from ttsflow.policy import Policy
from ttsflow.profile import Profile
from ttsflow.scheduler import Scheduler
from ttsflow.scheduler import messages as msg
from ttsflow.simulator import Simulated, Simulator, Truth


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances of what may go wrong, each from 0 to 1; all 0 is an undisturbed world."""

    die: float = 0.0
    """a worker dies with the job it takes up, after part of its work"""
    fail: float = 0.0
    """the backend raises for a job"""
    refuse: float = 0.0
    """the backend refuses a job for good"""
    mute: float = 0.0
    """a job finishes and has made no audio"""
    split: float = 0.0
    """a job is too long for the model, and is to be spoken in parts; a tenth of it for a part"""
    load: float = 0.0
    """a worker dies while it loads"""
    deaf: float = 0.0
    """a worker does not answer a cancellation"""
    late: float = 0.0
    """a worker's message is delayed"""
    twice: float = 0.0
    """a worker's message comes a second time, later"""
    cancel: float = 0.0
    """a stream is cancelled some time"""
    devices: float = 0.0
    """a device disappears, or its caps change, some time"""


@dataclass(frozen=True, slots=True)
class World:
    """What one schedule runs in."""

    devices: tuple[Device, ...]
    profile: Profile
    limits: Limits
    streams: Mapping[str, list[ChunkJob]]
    truth: Truth
    live: bool

    @classmethod
    def random(cls, rng: random.Random) -> World:
        slots = rng.choice((1, 1, 2, 4))
        profile = Profile("simulated", 24_000, ("cuda",), slots=slots, rtf=rng.choice((0.05, 0.5, 2.0)))
        devices = tuple(Device(f"cuda:{i}", "cuda") for i in range(rng.randint(1, 5)))
        limits = Limits(
            retries=rng.randint(0, 3), restarts=rng.randint(1, 4), look_ahead=rng.choice((1, 2, 8, 32))
        )
        streams = {}
        for number in range(rng.choice((1, 1, 2, 5))):
            name = f"s{number}"
            streams[name] = [_random_job(name, index, rng) for index in range(rng.choice((0, 1, 7, 40)))]
        spread = {(name, job.index): rng.uniform(0.3, 3.0) for name, jobs in streams.items() for job in jobs}
        right = Truth.of(profile, load_s=rng.choice((0.0, 5.0)), pieces=rng.choice((1, 1, 3)))
        gain = rng.uniform(0.0, 1.2)  # s(k) from free to worse than slicing
        truth = replace(
            right,
            cost=lambda job: right.cost(job) * spread[job.stream, job.index],
            slow=lambda k: 1.0 + gain * (k - 1),
        )
        return cls(devices, profile, limits, streams, truth, live=rng.random() < 0.3)


def _random_job(stream: str, index: int, rng: random.Random) -> ChunkJob:
    text = "x" * rng.choice((1, 20, 120, 250))
    voice = rng.choice((None, "a", "b"))
    return ChunkJob(stream, index, text, voice=voice, speakable=rng.random() > 0.1)


class FaultySimulator(Simulator):
    """A simulator whose workers, messages, listeners and devices misbehave by chance."""

    def __init__(self, scheduler: Watched, world: World, faults: Faults, rng: random.Random) -> None:
        super().__init__(scheduler, world.truth)
        self._world, self._faults, self._rng = world, faults, rng
        self._spoken_until: dict[tuple[str, int], float] = {}  # a connection keeps its messages in order

    def disturb(self) -> None:
        """Plan what comes from outside."""
        span = 1.0 + sum(self._world.truth.cost(job) for jobs in self._world.streams.values() for job in jobs)
        for stream in self._world.streams:
            if self._chance(self._faults.cancel):
                self._outside(span, msg.CancelStream(stream))
        devices = self._world.devices
        while self._chance(self._faults.devices):
            kept = [device for device in devices if self._chance(0.8)] or list(devices[:1])
            caps = [replace(device, max_slots=self._rng.choice((None, 1, 2))) for device in kept]
            self._outside(span, msg.DevicesChanged(caps))

    def _outside(self, span: float, event: msg.Event) -> None:
        self.say(event, self._rng.uniform(0.0, span))

    def _chance(self, p: float) -> bool:
        return p > 0.0 and self._rng.random() < p

    def post(self, worker: str, generation: int, event: msg.Event, delay: float = 0.0) -> None:
        if isinstance(event, msg.WorkerReady) and self._chance(self._faults.load):
            self._die(worker, generation, delay)
            return
        if isinstance(event, msg.Cancelled) and self._chance(self._faults.deaf):
            return
        if self._chance(self._faults.late):
            delay += self._rng.expovariate(1.0)
        when = max(self.now + delay, self._spoken_until.get((worker, generation), 0.0))
        self._spoken_until[worker, generation] = when
        self.at(when, lambda: (event,))
        if self._chance(self._faults.twice):
            self.at(when + self._rng.expovariate(0.2), lambda: (event,))

    def begin(self, command: msg.StartJob) -> None:
        faults, name, generation, token = self._faults, command.worker, command.generation, command.token
        if self._chance(faults.die):
            super().begin(command)
            self._die(name, generation, self._rng.uniform(0.0, 2.0 * self._truth.cost(command.job)))
        elif self._chance(faults.fail):
            self.post(name, generation, msg.Failed(token, "an injected failure"), self._rng.random())
        elif self._chance(faults.refuse):
            self.post(name, generation, msg.Failed(token, "an injected refusal", "refused"))
        elif self._chance(faults.mute):
            self.post(name, generation, msg.Finished(token))
        elif self._chance(faults.split * (0.1 if command.job.part else 1.0)):
            texts = ["x" * self._rng.choice((1, 20, 120)) for _ in range(self._rng.choice((2, 3)))]
            self.post(name, generation, msg.TooLong(token, texts), self._rng.random())
        else:
            super().begin(command)

    def _die(self, name: str, generation: int, after: float) -> None:
        def death() -> tuple[msg.Event, ...]:
            if self.living(name, generation) is not None:
                self.end_worker(name, generation)
                said = self._spoken_until.get((name, generation), 0.0)
                self.at(said, lambda: (msg.Died(name, generation, "an injected death"),))
            return ()

        self.at(self.now + after, death)

    def sink(self, stream: str, index: int) -> None:
        self.say(msg.Delivered(stream, index), self._rng.choice((0.0, 0.0, 1.0, 30.0)))


def run_schedule(seed: int, make_policy: Callable[[random.Random], Policy], faults: Faults) -> Simulated:
    """Run one random world to its end, every promise watched.

    Raises InvariantBroken, its message starting with the seed.
    """
    rng = random.Random(seed)
    world = World.random(rng)
    policy = make_policy(rng)
    chunks = sum(len(jobs) for jobs in world.streams.values())
    watched = Watched(
        Scheduler(policy, world.devices, world.profile, world.limits),
        world.limits,
        turns=5_000 + 200 * chunks,
    )
    simulator = FaultySimulator(watched, world, faults, rng)
    simulator.disturb()
    try:
        result = simulator.run(world.streams, live=world.live)
        watched.check_end()
    except InvariantBroken as broken:
        raise InvariantBroken(f"schedule {seed}, policy {policy.name!r}: {broken}") from broken
    return result
