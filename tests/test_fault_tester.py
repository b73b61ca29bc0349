"""Thousands of random worlds in which things go wrong; no schedule may lose, repeat or reorder a chunk."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest

from ttsflow import ChunkJob, Device, Policy, PolicyError, Profile, View, WorkerError, WorkerSpec, WorkerView
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
    die=0.1, fail=0.1, refuse=0.03, mute=0.03, load=0.2, deaf=0.3, late=0.2, twice=0.2, cancel=0.3, devices=0.5
)  # fmt: skip


class RandomPolicy(Policy):
    """Does anything that a policy may do, by chance."""

    name = "random"

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.rng = rng

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        self.lanes = self.rng.randint(0, 3)
        return [
            WorkerSpec(self.rng.choice(devices), self.rng.randint(1, 5))
            for _ in range(self.rng.randint(1, 6))
        ]

    def lane(self, job: ChunkJob) -> int | None:
        return job.index % self.lanes if self.lanes else None

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        if view.running and self.rng.random() < 0.2:
            return
        if self.rng.random() < 0.1:
            view.wake_at(view.now + self.rng.random())
            return
        for worker in view.free:
            if self.rng.random() < 0.2 and view.running:
                continue
            lanes = list(view.ready.lanes())
            if lanes and self.rng.random() < 0.5:
                job = view.ready.first(self.rng.choice(lanes))
            elif self.rng.random() < 0.5:
                job = next((job for job in view.ready if self.rng.random() < 0.3), view.ready.first())
            else:
                job = view.ready.first()
            if job is not None:
                yield job, worker


class Saboteur(RandomPolicy):
    """Goes wrong some time, in one of many ways."""

    name = "saboteur"

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.way = rng.choice(("raise", "idle", "busy", "twice", "nonsense", "old job", "lane", "nod"))
        self.calls = 0
        self.fuse = rng.randint(1, 10)
        self.old: ChunkJob | None = None

    def lane(self, job: ChunkJob) -> int | None:
        if self.way == "lane" and job.index >= self.fuse:
            raise RuntimeError("sabotage")
        return super().lane(job)

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        self.calls += 1
        worker, job = next(iter(view.free)), view.ready.first()
        assert job is not None
        if self.calls < self.fuse or self.way == "lane":
            self.old = job
            yield job, worker
        elif self.way == "raise":
            raise RuntimeError("sabotage")
        elif self.way == "twice":
            yield job, worker
            yield job, worker
        elif self.way == "busy":
            for other in view.ready:
                yield other, worker
        elif self.way == "nonsense":
            yield self.rng.choice((None, 7, job, (job, None), (None, worker)))  # type: ignore[misc]
        elif self.way == "old job" and self.old is not None:
            yield self.old, worker
        elif self.way == "nod":
            view.wake_at(view.now + self.rng.choice((-1.0, 0.0, 1e-9, 5.0)))


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
