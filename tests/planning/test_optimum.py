"""Small texts against the best schedule there is, found by trying all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, product

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.made import RTF, at_once, played, world
from ttsflow_plugins.adaptive import Adaptive
from ttsflow_plugins.sequential import Sequential

audio = st.lists(st.integers(1, 150).map(lambda tenths: tenths / 10.0), min_size=1, max_size=7)


def _ends(works_s: Sequence[float], where: Sequence[int], devices: int) -> list[float]:
    """When each chunk is done if each device speaks its own in text order."""
    busy = [0.0] * devices
    ends = []
    for work_s, device in zip(works_s, where, strict=True):
        busy[device] += work_s
        ends.append(busy[device])
    return ends


def _waits_s(audio_s: Sequence[float], ends: Sequence[float]) -> float:
    """W: the greatest (end of a chunk) - (audio before it)."""
    before = [0.0, *accumulate(audio_s)]
    return max(end - heard for end, heard in zip(ends, before, strict=False))


def _best(audio_s: Sequence[float], devices: int) -> tuple[float, float]:
    """The least W, and the least makespan. On one device text order is best for W (Jackson 1955)."""
    works_s = [RTF * length for length in audio_s]
    every = [_ends(works_s, where, devices) for where in product(range(devices), repeat=len(audio_s))]
    return min(_waits_s(audio_s, ends) for ends in every), min(max(ends) for ends in every)


@settings(max_examples=60, deadline=None)
@given(audio_s=audio, devices=st.integers(1, 3))
def test_a_file_is_done_soon(audio_s: list[float], devices: int) -> None:
    """Longest first is within 4/3 - 1/(3m) of the best makespan (Graham 1969)."""
    _, best_s = _best(audio_s, devices)
    made = played(Adaptive, world([1.0], devices, listening=False), audio_s).summary
    assert made.makespan_s is not None
    assert best_s - 1e-6 <= made.makespan_s <= best_s * (4 / 3 - 1 / (3 * devices)) + 1e-6


@settings(max_examples=60, deadline=None)
@given(audio_s=audio, devices=st.integers(1, 3))
def test_a_listener_waits_little(audio_s: list[float], devices: int) -> None:
    """In text order W is within (1 - 1/m) times the longest chunk's work of the best."""
    best_s, _ = _best(audio_s, devices)
    longest_s = RTF * max(audio_s)
    for policy in (Adaptive, at_once(devices)):
        made = played(policy, world([1.0], devices), audio_s).summary
        assert made.wait_s is not None
        assert best_s - 1e-6 <= made.wait_s <= best_s + (1 - 1 / devices) * longest_s + 1e-6


@settings(max_examples=30, deadline=None)
@given(audio_s=audio)
def test_one_after_the_other_is_the_best_on_one_device_without_slots(audio_s: list[float]) -> None:
    best_s, done_s = _best(audio_s, 1)
    made = played(Sequential, world([1.0]), audio_s).summary
    assert made.wait_s is not None
    assert made.makespan_s is not None
    assert abs(made.wait_s - best_s) < 1e-6
    assert abs(made.makespan_s - done_s) < 1e-6
