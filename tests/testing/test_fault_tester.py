"""Thousands of random worlds in which things go wrong; no schedule may lose, repeat or reorder a chunk."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from tests.conftest import untraced
from tests.scheduler.random_policies import RandomPolicy, Saboteur
from ttsflow import ChunkJob, PolicyError, View, WorkerError, WorkerView
from ttsflow.scheduler.streams import Streams
from ttsflow.simulator import Simulated
from ttsflow.testing import ROUGH, check_policy
from ttsflow.testing.fault_tester import Faults, run_schedule, run_sound
from ttsflow.testing.invariants import InvariantBroken
from ttsflow.testing.shrinking import shrink
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity
from ttsflow_plugins.sequential import Sequential

HARSH = Faults(
    die=0.08, poison=0.03, fail=0.1, refuse=0.03, mute=0.03, bad=0.03, doubt=0.08, long=0.03, split=0.1,
    hang=0.03, freeze=0.05, numb=0.05, slow=0.05,
    memory=0.03, broken=0.02, lost=0.01, differ=0.1, load=0.2, leak=0.02, deaf=0.3,
    late=0.2, twice=0.2, store=0.1, cancel=0.2, drain=0.1, devices=0.5,
)  # fmt: skip


SOUND = {
    "sequential": lambda rng: Sequential(),
    "bounded-parallel": lambda rng: BoundedParallel(
        BoundedParallel.Options(max_concurrent=rng.randint(1, 9))
    ),
    "gpu-affinity": lambda rng: GpuAffinity(
        GpuAffinity.Options(key=rng.choice(("chunk", "voice", "stream")), steal=rng.random() < 0.5)
    ),
    "random": RandomPolicy,
}


WORLDS = {"undisturbed": Faults(), "rough": ROUGH, "harsh": HARSH}
SCHEDULES = 750  # of each; with those of the saboteur 10,000, and tests.benchmarks.million runs any number
SABOTAGED = 1_000
BATCH = 250  # in one test
TRACED = 20  # of the first batch


@pytest.mark.parametrize("first", range(0, SCHEDULES, BATCH))
@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("world", WORLDS)
def test_no_schedule_breaks_a_promise(world: str, name: str, first: int) -> None:
    begin = first or TRACED
    run_sounds(name, world, range(first, begin))
    with untraced():
        run_sounds(name, world, range(begin, first + BATCH))


@pytest.mark.parametrize("first", range(0, SABOTAGED, BATCH))
def test_a_policy_that_goes_wrong_ends_in_an_error_that_names_it(first: int) -> None:
    named = 0
    for seed in range(first, first + BATCH):
        error = run_or_tell(seed, Saboteur, ROUGH, run_schedule).error
        assert error is None or isinstance(error, PolicyError | WorkerError), (seed, error)
        named += isinstance(error, PolicyError) and "'saboteur'" in str(error)
    assert named > BATCH / 3


def run_sounds(name: str, world: str, seeds: range) -> None:
    for seed in seeds:
        run_or_tell(seed, SOUND[name], WORLDS[world], run_sound)


def run_or_tell(seed: int, policy: Any, faults: Faults, run: Any) -> Simulated:
    """Run a schedule; where it breaks a promise, fail with the shortest history that does."""
    try:
        return run(seed, policy, faults)
    except InvariantBroken as broken:
        told = f"{broken}\nshrunk:\n{shrink(seed, policy, faults, run)}"
        raise AssertionError(told) from broken


def test_a_failure_tells_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Streams, "advance", lambda self, stream, now: False)
    with pytest.raises(AssertionError) as failed:
        run_sounds("sequential", "rough", range(1, 2))
    told = str(failed.value)
    assert told.startswith("schedule 1, policy 'sequential': stream 's0' is not accounted for at the end")
    assert ", Faults(), Size(devices=1, streams=1, chunks=1)\n" in told
    assert "  <- OpenStream(stream='s0'" in told


@pytest.mark.usefixtures("quickly")
def test_every_kind_of_fault_happens_where_it_is_asked_for() -> None:
    happened = sum((run_schedule(seed, RandomPolicy, HARSH).faults for seed in range(200)), Counter())
    assert set(happened) == {field.name for field in dataclasses.fields(Faults)}
    assert not run_schedule(17, RandomPolicy, Faults()).faults.total()


def test_a_seed_replays_exactly() -> None:
    first, again = (run_schedule(17, RandomPolicy, HARSH) for _ in range(2))
    assert first == again


class TestCheckPolicy:
    def test_a_sound_policy_passes(self) -> None:
        check_policy(Sequential, schedules=30)

    def test_options_are_set_by_a_function(self) -> None:
        check_policy(lambda: BoundedParallel(BoundedParallel.Options(max_concurrent=3)), schedules=30)

    def test_one_that_starves_is_caught_with_its_seed(self) -> None:
        class FirstTen(Sequential):
            name = "first-ten"

            def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
                return [(job, worker) for job, worker in super().dispatch(view) if job.index < 10]

        with pytest.raises(AssertionError, match=r"schedule \d+: policy 'first-ten': left") as caught:
            check_policy(FirstTen)
        seed = int(str(caught.value).split(":")[0].split()[1])
        with pytest.raises(AssertionError, match=f"schedule {seed}: "):
            check_policy(FirstTen, schedules=1, first_seed=seed)
