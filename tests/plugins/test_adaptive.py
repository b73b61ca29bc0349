"""The policy `adaptive`: no fixed policy is much better, in whatever world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

import pytest

from tests.scheduler.hand import Hand, gpus, job
from tests.scheduling import CURVES, ONE, SLICING, STRONG, TWO, WEAK, XTTS, World, compare, make
from ttsflow import ChunkJob, Device, Profile
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.simulator import CostModel, Simulator
from ttsflow.testing import check_policy
from ttsflow_plugins.adaptive import Adaptive
from ttsflow_plugins.sequential import Sequential

SEEDS = 10
FEW = 2  # of them, where all cells are in one test
RATES = (0.25, 0.6, 0.9, 1.3)
TOO_SLOW = [(WEAK, 1, 1.3)]
"""worlds that cannot keep up whatever is done: rtf > k / s(k) for every k, and still not by much"""


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("listening", [True, False])
@pytest.mark.parametrize("rtf", RATES)
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("slow", CURVES.values(), ids=CURVES.keys())
def test_no_fixed_policy_is_much_better(
    slow: tuple[float, ...], count: int, rtf: float, listening: bool
) -> None:
    cell = compare(World(slow, count, rtf), SEEDS, listening=listening)
    hopeless = listening and (slow, count, rtf) in TOO_SLOW
    assert cell.excess <= (0.15 if hopeless else 0.05), cell


@pytest.mark.usefixtures("quickly")
def test_the_median_is_no_worse_than_the_best_fixed_policy() -> None:
    cells = [
        compare(World(slow, count, rtf), FEW, listening=listening)
        for slow in CURVES.values()
        for count in (1, 4)
        for rtf in RATES
        for listening in (True, False)
    ]
    assert median(cell.excess for cell in cells) <= 0.03


@pytest.mark.parametrize("rtf", RATES)
def test_where_nothing_is_gained_a_listener_gets_one_chunk_at_a_time(rtf: float) -> None:
    world = World(SLICING, rtf=rtf)
    made, alone = (make(policy, world, listening=True) for policy in (Adaptive(), Sequential()))
    assert made.first_s == alone.first_s
    assert made.done_s == pytest.approx(alone.done_s)
    assert made.waits_s <= 1.05 * alone.waits_s, "he may wait for a trial where he waits all the time"


@pytest.mark.parametrize("slow", [XTTS, STRONG, TWO])
def test_a_listener_hears_the_first_chunk_as_soon_as_alone_and_the_rest_is_done_as_for_a_file(
    slow: tuple[float, ...],
) -> None:
    world = World(slow, rtf=0.25, chunks=400)
    made = make(Adaptive(), world, listening=True)
    assert made.first_s == make(Sequential(), world, listening=True).first_s
    assert made.waits_s == made.first_s, "nothing else to wait for"
    assert made.over <= 1.04, "3 % are for trials"


@pytest.mark.parametrize("devices", [1, 4, 8])
@pytest.mark.parametrize("slow", [XTTS, ONE])
def test_a_book_is_done_near_the_lower_bound(slow: tuple[float, ...], devices: int) -> None:
    assert make(Adaptive(), World(slow, devices, chunks=1_279), listening=False).over <= 1.02


def test_its_goal_can_be_said() -> None:
    world = World(XTTS, rtf=0.6)
    for listening, goal, like in ((True, "throughput", False), (False, "realtime", True)):
        said = make(Adaptive(Adaptive.Options(goal=goal)), world, listening=listening)
        first = make(Adaptive(), world, listening=like).first_s
        assert (said.first_s > 20.0) is (first > 20.0)


@pytest.mark.parametrize("goal", ["throughput", "realtime"])
def test_a_decision_looks_at_as_many_chunks_however_many_are_ready(
    goal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile("p", 1, ("cuda",), slots=4, slowdown=XTTS)
    looks: list[int] = []
    iterate = ReadyQueue.__iter__

    def counted(queue: ReadyQueue) -> Iterator[ChunkJob]:
        for ready in iterate(queue):
            looks[-1] += 1
            yield ready

    monkeypatch.setattr(ReadyQueue, "__iter__", counted)
    for count in (1_000, 10_000):
        looks.append(0)
        hand = Hand(Adaptive(Adaptive.Options(goal=goal)), gpus(1), profile, look_ahead=count)
        hand.load_all()
        hand.open(*map(job, range(count)))
    assert 0 < looks[0] == looks[1] < 1_000


def shares(weights: Mapping[str, float], chars: Mapping[str, int], seconds: float) -> dict[str, int]:
    """Characters of each file that were spoken in the first seconds, each file with chunks of one length."""
    profile = Profile("m", 24_000, ("cuda",), slots=4, slowdown=STRONG, rtf=0.2, chars_per_s=15.0)
    jobs = {name: [ChunkJob(name, at, "x" * length) for at in range(400)] for name, length in chars.items()}
    scheduler = Scheduler(Adaptive(), [Device("cuda:0", "cuda")], profile)
    made = Simulator(scheduler, CostModel.of(profile)).run(jobs, stored=True, weights=weights)
    assert made.error is None
    done = dict.fromkeys(jobs, 0)
    for outcome in made.outcomes:
        if outcome.finished_s is not None and outcome.finished_s <= seconds:
            done[outcome.job.stream] += len(outcome.job.text)
    return done


@pytest.mark.parametrize(("weight", "chars"), [(1.0, 120), (4.0, 120), (4.0, 60), (0.25, 240)])
def test_files_share_by_their_weight_whatever_the_length_of_their_chunks(weight: float, chars: int) -> None:
    done = shares({"long": 1.0, "other": weight}, {"long": 240, "other": chars}, 60.0)
    assert done["other"] / done["long"] == pytest.approx(weight, rel=0.35), done


@pytest.mark.usefixtures("quickly")
def test_it_keeps_the_promises() -> None:
    check_policy(Adaptive, schedules=300)
