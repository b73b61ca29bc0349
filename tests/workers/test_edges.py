"""The edges of a chunk's audio, in whatever pieces it comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.workers.edges import FADE_S, LEAD_S, LOUD_FROM, TAIL_S, Edges, Samples

RATE = 8000
LEAD, TAIL, FADE = round(LEAD_S * RATE), round(TAIL_S * RATE), round(FADE_S * RATE)


def tone(samples: int) -> Samples:
    return np.full(samples, 0.5, np.float32)


def quiet(samples: int) -> Samples:
    """The noise of an engine."""
    return np.full(samples, LOUD_FROM / 10, np.float32)


def seen_to(*pieces: Samples) -> Samples:
    edges = Edges(RATE)
    return np.concatenate([*map(edges.take, pieces), edges.end()])


def test_silence_is_shortened_at_both_edges_and_kept_in_between() -> None:
    made = seen_to(np.concatenate([quiet(4000), tone(100), quiet(3000), tone(200), quiet(5000)]))
    assert len(made) == LEAD + 100 + 3000 + 200 + TAIL
    assert np.array_equal(made[LEAD : LEAD + 100], tone(100))


def test_what_is_short_already_stays() -> None:
    audio = np.concatenate([quiet(LEAD // 2), tone(500), quiet(TAIL // 2)])
    assert np.array_equal(seen_to(audio), audio)


def test_what_is_cut_off_is_faded() -> None:
    """As where a model has reached its cap."""
    made = seen_to(tone(1000))
    assert len(made) == 1000
    assert made[0] == made[-1] == 0.0
    assert np.abs(np.diff(made)).max() < 0.5 / FADE * 1.01
    assert np.array_equal(made[FADE:-FADE], tone(1000 - 2 * FADE))


def test_silence_throughout_is_left_for_others_to_doubt() -> None:
    assert np.array_equal(seen_to(quiet(3000), quiet(200)), quiet(3200))
    assert not seen_to().size


def test_speech_goes_on_at_once() -> None:
    edges = Edges(RATE)
    assert edges.take(np.concatenate([quiet(4000), tone(1000)])).size == LEAD + 1000 - FADE


@given(st.lists(st.integers(0, 1500), max_size=12), st.integers(0, 3000), st.integers(0, 3000))
def test_pieces_do_not_matter(cuts: list[int], before: int, after: int) -> None:
    audio = np.concatenate([quiet(before), tone(FADE * 4), quiet(300), tone(900), quiet(after)])
    pieces = np.split(audio, np.minimum(np.cumsum(cuts, dtype=int), len(audio)))
    whole = seen_to(audio)
    made = seen_to(*pieces)
    assert len(made) == len(whole)
    assert made == pytest.approx(whole)
