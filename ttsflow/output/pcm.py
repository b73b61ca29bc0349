"""Samples as 16-bit PCM, which every encoder takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ttsflow.errors import SinkError
from ttsflow.interface.jobs import AudioPiece

if TYPE_CHECKING:
    from av import AudioFrame

SAMPLE_BYTES = 2
FULL_SCALE = 32768  # as soundfile reads it back: audio that began as int16 comes out unchanged


def encode(piece: AudioPiece, sample_rate: int) -> bytes:
    """Little-endian 16-bit samples of `piece`: rounded to the nearest, clipped to [-32768, 32767].

    What is not a number becomes silence. Raises SinkError for a piece that is not at `sample_rate` Hz.
    """
    import numpy as np

    check_rate(piece.sample_rate, sample_rate)
    scaled = np.clip(piece.samples, -1.0, 1.0)  # then in place: new arrays take longer than the sums
    scaled *= FULL_SCALE
    np.copyto(scaled, 0.0, where=np.isnan(scaled))
    np.rint(scaled, out=scaled)
    return np.minimum(scaled, FULL_SCALE - 1, out=scaled).astype("<i2").tobytes()


def frame(samples: bytes, sample_rate: int) -> AudioFrame:
    """The same samples as a frame of PyAV."""
    import numpy as np
    from av import AudioFrame

    made = AudioFrame.from_ndarray(np.frombuffer(samples, "<i2")[np.newaxis], "s16", "mono")
    made.sample_rate = sample_rate
    return made


def check_rate(made: int, wanted: int) -> None:
    """Raises SinkError for audio at `made` Hz in an output of `wanted` Hz."""
    if made != wanted:
        raise SinkError(
            f"the backend made audio at {made} Hz in an output of {wanted} Hz; "
            f"its profile must name the sample rate of its pieces"
        )


def silence(seconds: float, sample_rate: int) -> Iterator[bytes]:
    """16-bit silence, rounded to whole samples, in blocks of at most one second."""
    left = round(seconds * sample_rate)
    while left > 0:
        block = min(left, sample_rate)
        yield bytes(block * SAMPLE_BYTES)
        left -= block
