"""What a worker checks before anything leaves it: the pieces, the whole audio of a chunk, a split."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from ttsflow.interface.jobs import AudioPiece, Doubt

NO_AUDIO = "the backend made no audio"

SILENT_BELOW = 0.001
"""amplitude, of 1.0 (-60 dBFS): at most 33 steps of a 16-bit file. Speech peaks 30 dB above it even
where it was recorded far too low, and the noise of a quiet room stays below."""

CLIPPED_FROM = 0.999
"""amplitude, of 1.0: full scale, less what scaling from and to 16 bits may take away"""

CLIPPED_SHARE = 0.5
"""of the samples that are not silent. Half of the samples of speech are smaller than half its RMS, so
full scale lies 6 dB below the RMS here; the loudest limiter leaves it several dB above. What is left
of such a waveform is little more than its sign."""


class AudioCheck:
    """Listens to the audio of one chunk, piece by piece, and says what is doubtful about the whole.

    It keeps three numbers, however long the chunk is.
    """

    def __init__(self) -> None:
        self.samples = 0
        """that have been taken in"""
        self._loud = 0
        self._clipped = 0

    def take(self, samples: NDArray[np.float32]) -> None:
        """Take in the next samples, float32 of shape (n,), without NaN."""
        loudness = np.abs(samples)
        self.samples += samples.size
        self._loud += int(np.count_nonzero(loudness >= SILENT_BELOW))
        self._clipped += int(np.count_nonzero(loudness >= CLIPPED_FROM))

    def doubt(self) -> Doubt | None:
        """What is doubtful about the audio so far; None where nothing is, or there is none."""
        if self.samples and not self._loud:
            return Doubt("silent", "silent throughout (below -60 dBFS)")
        if self._clipped > CLIPPED_SHARE * self._loud:
            return Doubt(
                "clipped", f"clipped throughout ({self._clipped / self._loud:.0%} of it at full scale)"
            )
        return None


def fault_in(piece: AudioPiece, sample_rate: int) -> str | None:
    """What is wrong with a piece; None where it is float32, shape (n,), finite, at `sample_rate` Hz."""
    if not isinstance(piece, AudioPiece):
        return f"the backend gave {type(piece).__name__}, not an AudioPiece"
    samples = piece.samples
    if not isinstance(samples, np.ndarray):
        return f"the backend gave {type(samples).__name__} as samples, not a numpy array"
    if samples.ndim != 1 or samples.dtype != np.float32:
        return f"the backend gave {samples.dtype} samples of shape {samples.shape}, not float32 of shape (n,)"
    rate: object = piece.sample_rate  # foreign code has set it
    if type(rate) is not int and not isinstance(rate, Real):
        kind = type(rate).__name__
        return f"the backend gave the sample rate {reprlib.repr(rate)}, of type {kind}, not a whole number"
    if rate != sample_rate:
        return f"the backend gave audio at {piece.sample_rate} Hz, and its profile says {sample_rate} Hz"
    if not np.isfinite(samples).all():
        return "the backend gave audio that is not finite (NaN or infinity)"
    return None


def fault_in_parts(texts: Sequence[str]) -> str | None:
    """What is wrong with the texts of a split; None where they are two or more, each with something in it."""
    found = "the backend found the text too long"
    if not isinstance(texts, (tuple, list)):
        return f"{found} and gave {type(texts).__name__} for its parts, not a tuple of texts"
    if strange := [text for text in texts if not isinstance(text, str)]:
        return f"{found} and gave {type(strange[0]).__name__} for a part of it, not a text"
    if len(texts) < 2:
        return f"{found} and gave {len(texts) or 'no'} text for its parts; two are the least"
    if not all(text.strip() for text in texts):
        return f"{found} and gave an empty text for a part of it"
    return None
