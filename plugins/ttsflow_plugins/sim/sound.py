"""The sound of the backend `sim`, with and without a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ttsflow import AudioPiece
from ttsflow_plugins.sim.faults import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FADE_S = 0.005  # fade at both ends of a tone; without it one hears clicks


def tone(hz: float, count: int, sample_rate: int) -> NDArray[np.float32]:
    """`count` samples of a sine that fades in and out, float32, shape (count,)."""
    import numpy as np

    at_s = np.arange(count) / sample_rate
    fade = np.minimum(1.0, np.minimum(at_s, at_s[::-1]) / FADE_S)
    return (0.3 * fade * np.sin(2.0 * np.pi * hz * at_s)).astype(np.float32)


def spoilt(piece: AudioPiece, kind: Kind) -> AudioPiece:
    """The piece with a fault in its sound: nan, silent, clipped, rate or shape."""
    import numpy as np

    samples, rate = piece.samples, piece.sample_rate
    match kind:
        case "nan":
            samples = samples.copy()
            samples[samples.size // 2 :][:1] = np.nan
        case "silent":
            samples = np.zeros_like(samples)
        case "clipped":
            samples = np.where(samples < 0, np.float32(-1), np.float32(1))
        case "rate":
            rate *= 2
        case "shape":
            samples = np.stack([samples, samples])
    return AudioPiece(samples, rate)
