"""Thousands of random worlds in which things go wrong; no schedule may lose, repeat or reorder a chunk."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.scheduler.random_policies import RandomPolicy, Saboteur
from ttsflow import ChunkJob, PolicyError, View, WorkerError, WorkerView
from ttsflow.fault_tester import Faults, run_schedule
from ttsflow.invariants import InvariantBroken
from ttsflow.scheduler.attempts import Attempts
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.streams import Streams
from ttsflow.testing import ROUGH, check_policy
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity
from ttsflow_plugins.sequential import Sequential

HARSH = Faults(
    die=0.1, fail=0.1, refuse=0.03, mute=0.03, load=0.2, deaf=0.3,
    late=0.2, twice=0.2, cancel=0.3, devices=0.5,
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


class TestTheWatchItself:
    """Each promise is really watched: a scheduler that breaks it is caught."""

    @staticmethod
    def caught(faults: Faults, seeds: int = 200) -> str:
        complaints = set()
        for seed in range(seeds):
            try:
                run_schedule(seed, RandomPolicy, faults)
            except InvariantBroken as broken:
                complaints.add(str(broken).partition(": ")[2])
        return "; ".join(sorted(complaints))

    def test_a_slot_freed_before_the_worker_answered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            Worker, "free_slots", property(lambda self: self.slots if self.state == "ready" else 0)
        )
        assert "more jobs than slots" in self.caught(Faults())

    def test_no_window(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Streams, "_window", lambda self, slots: 1000)
        assert "chunks ahead" in self.caught(Faults())

    def test_stale_generations(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Fleet, "get", lambda self, name, generation: self._workers.get(name))
        assert self.caught(HARSH)

    def test_a_token_used_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start = Attempts.start

        def forgetful(self: Attempts, *args: object) -> object:
            attempt = start(self, *args)  # type: ignore[arg-type]
            self._last_token = min(self._last_token, 5)
            return attempt

        monkeypatch.setattr(Attempts, "start", forgetful)
        assert "used twice" in self.caught(Faults())

    def test_a_chunk_lost_on_the_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        advance = Streams.advance

        def leaky(self: Streams, stream: object) -> Iterable[object]:
            yield from (c for c in advance(self, stream) if getattr(c, "index", 0) != 3)  # type: ignore[arg-type]

        monkeypatch.setattr(Streams, "advance", leaky)
        assert "came where 3 was due" in self.caught(Faults())

    def test_a_run_that_never_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Attempts, "may_retry", lambda self, chunk: True)
        assert "does not end" in self.caught(Faults(fail=1.0), seeds=2)


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
