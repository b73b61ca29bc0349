"""Work shared by speed: what is known of devices and workers, and what policies make of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import pytest

from ttsflow import ChunkJob, Costs, Device, Policy, Profile, WorkerView
from ttsflow.report.metrics import Playback
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator, Worker
from ttsflow_plugins.adaptive import Adaptive
from ttsflow_plugins.gpu_affinity import GpuAffinity

PROFILE = Profile("p", 24_000, ("cuda",), rtf=0.5, chars_per_s=10.0)
QUICK, SLOW = Device("cuda:0", "cuda"), Device("cuda:1", "cuda")


@dataclass(frozen=True)
class At:
    """A worker, as costs see it."""

    id: str
    device: Device
    slots: int = 1
    free_slots: int = 1


FIRST, SECOND, THIRD = At("w0", QUICK), At("w1", SLOW), At("w2", SLOW)


def job(chars: int = 100) -> ChunkJob:
    return ChunkJob("s", 0, "x" * chars)


def taught(*took: tuple[At, float], times: int = 30) -> Costs:
    """Chunks of 10 s of audio on workers in turn, each with the seconds that it took."""
    costs, rng = Costs(PROFILE), random.Random(1)
    for _ in range(times):
        for worker, work_s in took:
            costs.observe_spent(job(), 10.0, {1: work_s * rng.uniform(0.9, 1.1)}, worker)
    return costs


def test_a_slow_device_is_known_to_be_slow() -> None:
    costs = taught((FIRST, 5.0), (SECOND, 25.0))
    assert costs.cost(job(), QUICK) == pytest.approx(5.0, rel=0.1)
    assert costs.cost(job(), SLOW) == pytest.approx(25.0, rel=0.1)
    assert costs.cost(job(), THIRD) == costs.cost(job(), SLOW)  # as its device
    assert costs.cost(job(), Device("cuda:7", "cuda")) == costs.cost(job())  # as all
    assert costs.uneven


def test_a_slow_worker_is_told_from_its_device() -> None:
    costs = taught((FIRST, 5.0), (SECOND, 5.0), (THIRD, 50.0))
    assert costs.cost(job(), THIRD) == pytest.approx(50.0, rel=0.15)
    assert costs.cost(job(), SECOND) == pytest.approx(5.0, rel=0.15)


def test_chance_makes_nobody_slow() -> None:
    costs = taught((FIRST, 5.0), (SECOND, 5.0), times=40)
    assert costs.slower(FIRST) == pytest.approx(1.0, abs=0.05)
    assert not costs.uneven


def test_with_one_worker_everything_is_as_without() -> None:
    alone = taught((FIRST, 12.0))
    assert alone.slower(FIRST) == 1.0
    assert alone.cost(job(), FIRST) == alone.cost(job()) == pytest.approx(12.0, rel=0.1)


class Uneven(Simulator):
    """Devices of unlike speed; chunks differ from their prediction by a fifth."""

    slower: Sequence[float] = ()

    def slowness(self, worker: Worker) -> float:
        return super().slowness(worker) * self.slower[int(worker.spec.device.id.partition(":")[2])]

    def cost(self, token: int, job: ChunkJob) -> float:
        return super().cost(token, job) * random.Random(job.index).uniform(0.8, 1.25)


def spoken(
    policy: Policy,
    slower: Sequence[float],
    slowdown: Sequence[float] = (1.0,),
    *,
    live: bool = False,
    seed: int = 0,
) -> tuple[float, float]:
    """The makespan over what all devices could do at their best; W in seconds."""
    profile = Profile(
        "p", 24_000, ("cuda",), slots=len(slowdown), slowdown=tuple(slowdown), rtf=0.6 if live else 0.3,
        chars_per_s=15.0, deterministic=True,
    )  # fmt: skip
    rng = random.Random(seed)
    jobs = [ChunkJob("s", index, "x" * rng.randint(40, 240)) for index in range(100)]
    devices = [Device(f"cuda:{number}", "cuda") for number in range(len(slower))]
    world = Uneven(Scheduler(policy, devices, profile), CostModel.of(profile))
    world.slower = slower
    result = world.run({"s": jobs}, live=live)
    assert result.error is None
    assert result.accounts["s"].delivered == len(jobs)
    gain = max(k / slow for k, slow in enumerate(slowdown, 1)) * sum(1.0 / each for each in slower)
    playback = Playback()
    for _, _, at_s, audio_s in result.arrivals:
        playback.arrived(audio_s, at_s)
    return result.makespan_s * gain / sum(world.cost(0, job) for job in jobs), playback.wait_s


@pytest.mark.parametrize("policy", [Adaptive, GpuAffinity])
@pytest.mark.parametrize("slower", [(1, 5), (1, 10), (1, 1, 5)])
@pytest.mark.parametrize("slowdown", [(1.0,), (1.0, 1.32, 1.53, 1.73)])
def test_a_file_is_shared_by_speed(
    policy: type[Policy], slower: Sequence[float], slowdown: Sequence[float]
) -> None:
    """Equal shares, or a long chunk for the slow one at the end, take up to half as long again."""
    over = mean(spoken(policy(), slower, slowdown, seed=seed)[0] for seed in range(4))
    assert over <= 1.2


def test_a_listener_waits_for_a_slow_device_no_more_than_once() -> None:
    """For the chunk that it was given before anybody knew; after that it gets nothing urgent."""
    waits_s = mean(spoken(Adaptive(), (1, 5), live=True, seed=seed)[1] for seed in range(4))
    assert waits_s <= 26.0


def test_a_decision_on_a_large_fleet_looks_at_each_worker_once() -> None:
    """Not once for each job: with a thousand GPUs the scheduler would stand still for seconds."""
    asked = []

    class Counting(Costs):
        def slower(self, on: Device | WorkerView) -> float:
            asked.append(on)
            return super().slower(on)

    profile = Profile("p", 24_000, ("cuda",), rtf=0.3, chars_per_s=15.0, deterministic=True)
    devices = [Device(f"cuda:{number}", "cuda") for number in range(200)]
    jobs = [ChunkJob("s", index, "x" * 100) for index in range(2_000)]
    scheduler = Scheduler(GpuAffinity(), devices, profile, costs=Counting(profile))
    world = Uneven(scheduler, CostModel.of(profile))
    world.slower = (10.0, *[1.0] * 199)
    result = world.run({"s": jobs})
    assert result.error is None
    decisions = len(result.outcomes) + result.events
    assert len(asked) <= 201 * decisions
