"""The edges of a chunk's audio: silence there is shortened, and what begins or ends off zero is faded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

LOUD_FROM = 0.00316
"""amplitude, of 1.0 (-50 dBFS): the softest sounds of speech are above it, the noise of engines below"""

LEAD_S, TAIL_S = 0.03, 0.06
"""seconds of silence that are left before and after: consonants begin softly, and rooms ring on"""

FADE_S = 0.005
"""seconds of a fade: too short to be heard as one, long enough that there is no click"""

_OFF_ZERO = 0.0005


class Edges:
    """Passes on the audio of one chunk, piece by piece, with its edges seen to.

    Silence is held back until it is known whether something follows it. Audio that is silent throughout is
    passed on as it is, at its end.
    """

    def __init__(self, sample_rate: int) -> None:
        self._lead, self._tail, self._fade = (round(each * sample_rate) for each in (LEAD_S, TAIL_S, FADE_S))
        self._begun = False
        self._held: Samples = np.empty(0, np.float32)

    def take(self, samples: Samples) -> Samples:
        """What may go on, now that there are more samples."""
        held = np.concatenate((self._held, samples))
        begins, ends = _sound(held)
        if not ends:
            self._held = held
            return held[:0]
        if not self._begun:
            first = max(0, begins - self._lead)
            if held.size - first < self._fade:  # a fade needs all of it
                self._held = held
                return held[:0]
            self._begun = True
            held, ends = self._faded_in(held[first:]), ends - first
        sure = max(0, ends - self._fade)  # what comes before a fade, if this is the end
        self._held = held[sure:]
        return held[:sure]

    def end(self) -> Samples:
        """What is left, now that there are no more samples."""
        held, self._held = self._held, self._held[:0]
        begins, ends = _sound(held)
        if not self._begun:
            if not ends:
                return held
            first = max(0, begins - self._lead)
            held, ends = self._faded_in(held[first:]), ends - first
        return self._faded_in(held[: ends + self._tail][::-1])[::-1]

    def _faded_in(self, samples: Samples) -> Samples:
        if not samples.size or abs(samples[0]) < _OFF_ZERO:
            return samples
        faded, long = samples.copy(), min(self._fade, samples.size)
        faded[:long] *= np.linspace(0.0, 1.0, long, endpoint=False, dtype=np.float32)
        return faded


def _sound(samples: Samples) -> tuple[int, int]:
    """The first sample that is loud, and the one after the last that is; (0, 0) where all are soft."""
    loud = np.abs(samples) >= LOUD_FROM
    if not loud.any():
        return 0, 0
    return int(loud.argmax()), len(loud) - int(loud[::-1].argmax())
