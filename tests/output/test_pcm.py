"""The encoding that all sinks share: float32 samples to 16 bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ttsflow.errors import SinkError
from ttsflow.interface.jobs import AudioPiece
from ttsflow.output.pcm import encode, silence

ANY_FLOAT32 = hnp.arrays(np.float32, st.integers(0, 50), elements=st.floats(width=32))


def decoded(samples: np.ndarray) -> list[int]:
    return np.frombuffer(encode(AudioPiece(samples, 8000), 8000), "<i2").tolist()


@given(ANY_FLOAT32)
def test_every_sample_is_rounded_and_clipped(samples: np.ndarray) -> None:
    def expected(sample: float) -> int:
        if np.isnan(sample):
            return 0
        return round(min(max(float(sample) * 32768, -32768), 32767))

    assert decoded(samples) == [expected(sample) for sample in samples]


@given(hnp.arrays(np.int16, st.integers(0, 50)))
def test_audio_that_began_as_int16_comes_out_unchanged(original: np.ndarray) -> None:
    assert decoded(original.astype(np.float32) / 32768) == original.tolist()


def test_the_callers_samples_are_left_alone() -> None:
    samples = np.array([2.0, np.nan], np.float32)
    decoded(samples)
    assert samples[0] == 2.0
    assert np.isnan(samples[1])


def test_a_piece_at_another_rate_is_refused_with_both_rates() -> None:
    with pytest.raises(SinkError, match=r"22050 Hz .* 24000 Hz"):
        encode(AudioPiece(np.zeros(1, np.float32), 22050), 24000)


@pytest.mark.parametrize(("seconds", "frames"), [(0.0, 0), (0.25, 250), (1.0004, 1000), (3.0006, 3001)])
def test_silence_is_rounded_to_samples_and_comes_in_small_blocks(seconds: float, frames: int) -> None:
    blocks = list(silence(seconds, 1000))
    assert b"".join(blocks) == bytes(2 * frames)
    assert all(0 < len(block) <= 2000 for block in blocks)
