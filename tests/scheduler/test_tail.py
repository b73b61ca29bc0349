"""What late parts cost, with and without second attempts, over many simulated worlds."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from ttsflow import ChunkJob, Device, Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits
from ttsflow.simulator import CostModel, Simulator, Worker
from ttsflow.testing.invariants import Watched
from ttsflow_plugins.bounded_parallel import BoundedParallel

pytestmark = pytest.mark.usefixtures("quickly")

WORLDS = 100


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
    makespan_s: float
    wait_s: float
    hedged: float  # share of the chunks


def play(kind: str, seed: int, hedge: float | None, *, live: bool) -> Played:
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


def played(kind: str, hedge: float | None, live: bool) -> list[Played]:
    return [play(kind, seed, hedge, live=live) for seed in range(WORLDS)]


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


@pytest.mark.parametrize("live", [False, True])
def test_undisturbed_there_are_nearly_none_and_nothing_is_lost(live: bool) -> None:
    with_, without = played("undisturbed", None, live), played("undisturbed", 0.0, live)
    assert sum(one.hedged for one in with_) <= 0.01 * WORLDS
    for one, other in zip(with_, without, strict=True):
        assert one.makespan_s <= 1.02 * other.makespan_s


def check_what_is_late_is_sooner(with_: list[Played], without: list[Played]) -> None:
    """And hardly ever later."""
    ratios = [one.makespan_s / other.makespan_s for one, other in zip(with_, without, strict=True)]
    assert p95(ratios) <= 1.02
    assert max(ratios) <= 1.05
    assert sum(one.makespan_s for one in with_) < 0.99 * sum(other.makespan_s for other in without)


@pytest.mark.parametrize("kind", ["stragglers", "freeze"])
def test_a_file_with_what_is_late_is_sooner(kind: str) -> None:
    check_what_is_late_is_sooner(played(kind, None, False), played(kind, 0.0, False))


@pytest.mark.parametrize("kind", ["stragglers", "freeze", "slow device"])
def test_listeners_hear_what_is_late_sooner_and_wait_less(kind: str) -> None:
    with_, without = played(kind, None, True), played(kind, 0.0, True)
    if kind != "slow device":  # where all is late that is spoken there
        check_what_is_late_is_sooner(with_, without)
    if kind != "freeze":  # which is once in a text
        assert p95([one.wait_s for one in with_]) < 0.8 * p95([other.wait_s for other in without])
