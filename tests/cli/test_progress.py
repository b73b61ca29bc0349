"""How far a run is, and how long it will still take: told from runs in virtual time."""

from __future__ import annotations

import random

import pytest

from tests.scheduling import ONE, XTTS
from ttsflow import ChunkJob, Device, Profile
from ttsflow.cli.progress import Amount, Progress
from ttsflow.interface.jobs import Outcome, Status
from ttsflow.report import Attempt, Unobserved
from ttsflow.report.attempts import AttemptWatch
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator
from ttsflow_plugins.adaptive import Adaptive

Told = Outcome | tuple[int, Attempt]


class Teller(Unobserved):
    """Takes down what happens in a run."""

    def __init__(self) -> None:
        self.told: list[tuple[float, Told]] = []

    def attempt(self, token: int, attempt: Attempt) -> None:
        self.told.append(
            (attempt.started_s if attempt.ended_s is None else attempt.ended_s, (token, attempt))
        )


def spoken(slow: tuple[float, ...], gpus: int, seed: int) -> list[tuple[float, Told]]:
    """What happens, and when, as a file of 400 chunks is spoken by `adaptive`, long ones first."""
    rng = random.Random(seed)
    jobs = [ChunkJob("s", index, "x" * rng.choice((20, 60, 240))) for index in range(400)]
    profile = Profile("made", 24_000, ("cuda",), slots=len(slow), slowdown=slow, rtf=0.2, chars_per_s=15.0)
    costs = CostModel(
        cost=lambda job: len(job.text) * random.Random(job.index).uniform(0.01, 0.02),
        audio=lambda job: len(job.text) / 15.0,
        slow=lambda k: slow[k - 1],
    )
    devices = [Device(f"cuda:{number}", "cuda") for number in range(gpus)]
    teller = Teller()
    scheduler = AttemptWatch(Scheduler(Adaptive(), devices, profile), teller)
    result = Simulator(scheduler, costs).run({"s": jobs}, stored=True)
    made = [(outcome.finished_s or 0.0, outcome) for outcome in result.outcomes]
    return sorted(teller.told + made, key=lambda told: told[0])


@pytest.mark.parametrize("slow", [ONE, XTTS])
@pytest.mark.parametrize("gpus", [1, 4])
def test_the_time_that_is_left_proves_right_after_the_first_tenth(slow: tuple[float, ...], gpus: int) -> None:
    for seed in range(3):
        course = spoken(slow, gpus, seed)
        outcomes = [told for _, told in course if isinstance(told, Outcome)]
        progress = Progress(Amount(sum(len(outcome.job.text) for outcome in outcomes), len(outcomes)))
        progress.ready(0.0)
        end_s = course[-1][0]
        shares = []
        for now, told in course:
            if not isinstance(told, Outcome):
                progress.attempt(*told)
                continue
            progress.made(told)
            shares.append(progress.share or 0.0)
            if 0.1 <= shares[-1] <= 0.9:
                exactly = pytest.approx(end_s - now, rel=0.2, abs=0.05 * end_s)  # the last are few at a time
                assert progress.left_s(now) == exactly, (seed, shares[-1])
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


def outcome(text: str, status: Status = "ok") -> Outcome:
    job = ChunkJob("s", 0, text, speakable=status != "pause")
    return Outcome(job, status, audio_s=2.0)


def test_what_was_kept_counts_for_the_share_but_not_for_the_speed() -> None:
    progress = Progress(Amount(60, 6), Amount(40, 4))
    progress.ready(10.0)
    assert (progress.share, progress.counted, progress.speed(20.0)) == (0.4, (4, 10), None)
    progress.made(outcome("x" * 20))
    assert (progress.share, progress.counted, progress.speed(20.0)) == (0.6, (5, 10), 0.2)
    assert progress.left_s(20.0) == 20.0


def test_a_chunk_of_a_file_counts_when_it_is_made_and_not_again_in_its_turn() -> None:
    progress = Progress(Amount(12, 3))
    progress.made(outcome("four"))
    progress.ended(outcome("four"))
    progress.ended(outcome("***", "pause"))
    assert progress.counted == (1, 3)
    progress.ended(outcome("four", "failed"))
    assert progress.counted == (2, 3)


def test_a_text_that_still_comes_has_no_end() -> None:
    progress = Progress()
    progress.ready(0.0)
    progress.ended(outcome("Hello."))
    assert (progress.share, progress.counted, progress.left_s(1.0)) == (None, None, None)
    assert progress.speed(1.0) == 2.0
