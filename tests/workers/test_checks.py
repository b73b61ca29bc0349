"""What is wrong with audio, and what is doubtful about it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ttsflow.interface.jobs import AudioPiece, Doubt
from ttsflow.workers.checks import CLIPPED_FROM, SILENT_BELOW, AudioCheck, fault_in

RATE = 24_000
SILENT = Doubt("silent", "silent throughout (below -60 dBFS)")
Sound = NDArray[np.float32]


def sine(amplitude: float, count: int = RATE) -> Sound:
    return (amplitude * np.sin(2 * np.pi * 200 * np.arange(count) / RATE)).astype(np.float32)


def like_speech(rms: float, seed: int = 0) -> Sound:
    """Samples spread as those of speech are (Laplacian): most are small, a few are large."""
    rng = np.random.default_rng(seed)
    return rng.laplace(0.0, rms / np.sqrt(2), RATE).clip(-1, 1).astype(np.float32)


def silence(count: int = RATE) -> Sound:
    return np.zeros(count, np.float32)


def doubt(*pieces: Sound) -> Doubt | None:
    check = AudioCheck()
    for piece in pieces:
        check.take(piece)
    assert check.samples == sum(piece.size for piece in pieces)
    return check.doubt()


@pytest.mark.parametrize(
    "pieces",
    [
        (silence(),),
        (silence(), sine(0.0009)),
        (np.full(100, 0.9 * SILENT_BELOW, np.float32), -np.full(100, 0.9 * SILENT_BELOW, np.float32)),
        (silence(0), silence(1)),
    ],
)
def test_silence_is_doubtful_in_whatever_pieces_it_comes(pieces: tuple[Sound, ...]) -> None:
    assert doubt(*pieces) == SILENT


@pytest.mark.parametrize(
    "pieces",
    [
        (sine(0.002),),
        (silence(), silence(), np.array([0.01], np.float32)),
        (silence(10 * RATE), like_speech(0.01)),
        (like_speech(0.1),),
        (like_speech(0.35),),  # as loud as a master for the radio: RMS at -9 dBFS
        (sine(1.0),),
        ((3.0 * like_speech(0.1)).clip(-1, 1),),
        (sine(0.5), sine(20.0, RATE // 4).clip(-1, 1)),
    ],
)
def test_quiet_speech_and_loud_speech_are_not_doubtful(pieces: tuple[Sound, ...]) -> None:
    assert doubt(*pieces) is None


@pytest.mark.parametrize(
    "pieces",
    [
        (sine(20.0).clip(-1, 1),),
        (np.sign(sine(1.0)),),
        (like_speech(0.1) * np.float32(40.0),),  # far beyond full scale, clipped when it is written
        (silence(10 * RATE), np.sign(sine(1.0))),  # pauses do not count
        (np.full(100, CLIPPED_FROM, np.float32),),
    ],
)
def test_audio_that_is_mostly_at_full_scale_is_doubtful(pieces: tuple[Sound, ...]) -> None:
    found = doubt(*pieces)
    assert found is not None
    assert found.kind == "clipped"
    assert found.text.startswith("clipped throughout (")


def test_the_share_at_full_scale_is_told() -> None:
    assert doubt(np.array([1, -1, 1, 0.5, 0], np.float32)) == Doubt(
        "clipped", "clipped throughout (75% of it at full scale)"
    )
    assert doubt(np.array([1, 0.5], np.float32)) is None, "half of it is not more than half"


def test_nothing_is_no_doubt_but_no_samples() -> None:
    assert doubt() is None
    assert doubt(silence(0)) is None


@given(
    st.lists(st.sampled_from([0.0, 0.0005, 0.1, -0.7, 0.9995, -1.0, 1.5]), max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_a_doubt_does_not_depend_on_the_pieces(values: list[float], cuts: list[int]) -> None:
    samples = np.array(values, np.float32)
    assert doubt(*np.split(samples, sorted(cuts))) == doubt(samples)


def test_a_long_chunk_takes_no_memory() -> None:
    check, piece = AudioCheck(), like_speech(0.1)
    check.take(piece)
    tracemalloc.start()
    try:
        for _ in range(200):
            check.take(piece)
        assert tracemalloc.get_traced_memory()[0] < 1000
    finally:
        tracemalloc.stop()
    assert check.samples == 201 * RATE


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda: AudioPiece(np.array([0, np.nan], np.float32), RATE), "not finite"),
        (lambda: AudioPiece(np.array([0, -np.inf], np.float32), RATE), "not finite"),
        (lambda: AudioPiece(np.zeros((1, 5), np.float32), RATE), "float32 samples of shape (1, 5)"),
        (lambda: AudioPiece(np.zeros((), np.float32), RATE), "float32 samples of shape ()"),
        (lambda: AudioPiece(np.zeros(5, np.int16), RATE), "int16 samples of shape (5,)"),  # type: ignore[arg-type]  # a mistake on purpose
        (lambda: AudioPiece(np.zeros(5, np.float32), 2 * RATE), "48000 Hz, and its profile says 24000 Hz"),
        (lambda: AudioPiece(np.zeros(5, np.float32), str(RATE)), "rate '24000', of type str, not a whole"),  # type: ignore[arg-type]  # the same
        (lambda: np.zeros(5, np.float32), "gave ndarray, not an AudioPiece"),
        (lambda: AudioPiece(b"\0" * 8, RATE), "gave bytes as samples"),  # type: ignore[arg-type]  # the same
    ],
)
def test_a_piece_that_is_not_audio_is_named(spoil: Callable[[], AudioPiece], why: str) -> None:
    assert why in str(fault_in(spoil(), RATE))
    assert fault_in(AudioPiece(sine(1.5), RATE), RATE) is None, "beyond full scale is clipped, not refused"


@pytest.mark.parametrize("rate", [float(RATE), np.int64(RATE), np.float32(RATE)])
def test_a_rate_is_a_number_of_whatever_type(rate: int) -> None:
    assert fault_in(AudioPiece(sine(1.5), rate), RATE) is None
