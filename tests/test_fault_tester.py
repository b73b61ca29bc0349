"""Thousands of random worlds in which things go wrong; no schedule may lose, repeat or reorder a chunk."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.scheduler.random_policies import RandomPolicy, Saboteur
from ttsflow import ChunkJob, PolicyError, View, WorkerError, WorkerView
from ttsflow.fault_tester import Faults, run_schedule
from ttsflow.testing import ROUGH, check_policy
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity
from ttsflow_plugins.sequential import Sequential

HARSH = Faults(
    die=0.08, poison=0.03, fail=0.1, refuse=0.03, mute=0.03, bad=0.03, doubt=0.08, long=0.03, split=0.1,
    hang=0.03, slow=0.02, memory=0.03, broken=0.02, lost=0.01, differ=0.1, load=0.2, leak=0.02, deaf=0.3,
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


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("faults", [Faults(), ROUGH, HARSH], ids=["undisturbed", "rough", "harsh"])
def test_no_schedule_breaks_a_promise(name: str, faults: Faults) -> None:
    for seed in range(300):
        result = run_schedule(seed, SOUND[name], faults)
        if faults == Faults():
            assert result.error is None
            assert all(a.delivered == a.submitted for a in result.accounts.values())
        else:  # the only way to end early is that every device is lost
            assert result.error is None or isinstance(result.error, WorkerError), (seed, result.error)


def test_a_policy_that_goes_wrong_ends_in_an_error_that_names_it() -> None:
    named = 0
    for seed in range(600):
        error = run_schedule(seed, Saboteur, ROUGH).error
        assert error is None or isinstance(error, PolicyError | WorkerError), (seed, error)
        named += isinstance(error, PolicyError) and "'saboteur'" in str(error)
    assert named > 200


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
