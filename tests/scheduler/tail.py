"""Simulated worlds in which something is late: a chunk of a hundred, a device, a worker that freezes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ttsflow import ChunkJob, Device, Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits
from ttsflow.simulator import CostModel, Simulator, Worker
from ttsflow.testing.invariants import Watched
from ttsflow_plugins.bounded_parallel import BoundedParallel


class Tail(Simulator):
    """One chunk of a hundred takes ten times as long; or a device is five times slower; or one freezes."""

    def __init__(self, scheduler: msg.Driven, model: CostModel, kind: str, seed: int) -> None:
        super().__init__(scheduler, model)
        self._kind, self._seed = kind, seed
        self.started = self.hedges = 0

    def begin(self, command: msg.StartJob) -> None:
        self.started += 1
        self.hedges += command.hedge
        super().begin(command)
        if self._kind == "freeze" and self.started == 20:
            self.freeze(command.worker, command.generation)
            self.say(msg.Silent(command.worker, command.generation, 3.0), 3.0)

    def cost(self, token: int, job: ChunkJob) -> float:
        cost_s = super().cost(token, job) * random.Random(f"{self._seed} {job.index}").uniform(0.8, 1.25)
        straggles = self._kind == "stragglers" and random.Random(f"{self._seed} {token}").random() < 0.01
        return cost_s * (10.0 if straggles else 1.0)

    def slowness(self, worker: Worker) -> float:
        slow = self._kind == "slow device" and worker.spec.device.id == "cuda:0"
        return super().slowness(worker) * (5.0 if slow else 1.0)


@dataclass(frozen=True)
class Played:
    """How a text went."""

    makespan_s: float
    wait_s: float
    hedged: float  # share of the chunks


def play(kind: str, seed: int, hedge: float | None, *, live: bool) -> Played:
    """A text in the world of a kind that a seed makes; `hedge`: `limits.hedge`; `live`: one listens."""
    rng = random.Random(seed)
    gpus, chunks = rng.choice((2, 3, 4)), rng.choice((24, 60, 150))
    profile = Profile("sim", 24_000, ("cuda",), rtf=0.3 * gpus if live else 0.5, deterministic=True)
    jobs = [ChunkJob("s", index, "w" * rng.randint(30, 250)) for index in range(chunks)]
    devices, limits = [Device(f"cuda:{number}", "cuda") for number in range(gpus)], Limits(hedge=hedge)
    scheduler = Watched(Scheduler(BoundedParallel(), devices, profile, limits), limits, repeatable=True)
    simulator = Tail(scheduler, CostModel.of(profile, load_s=5.0, pieces=4), kind, seed)
    result = simulator.run({"s": jobs}, live=live, stored=not live)
    scheduler.check_end()
    assert result.accounts["s"].delivered == chunks
    heard_s = wait_s = 0.0
    for _, _, at_s, audio_s in result.arrivals:
        wait_s = max(wait_s, at_s - heard_s)
        heard_s += audio_s
    return Played(result.makespan_s, wait_s, simulator.hedges / chunks)


def p95(values: list[float]) -> float:
    """The value that 95 of a hundred do not exceed."""
    return sorted(values)[int(0.95 * len(values))]
