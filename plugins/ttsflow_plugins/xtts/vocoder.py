"""Turns latents into audio, in pieces, at linear cost. The joined pieces equal what upstream makes at once.

Upstream stretches the latents of a whole chunk to 93.75 frames a second, by linear interpolation. A
HiFi-GAN turns each frame into 256 samples. Both have a limited context, so both can work on a stream.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from ttsflow_plugins.xtts.convolution import fast_format
from ttsflow_plugins.xtts.hifigan import HifiGan

FIRST_FRAMES = 33
"""frames of the first piece (0.35 s): with those that the HiFi-GAN lags they are there after 12 codes"""
LAG = 14
"""frames after a sample on which it depends, rounded up: half of the receptive field of the HiFi-GAN"""
GROWTH = 2.0
"""each piece is this many times as long as the last; playback does not stall if RTF is below 1 / GROWTH"""
MOST_FRAMES = 280
"""most frames of a piece (3 s); longer pieces would only delay the other chunks of the worker"""


class Vocoder:
    """The HiFi-GAN decoder of upstream's `Xtts`. After that it cannot be used elsewhere.

    It computes in the number format `dtype` if that is faster here than float32, else in float32.
    """

    def __init__(self, decoder: Any, dtype: torch.dtype = torch.float32) -> None:
        for module in list(decoder.waveform_decoder.modules()):
            if parametrize.is_parametrized(module):
                parametrize.remove_parametrizations(module, "weight")
        self.device = next(decoder.parameters()).device
        self.generator = HifiGan(decoder.waveform_decoder, fast_format(dtype, self.device))
        del decoder.waveform_decoder  # its weights have been copied
        self.sample_rate: int = decoder.output_sample_rate
        self.scales = (
            decoder.ar_mel_length_compression / decoder.output_hop_length,
            decoder.output_sample_rate / decoder.input_sample_rate,
        )

    def utterance(self, speaker: Tensor, speed: float = 1.0) -> Utterance:
        """Begin to speak a chunk with a speaker embedding (1, n, 1), `speed` times as fast as normal."""
        scales = self.scales if speed == 1.0 else (1.0 / max(speed, 0.05), *self.scales)
        stretches = [Interpolation(scale) for scale in scales if scale != 1.0]
        return Utterance(self.generator, speaker, stretches)


class Utterance:
    """Turns the latents of one chunk into samples."""

    def __init__(self, generator: HifiGan, speaker: Tensor, stretches: list[Interpolation]) -> None:
        self._generator, self._stream = generator, generator.stream(speaker)
        self._stretches = stretches
        self._waiting: list[Tensor] = []  # frames for the next piece
        self._size, self._lag = FIRST_FRAMES, LAG

    def push(self, latents: Tensor, last: bool = False) -> Tensor | None:
        """Take the next latents (n, channels); return the samples (m,) of a piece, None if there are too few.

        With `last`, everything that is left is spoken, and no latents may follow.
        """
        for stretch in self._stretches:
            latents = stretch.push(latents, last)
        self._waiting.append(latents)
        if not last and sum(map(len, self._waiting)) < self._size + self._lag:
            return None
        frames, self._waiting = torch.cat(self._waiting), []
        self._size, self._lag = min(int(self._size * GROWTH), MOST_FRAMES), 0
        return self._generator.push(self._stream, frames, last)


class Interpolation:
    """`F.interpolate(mode="linear", scale_factor=scale)` of frames (n, channels), a few at a time."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._kept: Tensor | None = None
        self._first = 0  # index of the first frame kept
        self._made = 0

    def push(self, frames: Tensor, last: bool) -> Tensor:
        """The frames that can be computed now; with `last`, all that are left."""
        kept = frames if self._kept is None else torch.cat([self._kept, frames])
        total = self._first + len(kept)
        whole = math.floor(total * self._scale)
        if whole == total:  # so few frames that their number does not change: torch returns them unchanged
            self._kept = kept
            return kept if last else kept[:0]
        # A new frame lies between two given frames. At the end, the last given frame is used for both.
        ready = whole if last else math.floor((total - 0.5) * self._scale - 0.5)
        # torch's own formula (area_pixel_compute_source_index), also in 32 bits
        at = torch.arange(self._made, max(ready, self._made), dtype=torch.float32, device=frames.device)
        at = ((at + 0.5) * (1.0 / self._scale) - 0.5).clamp(min=0.0)
        before = at.long().clamp(max=total - 1)
        after = (before + 1).clamp(max=total - 1)
        weight = (at - before)[:, None]
        made = kept[before - self._first] * (1.0 - weight) + kept[after - self._first] * weight
        self._made += len(at)
        needed = math.floor((self._made + 0.5) / self._scale - 0.5) - 1  # one to spare for rounding
        drop = min(max(needed - self._first, 0), len(kept))
        self._kept, self._first = kept[drop:], self._first + drop
        return made
