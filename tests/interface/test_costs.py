"""Predicted costs."""

from dataclasses import replace

import pytest

from ttsflow import ChunkJob, Costs, Profile

PROFILE = Profile("p", 24_000, rtf=0.5, chars_per_s=10.0, slowdown=(1.0, 1.25))


def job(chars: int, language: str = "en") -> ChunkJob:
    return ChunkJob("s", 0, "x" * chars, language)


def test_the_profile_is_the_first_guess() -> None:
    costs = Costs(PROFILE)
    assert costs.audio(job(100)) == 10.0
    assert costs.cost(job(100)) == 5.0


def test_what_chunks_took_is_learnt_by_language() -> None:
    costs = Costs(PROFILE)
    for _ in range(100):
        costs.observe(job(100, "de"), audio_s=5.0, work_s=10.0)
    assert costs.audio(job(100, "de")) == pytest.approx(5.0)
    assert costs.cost(job(200, "de")) == pytest.approx(20.0, rel=0.01)
    assert costs.cost(job(100, "en")) == 5.0


def test_speed_shortens_the_audio_and_what_is_learnt_holds_for_every_speed() -> None:
    costs = Costs(PROFILE)
    fast, slow = (replace(job(100), speed=speed) for speed in (2.0, 0.5))
    assert (costs.audio(fast), costs.audio(slow)) == (5.0, 20.0)
    for _ in range(100):
        costs.observe(fast, audio_s=10.0, work_s=5.0)
    assert costs.audio(job(100)) == pytest.approx(20.0)
    assert costs.audio(slow) == pytest.approx(40.0)


def test_a_change_is_followed() -> None:
    costs = Costs(PROFILE)
    costs.observe(job(100), audio_s=10.0, work_s=5.0)
    for _ in range(60):
        costs.observe(job(100), audio_s=10.0, work_s=20.0)
    assert costs.cost(job(100)) == pytest.approx(20.0, rel=0.01)


def test_work_beside_others_is_counted_as_if_alone() -> None:
    costs = Costs(PROFILE)
    for _ in range(20):
        costs.observe(job(100), audio_s=10.0, work_s=12.5, k=2)
    assert costs.cost(job(100)) == pytest.approx(10.0, rel=0.01)


def taught(costs: Costs, k: int, work_s: float, times: int = 20) -> None:
    """Chunks of 10 s of audio with k at a time."""
    for _ in range(times):
        costs.observe(job(100), 10.0, work_s, k)


def test_slowdown_is_measured_against_chunks_that_ran_alone() -> None:
    costs = Costs(replace(PROFILE, slots=4, slowdown=(1.0, 1.1, 1.2, 1.3)))
    taught(costs, 4, 24.0)
    assert costs.slow(4) == 1.3  # all may be slower than the profile has it: RTF is to blame as well
    assert costs.slowdowns() == []
    taught(costs, 1, 8.0)
    assert costs.slow(4) == pytest.approx(3.0, rel=0.02)
    assert costs.cost(job(100)) == pytest.approx(8.0, rel=0.02)
    [told] = costs.slowdowns()
    assert (told.k, told.profile, told.measured, told.chunks) == (4, 1.3, costs.slow(4), 20.0)


def test_slowdown_is_interpolated_never_falls_and_goes_on_linearly() -> None:
    costs = Costs(replace(PROFILE, slots=4, slowdown=(1.0, 2.0, 3.0, 4.0)))
    taught(costs, 1, 5.0)
    taught(costs, 4, 6.0)
    curve = [costs.slow(k) for k in range(1, 9)]
    assert curve == sorted(curve)
    assert curve[0] == 1.0
    assert curve[3] == pytest.approx(1.2, rel=0.05)
    assert curve[7] == pytest.approx(2 * curve[3])
    assert costs.knee(4) == 4


def test_time_with_others_counts_by_its_share() -> None:
    costs = Costs(replace(PROFILE, slowdown=(1.0, 1.0)))
    for _ in range(60):
        costs.observe_spent(job(100), 10.0, {1: 5.0})
        costs.observe_spent(job(100), 10.0, {1: 2.5, 2: 5.0})  # half of the work at half the pace
    assert costs.slow(2) == pytest.approx(2.0, rel=0.1)
    assert costs.seen(1) == pytest.approx(80.0)
    assert costs.seen(2) == pytest.approx(40.0)


def test_what_chance_may_explain_hardly_counts() -> None:
    costs = Costs(PROFILE)
    costs.observe(job(100), 10.0, 5.0)
    costs.observe(job(100), 10.0, 1.2 * 6.25, k=2)
    assert costs.slow(2) == pytest.approx(1.25, rel=0.05)


def test_slowdown_is_the_same_in_every_language() -> None:
    costs = Costs(PROFILE)
    for _ in range(20):
        costs.observe(job(100), 10.0, 5.0)
        costs.observe(job(100, "de"), 10.0, 40.0, k=2)
    assert costs.slow(2) == 1.25, "only German was spoken by two: its work may be the other"
    assert costs.cost(job(100, "de")) == pytest.approx(32.0)


def test_slowdown_is_the_table_and_linear_beyond_it() -> None:
    slow = Costs(PROFILE).slow
    assert [slow(k) for k in (0, 1, 2, 4)] == [1.0, 1.0, 1.25, 2.5]


def test_what_is_left_of_a_job() -> None:
    costs = Costs(PROFILE)
    assert costs.remaining(job(100), started_s=100.0, now=102.0) == 3.0
    assert costs.remaining(job(100), started_s=100.0, now=102.0, k=2) == 4.25
    assert costs.remaining(job(100), started_s=100.0, now=200.0) == 0.0


def test_a_slowdown_is_believed_up_to_twice_as_long_as_one_after_the_other() -> None:
    costs = Costs(PROFILE)
    for _ in range(200):
        costs.observe(job(100), 10.0, 5.0)
        costs.observe(job(100), 10.0, 5_000.0, k=2)
    assert costs.slow(2) == 4.0
    assert costs.slow(4) == 8.0


def test_a_profile_is_believed_whatever_it_says() -> None:
    assert Costs(replace(PROFILE, slowdown=(1.0, 9.0))).slow(2) == 9.0


def test_a_job_that_was_stopped_teaches_nothing() -> None:
    costs = Costs(PROFILE)
    with pytest.warns(DeprecationWarning, match="does nothing"):
        costs.overran(job(100), work_s=1e6)
    assert costs.cost(job(100)) == 5.0


@pytest.mark.parametrize(("audio_s", "work_s"), [(0.0, 1.0), (1.0, -1.0)])
def test_nonsense_teaches_nothing(audio_s: float, work_s: float) -> None:
    costs = Costs(PROFILE)
    costs.observe(job(100), audio_s, work_s)
    costs.observe(job(0), 1.0, 1.0)
    assert costs.cost(job(100)) == 5.0
