"""Virtual time: what plans take, by arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttsflow import ChunkJob, Device, Policy, Profile
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulated, Simulator
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity
from ttsflow_plugins.sequential import Sequential


def simulate(
    policy: Policy,
    costs: list[float],
    gpus: int = 1,
    slots: int = 1,
    slow: list[float] | None = None,
    **model: float,
) -> Simulated:
    profile = Profile("simulated", 24_000, ("cuda",), slots=slots)
    jobs = [ChunkJob("s", index, "x" * 30) for index in range(len(costs))]
    true = CostModel(
        cost=lambda job: costs[job.index],
        audio=lambda job: 2.0,
        slow=lambda k: (slow or [1.0, 2.0, 3.0, 4.0])[k - 1],
        **model,
    )
    devices = [Device(f"cuda:{number}", "cuda") for number in range(gpus)]
    return Simulator(Scheduler(policy, devices, profile), true).run({"s": jobs})


def parallel(most: int) -> BoundedParallel:
    return BoundedParallel(BoundedParallel.Options(max_concurrent=most))


def test_one_after_the_other() -> None:
    result = simulate(Sequential(), [10.0, 10.0], load_s=3.0)
    assert result.makespan_s == 23.0
    assert [time for _, _, time, _ in result.arrivals] == [13.0, 23.0]


def test_two_at_once_in_one_worker_with_the_slowdown_measured_for_two() -> None:
    """The figures this project began with: s(2) = 1.25 on chunks of 10 s."""
    result = simulate(parallel(2), [10.0, 10.0], slots=2, slow=[1.0, 1.25])
    assert result.makespan_s == 12.5
    assert result.arrivals[0][2] == 12.5  # the first audio comes later than one at a time


def test_work_slows_down_while_it_is_shared_only() -> None:
    result = simulate(parallel(2), [10.0, 5.0], slots=2, slow=[1.0, 2.0])
    first, second = (outcome.finished_s for outcome in result.outcomes)
    assert (first, second) == (15.0, 10.0)


def test_two_gpus_halve_the_time() -> None:
    assert simulate(GpuAffinity(), [4.0] * 10, gpus=2).makespan_s == 20.0


def test_pieces_come_as_the_work_goes() -> None:
    result = simulate(Sequential(), [4.0], pieces=4)
    assert result.outcomes[0].first_audio_s == 1.0
    assert result.outcomes[0].finished_s == 4.0
    assert result.outcomes[0].audio_s == 2.0


def test_live_pieces_arrive_one_by_one() -> None:
    profile = Profile("simulated", 24_000, ("cuda",))
    model = CostModel(cost=lambda job: 4.0, audio=lambda job: 2.0, pieces=4)
    scheduler = Scheduler(Sequential(), [Device("cuda:0", "cuda")], profile)
    result = Simulator(scheduler, model).run({"s": [ChunkJob("s", 0, "x")]}, live=True)
    assert result.arrivals == [("s", 0, float(second), 0.5) for second in (1, 2, 3, 4)]


@st.composite
def costs_and_gpus(draw: st.DrawFn) -> tuple[list[float], int]:
    """No more chunks than the window holds: nothing waits but for a worker."""
    gpus = draw(st.integers(1, 5))
    return draw(st.lists(st.floats(0.1, 30.0), min_size=1, max_size=8 * gpus)), gpus


@settings(deadline=None, max_examples=100)
@given(work=costs_and_gpus(), policy=st.sampled_from([GpuAffinity, BoundedParallel]))
def test_list_scheduling_bound(work: tuple[list[float], int], policy: type[Policy]) -> None:
    """Graham 1966: no list schedule takes longer than (2 - 1/m) times the lower bound."""
    costs, gpus = work
    makespan = simulate(policy(), costs, gpus=gpus).makespan_s
    lower = max(max(costs), sum(costs) / gpus)
    assert lower - 1e-6 <= makespan <= (2 - 1 / gpus) * lower + 1e-6


def test_overlap_is_what_the_policy_says() -> None:
    def most_at_once(result: Simulated) -> int:
        times = sorted(
            (when, change)
            for outcome in result.outcomes
            for when, change in ((outcome.started_s, 1), (outcome.finished_s, -1))
            if when is not None
        )
        running = most = 0
        for _, change in times:
            running += change
            most = max(most, running)
        return most

    costs = [0.5] * 40
    assert most_at_once(simulate(Sequential(), costs, gpus=4)) == 1
    assert most_at_once(simulate(parallel(3), costs, gpus=4)) == 3
    assert most_at_once(simulate(BoundedParallel(), costs, gpus=4)) == 4
    assert most_at_once(simulate(GpuAffinity(), costs, gpus=4)) == 4
    assert most_at_once(simulate(parallel(3), costs, gpus=1, slots=4)) == 3


def test_until_stops_the_clock() -> None:
    profile = Profile("simulated", 24_000, ("cuda",))
    scheduler = Scheduler(Sequential(), [Device("cuda:0", "cuda")], profile)
    simulator = Simulator(scheduler, CostModel(cost=lambda job: 1.0, audio=lambda job: 1.0))
    result = simulator.run({"s": [ChunkJob("s", index, "x") for index in range(10)]}, until=3.5)
    assert len(result.outcomes) == 3
    assert simulator.now == pytest.approx(3.0)
