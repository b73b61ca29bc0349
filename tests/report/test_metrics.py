"""The numbers of a run, each against a computation that is slow and plain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.interface.jobs import Account, ChunkJob, Outcome, Status
from ttsflow.report.metrics import Metrics, Playback

T0 = 1000.0

# Multiples of 1/64 s: sums and differences are exact, so ties are ties.
seconds = st.integers(0, 64).map(lambda ticks: ticks / 64)
deliveries = st.lists(st.tuples(seconds, seconds, seconds), min_size=1, max_size=30)  # gap, audio, pause


def timeline(steps: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """(arrival, audio, pause) of each delivery, arrivals in seconds since the run began."""
    now, found = 0.0, []
    for gap, audio_s, pause_s in steps:
        now += gap
        found.append((now, audio_s, pause_s))
    return found


def played(steps: list[tuple[float, float, float]]) -> Playback:
    playback = Playback()
    for at, audio_s, pause_s in timeline(steps):
        playback.arrived(audio_s, at)
        playback.paused(pause_s)
    return playback


def from_the_first_audio(steps: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    found = timeline(steps)
    while found and found[0][1] == 0.0:
        found.pop(0)
    return found


def stalls_of_a_player_that_starts_at(start: float, heard: list[tuple[float, float, float]]) -> list[float]:
    """Play tick by tick from `start`; each run of ticks in which the queue was empty is a stall."""
    tick, clock, stalls = 1 / 64, start, []
    for at, audio_s, pause_s in heard:
        if audio_s > 0.0:
            waited = 0.0
            while clock < at:
                clock += tick
                waited += tick
            if waited:
                stalls.append(waited)
        clock += audio_s + pause_s
    return stalls


@given(deliveries)
def test_stalls_are_those_of_a_player_that_starts_at_the_first_audio(steps) -> None:
    heard = from_the_first_audio(steps)
    playback = played(steps)
    if not heard:
        assert (playback.first_audio_s, playback.stalls, playback.stall_s) == (None, 0, 0.0)
        return
    stalls = stalls_of_a_player_that_starts_at(heard[0][0], heard)
    assert playback.first_audio_s == heard[0][0]
    assert playback.stalls == len(stalls)
    assert playback.stall_s == sum(stalls)


@given(deliveries)
def test_w_is_the_least_start_that_never_stalls(steps) -> None:
    heard = from_the_first_audio(steps)
    if not heard:
        return
    wait_s = played(steps).wait_s
    assert stalls_of_a_player_that_starts_at(wait_s, heard) == []
    if wait_s > 0.0:
        assert stalls_of_a_player_that_starts_at(wait_s - 1 / 64, heard) != []


@given(deliveries)
def test_w_is_the_greatest_lag_of_an_arrival_behind_the_audio_before_it(steps) -> None:
    heard = from_the_first_audio(steps)
    if not heard:
        return
    before = np.cumsum([0.0] + [audio_s + pause_s for _, audio_s, pause_s in heard])
    lags = [at - before[i] for i, (at, audio_s, _) in enumerate(heard) if audio_s > 0.0]
    assert played(steps).wait_s == max(lags)


def test_rounding_is_no_stall() -> None:
    playback = Playback()
    for i in range(1000):
        playback.arrived(0.1, 0.3 + 0.1 * i)
    assert playback.stalls == 0
    assert playback.stall_s < 1e-9


def ended(
    index: int, status: Status, start: float | None, work: float, audio: float, pause: float
) -> Outcome:
    job = ChunkJob("book", index, "Hello.", pause_s=pause)
    finish = None if start is None else start + work
    return Outcome(job, status, started_s=start, finished_s=finish, audio_s=audio)


chunks = st.lists(
    st.tuples(
        st.sampled_from(["ok", "flagged", "pause", "failed"]),
        st.none() | st.floats(T0, T0 + 100),
        st.floats(0, 50),
        st.floats(0.1, 20),
        st.floats(0, 1),
    ),
    max_size=30,
)


@given(chunks, st.integers(0, 5))
def test_the_summary_is_what_the_chunks_say(rows, not_reached: int) -> None:
    metrics = Metrics(T0)
    outcomes = [ended(i, *row) for i, row in enumerate(rows)]
    for outcome in outcomes:
        metrics.ended(outcome, T0 + 1.0)
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    total = len(rows) + not_reached
    summary = metrics.summary(Account(total, len(rows) - failed, failed, not_reached))

    counts = (summary.submitted, summary.delivered, summary.failed, summary.not_reached)
    assert counts == (total, len(rows) - failed, failed, not_reached)
    assert summary.flagged == sum(outcome.status == "flagged" for outcome in outcomes)
    assert summary.pauses == sum(outcome.status == "pause" for outcome in outcomes)
    spoken = [outcome for outcome in outcomes if outcome.status in ("ok", "flagged")]
    timed = [outcome for outcome in spoken if outcome.started_s is not None]
    work = [outcome.finished_s - outcome.started_s for outcome in timed]
    assert summary.audio_s == pytest.approx(sum(outcome.audio_s for outcome in spoken))
    assert summary.pause_s == pytest.approx(sum(outcome.job.pause_s for outcome in outcomes))
    if timed:
        assert summary.rtf == pytest.approx(sum(work) / sum(outcome.audio_s for outcome in timed))
    else:
        assert summary.rtf is None
    if outcomes:
        done = max(T0 + 1.0 if o.finished_s is None else o.finished_s for o in outcomes) - T0
        assert summary.makespan_s == pytest.approx(done)
    else:
        assert summary.makespan_s is None
    assert list(summary.chunk_s) == ["p5", "p50", "p95"]
    for name, value in summary.chunk_s.items():
        expected = interpolated(sorted(work), int(name[1:])) if work else None
        assert value == (None if expected is None else pytest.approx(expected))


def interpolated(ordered: list[float], percent: int) -> float:
    """The value at `percent` of the way from the least to the greatest rank."""
    rank = (len(ordered) - 1) * percent / 100
    below, above = ordered[int(rank)], ordered[min(int(rank) + 1, len(ordered) - 1)]
    return below + (above - below) * (rank - int(rank))


def test_streams_are_listened_to_apart() -> None:
    metrics = Metrics(T0)
    for stream, at in (("a", 1.0), ("b", 3.0), ("a", 2.5), ("b", 3.5)):
        metrics.delivered(stream, 1.0, T0 + at)
    summary = metrics.summary()
    assert summary.time_to_first_audio_s == 1.0
    assert (summary.wait_s, summary.stalls, summary.stall_s) == (3.0, 1, 0.5)


def test_what_was_handed_over_and_not_written_is_not_delivered() -> None:
    metrics = Metrics(T0)
    for index, status in enumerate(("ok", "failed", "ok", "ok")):
        metrics.ended(ended(index, status, T0, 1.0, 10.0, 0.0), T0 + 1.0)
    summary = metrics.summary(Account(submitted=9, delivered=1, failed=1, not_reached=7))
    counts = (summary.submitted, summary.delivered, summary.failed, summary.not_reached)
    assert counts == (9, 1, 1, 7)


def test_speed_is_audio_per_second_of_the_run() -> None:
    metrics = Metrics(T0)
    metrics.ended(ended(0, "ok", T0 + 2.0, 2.0, 10.0, 0.5), T0 + 4.0)
    metrics.ended(ended(1, "ok", T0 + 2.0, 3.0, 10.0, 0.5), T0 + 5.0)
    summary = metrics.summary()
    assert (summary.makespan_s, summary.speed, summary.rtf) == (5.0, 4.0, 0.25)
    assert (summary.submitted, summary.not_reached) == (2, None)
