"""Reads the recordings that a voice is taken from. It needs no torch, so the main process can use it too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ttsflow import JobRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHORTEST_S = 0.5  # upstream ignores pieces shorter than 0.33 s; they are too short for a voice
_SILENCE = 1e-4  # a lower peak amplitude is silence (-80 dBFS; full scale is 1.0)


class Recording(NamedTuple):
    """The start of a recording: mono samples (n,), float32, at `rate` Hz."""

    samples: NDArray[np.float32]
    rate: int


def read_recording(path: Path, longest_s: int) -> Recording:
    """The first `longest_s` seconds of a recording, and a little more; raises JobRefused."""
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            # one second more than is used, so that the end of the used part is resampled like the rest
            samples = file.read((longest_s + 1) * rate, dtype="float32", always_2d=True)
    except (OSError, RuntimeError, TypeError) as error:  # TypeError: a headerless .raw file
        raise unreadable(path, error) from error
    mono: NDArray[np.float32] = samples.mean(axis=1, dtype=np.float32)
    if len(mono) < _SHORTEST_S * rate:
        raise JobRefused(
            f"the reference audio {path} is too short: {len(mono) / rate:.2f} s; "
            f"{_SHORTEST_S} s is the least, 6 s or more is better"
        )
    if not np.isfinite(mono).all():
        raise JobRefused(f"the reference audio {path} is not audio: it holds NaN or infinity; save it again")
    if np.abs(mono[: longest_s * rate]).max() < _SILENCE:
        raise JobRefused(
            f"the reference audio {path} is silent in the {longest_s} s that are used; "
            "record the voice again, or cut the silence off"
        )
    return Recording(mono, rate)


def unreadable(path: str | Path, error: Exception) -> JobRefused:
    """The error for a recording that cannot be read: why, and what to do."""
    why = str(error).rstrip(".")
    return JobRefused(f"cannot read the reference audio {path}: {why}; give a WAV, FLAC, OGG or MP3 file")
