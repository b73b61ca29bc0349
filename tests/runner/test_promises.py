"""The scheduler's promises, watched over real worker processes: the same suite as in virtual time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.scheduler.random_policies import RandomPolicy, Saboteur
from ttsflow import AudioPiece, ChunkJob, Device, Outcome, Policy, PolicyError
from ttsflow.interface.jobs import Account
from ttsflow.registry import BackendRecipe, Registry
from ttsflow.runner import Runner
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits
from ttsflow.testing.invariants import Watched
from ttsflow.workers.processes import WorkerProcesses

LIMITS = Limits(retries=2, look_ahead=3)
DEVICES = [
    Device(f"cuda:{number}", "cuda", binding=(("CUDA_VISIBLE_DEVICES", str(number)),)) for number in (0, 1)
]


class Counted:
    """A sink that counts samples by chunk."""

    def __init__(self) -> None:
        self.samples = [0]
        self.statuses: list[str] = []

    def open(self) -> None: ...

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        self.samples[-1] += sum(len(piece.samples) for piece in pieces)

    def end_chunk(self, outcome: Outcome) -> None:
        self.samples.append(0)
        self.statuses.append(outcome.status)

    def finish(self) -> None: ...
    def abort(self) -> None: ...


def speak(
    policy: Policy, rng: random.Random, folder: Path, live: bool = False
) -> tuple[Watched, list[object]]:
    """Speak three streams with faults that kill workers and fail jobs; gives accounts or errors."""
    plugin = Registry.load().backend("sim")
    faults = [
        {"at": rng.randrange(12), "kind": rng.choice(("fail", "die")), "times": 1, "after": rng.randint(0, 1)}
        for _ in range(3)
    ]
    faults.append({"at": 5, "kind": "refuse"})
    options = plugin.options(
        {"rtf": 0.002, "slots": 3, "pieces": 2, "faults": faults, "state_dir": str(folder), "jitter": 0.9}
    )
    profile = plugin.cls.describe(options)
    scheduler = Scheduler(policy, DEVICES, profile, LIMITS)
    watched = Watched(scheduler, LIMITS)
    ends: list[object] = []
    with Runner(watched, partial(WorkerProcesses, BackendRecipe.of(plugin, options)), LIMITS) as runner:
        handles = []
        for name in ("a", "b", "c"):
            jobs = [ChunkJob(name, index, f"Chunk {index}." * 3, seed=index) for index in range(12)]
            handles.append(runner.open(name, jobs, Counted(), live=live))
        for handle in handles:
            try:
                ends.append(handle.wait(60))
            except PolicyError as error:
                ends.append(error)
    return watched, ends


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("live", [False, True])
def test_no_promise_is_broken(seed: int, live: bool, tmp_path: Path) -> None:
    rng = random.Random(seed)
    watched, ends = speak(RandomPolicy(rng), rng, tmp_path, live)
    watched.check_end()
    for account in ends:
        assert isinstance(account, Account)
        assert account.settled
        assert account.not_reached == 0
        assert account.failed >= 1  # the chunk that is refused, in each stream
        assert account.failed == 1 or live  # what a listener has heard is not spoken again


def test_a_policy_that_goes_wrong_ends_the_run(tmp_path: Path) -> None:
    seed = next(seed for seed in range(100) if Saboteur(random.Random(seed)).way == "twice")
    watched, ends = speak(Saboteur(random.Random(seed)), random.Random(seed), tmp_path)
    watched.check_end()
    assert all(isinstance(end, PolicyError) and "'saboteur'" in str(end) for end in ends)
