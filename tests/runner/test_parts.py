"""Chunks that are too long for the model, spoken in parts by real worker processes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.scheduler.random_policies import RandomPolicy
from ttsflow import AudioPiece, ChunkJob, Device, Outcome, Policy, TextTooLong
from ttsflow.interface.jobs import Account
from ttsflow.registry import BackendRecipe, Registry
from ttsflow.report import Unobserved
from ttsflow.runner import Runner
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits
from ttsflow.testing.invariants import Watched
from ttsflow.workers.processes import WorkerProcesses
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.sequential import Sequential
from ttsflow_plugins.sim import Sim

CPU = Device("cpu", "cpu", binding=(("CUDA_VISIBLE_DEVICES", ""),))
LIMITS = Limits(retries=2)
SHORT = "Short."
LONG = "Nobody knew why the clock had stopped, and nobody asked; it had stopped before."
TEXTS = [SHORT, LONG, SHORT, LONG + " " + LONG, LONG, SHORT]
OPTIONS: dict[str, Any] = {"rtf": 0.005, "jitter": 0.9, "too_long": 30, "sample_rate": 8000}


def parallel(most: int) -> Policy:
    return BoundedParallel(BoundedParallel.Options(max_concurrent=most))


def chunks() -> list[ChunkJob]:
    return [ChunkJob("s", index, text, seed=index, pause_s=0.5) for index, text in enumerate(TEXTS)]


def parts_of(job: ChunkJob, options: dict[str, Any]) -> list[ChunkJob]:
    """What the engine makes of a job: itself, or its parts."""
    engine = Sim(Sim.Options(**options))
    engine.load(CPU, 1)
    try:
        engine.start(job)
    except TextTooLong as error:
        return job.split(error.texts)
    return [job]


def audio_of(job: ChunkJob, options: dict[str, Any]) -> np.ndarray:
    """What the engine speaks, alone and without anything going wrong: the parts one behind the other."""
    engine = Sim(Sim.Options(**options | {"faults": (), "rtf": 0.0}))
    engine.load(CPU, 1)
    pieces = []
    for part in parts_of(job, options):
        engine.start(part)
        done = False
        while not done:
            for step in engine.step():
                done = step.done
                pieces += [step.piece.samples] if step.piece else []
    return np.concatenate(pieces)


class Chapters:
    """A sink that keeps the audio of each chunk."""

    def __init__(self) -> None:
        self.audio: list[list[np.ndarray]] = [[]]
        self.outcomes: list[Outcome] = []

    def open(self) -> None: ...

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        self.audio[-1] += [piece.samples for piece in pieces]

    def end_chunk(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.audio.append([])

    def finish(self) -> None: ...
    def abort(self) -> None: ...


class Notices(Unobserved):
    """An observer that keeps the notices."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


def speak(policy: Policy, options: dict[str, Any], live: bool = False) -> tuple[Chapters, Account, list[str]]:
    plugin = Registry.load().backend("sim")
    checked = plugin.options(options)
    watched = Watched(Scheduler(policy, [CPU], plugin.cls.describe(checked), LIMITS), LIMITS)
    sink, notices = Chapters(), Notices()
    with Runner(
        watched, partial(WorkerProcesses, BackendRecipe.of(plugin, checked)), LIMITS, notices
    ) as runner:
        account = runner.open("s", chunks(), sink, live=live).wait(60)
    watched.check_end()
    return sink, account, notices.notices


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("policy", [Sequential(), parallel(3)], ids=["sequential", "parallel"])
def test_each_chunk_comes_once_with_its_parts_in_order(policy: Policy, slots: int, live: bool) -> None:
    options = OPTIONS | {"slots": slots, "pieces": 2}
    sink, account, notices = speak(policy, options, live)
    assert account == Account(submitted=6, delivered=6)
    assert [outcome.job for outcome in sink.outcomes] == chunks()
    parts = [len(parts_of(job, options)) for job in chunks()]
    assert max(parts) > 3
    found_out = [count + (count > 1) for count in parts]
    assert [outcome.attempts for outcome in sink.outcomes] == found_out
    split = sorted(notice for notice in notices if "as the profile has it" not in notice)  # on a busy machine
    assert split == [
        f"chunk {index} of 's' is spoken in {count} parts: it is too long for the model"
        for index, count in enumerate(parts)
        if count > 1
    ]
    for job, audio in zip(chunks(), sink.audio, strict=False):
        assert np.concatenate(audio).tobytes() == audio_of(job, options).tobytes()


def test_a_worker_that_dies_on_a_part_costs_an_attempt_of_it(tmp_path: Path) -> None:
    faults = [{"at": 3, "kind": "die", "times": 1}, {"at": 4, "kind": "fail", "times": 1}]
    options = OPTIONS | {"faults": faults, "state_dir": str(tmp_path)}
    sink, account, _ = speak(parallel(2), options)
    assert account == Account(submitted=6, delivered=6)
    parts = [len(parts_of(job, options)) for job in chunks()]
    tried = [count + (count > 1) for count in parts]
    tried[3] += 1
    tried[4] += 1
    assert [outcome.attempts for outcome in sink.outcomes] == tried
    for job, audio in zip(chunks(), sink.audio, strict=False):
        assert np.concatenate(audio).tobytes() == audio_of(job, options).tobytes()


def test_a_part_that_fails_for_good_fails_its_chunk_alone() -> None:
    options = OPTIONS | {"faults": [{"at": 3, "kind": "refuse"}]}
    sink, account, _ = speak(parallel(3), options)
    assert account == Account(submitted=6, delivered=5, failed=1)
    count = len(parts_of(chunks()[3], options))
    assert [outcome.status for outcome in sink.outcomes] == ["ok"] * 3 + ["failed"] + ["ok"] * 2
    assert f" of {count}: sim does not speak chunk 3" in str(sink.outcomes[3].why)
    assert sink.audio[3] == []


@pytest.mark.parametrize("seed", range(3))
def test_no_promise_is_broken(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    faults = [
        {"at": rng.randrange(6), "kind": rng.choice(("fail", "die")), "times": 1, "after": rng.randint(0, 1)}
        for _ in range(4)
    ]
    options = OPTIONS | {"slots": 3, "pieces": 2, "faults": faults, "state_dir": str(tmp_path)}
    _, account, _ = speak(RandomPolicy(rng), options, live=rng.random() < 0.5)
    assert account.settled
    assert account.not_reached == 0
