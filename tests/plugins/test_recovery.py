"""`adaptive` where the profile's s(k) is wrong: it finds out, and the rest of a book is as if it knew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.planning.made import INFO
from tests.scheduling import (
    SLICING,
    STRONG,
    WEAK,
    XTTS,
    Made,
    World,
    make,
    stalls_after,
    time_after,
)
from ttsflow import ChunkJob, Device, Profile
from ttsflow.report import RunReport
from ttsflow.report.attempts import AttemptWatch
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator
from ttsflow_plugins.adaptive import Adaptive

pytestmark = pytest.mark.usefixtures("quickly")

THRASHING = (1.0, 2.4, 3.9, 5.6)
"""worse than one after the other: k at a time get in each other's way"""

CHUNKS = 300
REST = 1 / 3
"""of the chunks, after which the run has found out"""


def both(world: World, *, listening: bool) -> tuple[Made, Made]:
    """With the profile as it is, and with one that is right."""
    wrong = make(Adaptive(), world, listening=listening)
    return wrong, make(Adaptive(), replace(world, believed=None), listening=listening)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("gpus", [1, 4])
@pytest.mark.parametrize(
    ("really", "believed"),
    [
        (THRASHING, STRONG),
        (THRASHING, XTTS),
        (SLICING, STRONG),
        (STRONG, SLICING),
        (XTTS, SLICING),
        (STRONG, WEAK),
    ],
)
def test_a_file(really: Sequence[float], believed: Sequence[float], gpus: int, seed: int) -> None:
    """The rest within 10 %; the whole within 25 %, since the beginning is lost."""
    wrong, right = both(World(really, gpus, 0.6, CHUNKS, seed, believed), listening=False)
    assert time_after(wrong, REST) <= 1.1 * time_after(right, REST)
    assert wrong.done_s <= 1.25 * right.done_s


@pytest.mark.parametrize("rtf", [0.25, 0.6, 0.9])
@pytest.mark.parametrize("gpus", [1, 4])
@pytest.mark.parametrize(
    ("really", "believed"), [(THRASHING, STRONG), (SLICING, XTTS), (STRONG, SLICING), (XTTS, SLICING)]
)
def test_a_listener(really: Sequence[float], believed: Sequence[float], gpus: int, rtf: float) -> None:
    """No stalls in the rest of the book; with the right profile there are none either."""
    wrong, right = both(World(really, gpus, rtf, CHUNKS, 0, believed), listening=True)
    assert stalls_after(right, REST) == 0.0
    assert stalls_after(wrong, REST) == 0.0


def test_a_listener_for_whom_one_at_a_time_is_too_slow() -> None:
    """The profile says that slots gain nothing, so he would wait more and more."""
    wrong, right = both(World(STRONG, 1, 1.3, CHUNKS, 0, SLICING), listening=True)
    assert right.waits_s < wrong.waits_s < 5.0 * right.waits_s
    assert stalls_after(wrong, REST) == 0.0
    hopeless = make(Adaptive(), World(SLICING, 1, 1.3, CHUNKS), listening=True)
    assert wrong.waits_s < 0.1 * hopeless.waits_s


def crowd(listeners: int, gpus: int, believed: Sequence[float], rtf: float, chunks: int) -> float:
    """Seconds of stalls of all of so many listeners in the last half of their texts; s(4) is 1.15 really."""
    profile, really = (
        Profile("made", 24_000, ("cuda",), slots=4, slowdown=slow, rtf=rtf, chars_per_s=15.0)
        for slow in (tuple(believed), STRONG)
    )
    texts = {
        f"{n:02}": [ChunkJob(f"{n:02}", at, "x" * (90 + (at * 37 + n * 11) % 60)) for at in range(chunks)]
        for n in range(listeners)
    }
    scheduler = Scheduler(Adaptive(), [Device(f"cuda:{n}", "cuda") for n in range(gpus)], profile)
    made = Simulator(scheduler, CostModel.of(really)).run(texts, live=True)
    assert made.error is None
    heard: dict[str, float] = {}  # until when, by listener
    stalled = 0.0
    for stream, index, at, audio_s in made.arrivals:
        if index >= chunks // 2:
            stalled += max(0.0, at - heard[stream])
        heard[stream] = max(heard.get(stream, at), at) + audio_s
    return stalled


@pytest.mark.parametrize(
    ("listeners", "gpus", "rtf", "chunks"),
    [(20, 1, 0.15, 80), (16, 1, 0.15, 80), (12, 8, 1.0, 150), (4, 2, 1.0, 150)],
)
def test_several_listeners_who_wait_by_a_wrong_profile(
    listeners: int, gpus: int, rtf: float, chunks: int
) -> None:
    assert crowd(listeners, gpus, STRONG, rtf, chunks) == 0.0
    assert crowd(listeners, gpus, SLICING, rtf, chunks) == 0.0


def test_a_profile_that_is_right_is_kept_to() -> None:
    """Trials cost at most 3 % of what was done."""
    for really in (XTTS, STRONG, WEAK, SLICING):
        for gpus in (1, 4):
            assert make(Adaptive(), World(really, gpus, 0.6, 1_000), listening=False).over <= 1.03


def told(really: Sequence[float], believed: Sequence[float]) -> tuple[RunReport, Sequence[str]]:
    """The report of a book, and its notices."""
    profile = Profile("made", 24_000, ("cuda",), slots=4, slowdown=tuple(believed), rtf=0.5, chars_per_s=10.0)
    jobs = [ChunkJob("s", index, "x" * (50 + 37 * index % 100)) for index in range(CHUNKS)]
    costs = CostModel(lambda job: len(job.text) / 20, lambda job: len(job.text) / 10, lambda k: really[k - 1])
    report = RunReport(INFO, 0.0)
    report.open()
    scheduler = Scheduler(Adaptive(), [Device("cuda:0", "cuda")], profile)
    result = Simulator(AttemptWatch(scheduler, report), costs).run({"s": jobs}, stored=True)
    assert result.error is None
    return report, result.notices


def test_the_report_shows_what_the_profile_has_beside_what_was_measured() -> None:
    report, notices = told(STRONG, SLICING)
    [line] = [line for line in report.summary_text().splitlines() if line.startswith("at a time")]
    shown = re.findall(r"(\d) take ([\d.]+) times as long each \(profile: ([\d.]+)\)", line)
    assert [(int(k), float(profile)) for k, _, profile in shown] == [(2, 2.0), (3, 3.0), (4, 4.0)]
    measured = {int(k): float(measured) for k, measured, _ in shown}
    assert measured[2] == pytest.approx(1.05, rel=0.1)
    assert measured[4] == pytest.approx(1.15, rel=0.1)
    [notice] = notices
    assert "as the profile has it" in notice
    assert "ttsflow bench" in notice


def test_nothing_is_noticed_where_the_profile_is_right() -> None:
    assert told(XTTS, XTTS)[1] == []
