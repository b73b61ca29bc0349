"""Texts played through in virtual time: solved by hand, against bounds, and on more and more devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.made import INFO, RTF, at_once, played, world
from ttsflow import ChunkJob, Device, Policy, Profile
from ttsflow.planning import World, play
from ttsflow.profiles import Costs
from ttsflow_plugins.adaptive import Adaptive
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.sequential import Sequential


def test_one_after_the_other() -> None:
    """Chunks of 2, 4 and 6 s of work: done at 2, 6 and 12 s, heard from 2 s on; the third is late by 0 s."""
    made = played(Sequential, world([1.0]), [4.0, 8.0, 12.0])
    summary = made.summary
    assert (summary.time_to_first_audio_s, summary.wait_s, summary.makespan_s) == (2.0, 2.0, 12.0)
    assert (summary.stalls, made.over_bound) == (0, 1.0)
    assert made.busy == {"cuda:0": 1.0}


def test_two_at_a_time_in_one_worker() -> None:
    """With s(2) = 1.5 the work of 2 and 4 s ends at 3 and 5.5 s; the 6 s that begin at 3 s end at 10.25 s.

    From 3 to 5.5 s the second and third share the worker: 2 s of 4 are left, which take 3 s, until 6 s. Then
    the third has 6 - 2 = 4 s left, alone: until 10 s.
    """
    summary = played(at_once(2), world([1.0, 1.5]), [4.0, 8.0, 12.0]).summary
    assert summary.time_to_first_audio_s == pytest.approx(3.0)
    assert summary.makespan_s == pytest.approx(10.0)
    assert summary.wait_s == pytest.approx(3.0)  # the third is needed 12 s of audio after the first


def test_stalls_of_a_listener() -> None:
    """1 s of audio, then 10 s that are there at 5.5 s, where they are needed at 1.5 s."""
    summary = played(Sequential, world([1.0]), [1.0, 10.0]).summary
    assert (summary.time_to_first_audio_s, summary.wait_s) == (0.5, 4.5)
    assert (summary.stalls, summary.stall_s) == (1, 4.0)


def test_loading_and_pieces() -> None:
    """After 3 s of loading a quarter of the 4 s of work gives the first piece."""
    known = Costs(load_s=3.0, first_piece=0.25)
    summary = played(Sequential, world([1.0], known=known), [8.0]).summary
    assert (summary.time_to_first_audio_s, summary.makespan_s) == (4.0, 7.0)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.66, 0.67, 0.99, 1.0])
def test_the_first_piece_comes_after_its_share_of_the_work(share: float) -> None:
    """Of 4 s of work; all is done when it was."""
    summary = played(Sequential, world([1.0], known=Costs(first_piece=share)), [8.0]).summary
    assert summary.time_to_first_audio_s == pytest.approx(4.0 * share)
    assert (summary.makespan_s, summary.audio_s) == (pytest.approx(4.0), pytest.approx(8.0))


def test_workers_of_one_device_slow_each_other() -> None:
    """Two workers on a CPU, each half as fast again beside the other: 2 s of work take 3 s."""
    profile = Profile("made", 24_000, ("cpu",), rtf=RTF, chars_per_s=10.0, workers=(1.0, 1.5))
    here = World(profile, [Device("cpu", "cpu", cores=2)], False)
    made = played(at_once(2), here, [4.0, 4.0])
    assert made.summary.makespan_s == pytest.approx(3.0)
    assert made.bound_s == pytest.approx(3.0)  # 4 s of work, a gain of 2 / 1.5
    assert made.busy == {"cpu": pytest.approx(1.0)}


@pytest.mark.parametrize(
    ("workers", "cores", "takes_s"),
    [
        ((), None, 16.0),  # a GPU is shared from the second worker on
        ((), 8, 4.0),  # four workers keep the cores busy
        ((), 3, 16.0 / 1.5),
        ((1.0, 1.5), None, 16.0 * 1.5 / 2),  # no more is gained than was measured
    ],
)
def test_workers_beyond_what_was_measured_gain_nothing(
    workers: tuple[float, ...], cores: int | None, takes_s: float
) -> None:
    """Eight chunks of 2 s of work, in eight workers of one device."""
    made = played(at_once(8), world([1.0], workers=workers, cores=cores), [4.0] * 8)
    assert made.summary.makespan_s == pytest.approx(takes_s)
    assert made.over_bound == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(
    audio_s=st.lists(st.floats(0.3, 15.0), min_size=1, max_size=25),
    slow=st.sampled_from([(1.0,), (1.0, 1.3), (1.0, 2.0), (1.0, 1.32, 1.53, 1.73)]),
    gpus=st.integers(1, 4),
    listening=st.booleans(),
    workers=st.sampled_from([(), (1.0, 1.2), (1.0, 2.0, 2.5)]),
    cores=st.sampled_from([None, 1, 2, 3, 8]),
)
def test_no_plan_is_below_the_bound_nor_above_list_scheduling(
    audio_s: list[float],
    slow: tuple[float, ...],
    gpus: int,
    listening: bool,
    workers: tuple[float, ...],
    cores: int | None,
) -> None:
    """Graham (1969): whoever leaves no device idle is done within twice the bound.

    The last two policies have more workers than were measured, where each has one slot.
    """
    here = world(slow, gpus, listening=listening, workers=workers, cores=cores)
    for policy in (Sequential, Adaptive, at_once(gpus * len(slow)), at_once(8), at_once(16)):
        made = played(policy, here, audio_s)
        assert made.over_bound is not None
        assert made.over_bound >= 1.0 - 1e-9
    if len(slow) == 1 and not (listening or workers or cores):
        assert played(Adaptive, here, audio_s).over_bound <= 2.0 + 1e-9


@pytest.mark.parametrize("policy", [Adaptive, lambda: BoundedParallel(BoundedParallel.Options())])
@pytest.mark.parametrize("slow", [(1.0,), (1.0, 1.32, 1.53, 1.73)])
def test_more_gpus_never_take_longer(policy: Callable[[], Policy], slow: Sequence[float]) -> None:
    audio_s = [1.0 + (index * 7) % 13 for index in range(120)]
    spans = [
        played(policy, world(slow, gpus, listening=False), audio_s).summary.makespan_s or 0.0
        for gpus in (1, 2, 3, 4, 6, 8, 16)
    ]
    assert spans == sorted(spans, reverse=True)


class _Broken(Policy):
    """Raises in mid-text."""

    name = "broken"

    def place(self, devices, profile):  # type: ignore[no-untyped-def]
        return Sequential().place(devices, profile)

    def dispatch(self, view):  # type: ignore[no-untyped-def]
        if any(job.index > 2 for job in view.ready):
            raise RuntimeError("my mistake")
        yield from Sequential().dispatch(view)


def test_a_policy_that_breaks_is_named() -> None:
    jobs = [ChunkJob("main", index, "x" * 50) for index in range(40)]
    made = play(_Broken, world([1.0]), jobs, INFO)
    assert "broken" in str(made.error)
    assert "my mistake" in str(made.error)
