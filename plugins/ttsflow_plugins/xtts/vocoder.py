"""Turns latents into audio, in pieces, at linear cost. The joined pieces equal what upstream makes at once.

Upstream stretches the latents of a whole chunk to 93.75 frames a second, by linear interpolation. A
HiFi-GAN turns each frame into 256 samples. Both have a limited context: an interpolated frame depends on
two neighbouring latents, a sample on the frames in its receptive field. So a piece is vocoded as soon as
its frames and those of its right margin are there, and the audio of the margins is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

FIRST_FRAMES = 33
"""frames of the first piece (0.35 s): with their margin they are there after 12 codes"""
GROWTH = 2.0
"""each piece is this many times as long as the last; playback does not stall if RTF is below 1 / GROWTH"""
MOST_FRAMES = 280
"""most frames of a piece (3 s); longer pieces would only delay the other chunks of the worker"""


class Vocoder:
    """The HiFi-GAN decoder of upstream's `Xtts`; its weight norms are merged into the weights once."""

    def __init__(self, decoder: Any) -> None:
        self.generator = decoder.waveform_decoder
        for module in list(self.generator.modules()):
            if parametrize.is_parametrized(module):
                parametrize.remove_parametrizations(module, "weight")
        self.margin = margin(self.generator)
        """frames on each side on which a sample depends"""
        self.sample_rate: int = decoder.output_sample_rate
        self.scales = (
            decoder.ar_mel_length_compression / decoder.output_hop_length,
            decoder.output_sample_rate / decoder.input_sample_rate,
        )

    def utterance(self, speaker: Tensor, speed: float = 1.0) -> Utterance:
        """Begin to speak a chunk with a speaker embedding (1, n, 1), `speed` times as fast as normal."""
        scales = self.scales if speed == 1.0 else (1.0 / max(speed, 0.05), *self.scales)
        speaker = speaker.to(self.generator.conv_post.weight.device)  # built-in ones are on the CPU
        return Utterance(self, speaker, [Interpolation(scale) for scale in scales if scale != 1.0])


class Utterance:
    """Turns the latents of one chunk into samples."""

    def __init__(self, vocoder: Vocoder, speaker: Tensor, stretches: list[Interpolation]) -> None:
        self._vocoder, self._speaker, self._stretches = vocoder, speaker, stretches
        self._frames: Tensor | None = None  # (channels, n), from the left margin of the next piece onward
        self._left = 0  # how many of these frames have been spoken already
        self._size = FIRST_FRAMES

    def push(self, latents: Tensor, last: bool = False) -> Tensor | None:
        """Take the next latents (n, channels); return the samples (m,) of a piece, None if there are too few.

        With `last`, everything that is left is spoken, and no latents may follow.
        """
        frames = latents.t()
        for stretch in self._stretches:
            frames = stretch.push(frames, last)
        self._frames = frames if self._frames is None else torch.cat([self._frames, frames], 1)
        margin = self._vocoder.margin
        right = 0 if last else margin
        size = self._frames.shape[1] - self._left - right
        if size < (1 if last else self._size):
            return None
        self._size = min(int(self._size * GROWTH), MOST_FRAMES)
        sound = self._vocoder.generator(self._frames[None], g=self._speaker)[0, 0]
        hop = len(sound) // self._frames.shape[1]
        piece: Tensor = sound[self._left * hop : len(sound) - right * hop]
        done = self._left + size
        self._left = min(done, margin)
        self._frames = self._frames[:, done - self._left :]
        return piece


class Interpolation:
    """`F.interpolate(mode="linear", scale_factor=scale)` of frames (channels, n), a few at a time."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._kept: Tensor | None = None
        self._first = 0  # index of the first frame kept
        self._made = 0

    def push(self, frames: Tensor, last: bool) -> Tensor:
        """The frames that can be computed now; with `last`, all that are left."""
        kept = frames if self._kept is None else torch.cat([self._kept, frames], 1)
        total = self._first + kept.shape[1]
        whole = math.floor(total * self._scale)
        if whole == total:  # so few frames that their number does not change: torch returns them unchanged
            self._kept = kept
            return kept if last else kept[:, :0]
        # A new frame lies between two given frames. At the end, the last given frame is used for both.
        ready = whole if last else math.floor((total - 0.5) * self._scale - 0.5)
        # torch's own formula (area_pixel_compute_source_index), also in 32 bits
        at = torch.arange(self._made, max(ready, self._made), dtype=torch.float32, device=frames.device)
        at = ((at + 0.5) * (1.0 / self._scale) - 0.5).clamp(min=0.0)
        before = at.long().clamp(max=total - 1)
        after = (before + 1).clamp(max=total - 1)
        weight = at - before
        made = kept[:, before - self._first] * (1.0 - weight) + kept[:, after - self._first] * weight
        self._made += len(at)
        needed = math.floor((self._made + 0.5) / self._scale - 0.5) - 1  # one to spare for rounding
        drop = min(max(needed - self._first, 0), kept.shape[1])
        self._kept, self._first = kept[:, drop:], self._first + drop
        return made


def margin(generator: Any) -> int:
    """Frames on each side on which a sample depends: half the receptive field of a HiFi-GAN generator."""
    reach = _reach(generator.conv_post)
    branches = generator.num_kernels
    for stage in reversed(range(generator.num_upsamples)):
        blocks = generator.resblocks[stage * branches : (stage + 1) * branches]
        reach += max(sum(map(_reach, _convolutions(block))) for block in blocks)
        up = generator.ups[stage]
        (padding,), (kernel,), (stride,) = up.padding, up.kernel_size, up.stride
        # sample s depends on the inputs i with s = i * stride - padding + k, where k is 0 to kernel - 1
        reach = math.ceil((reach + max(padding, kernel - 1 - padding)) / stride)
    return reach + _reach(generator.conv_pre)


def _convolutions(block: nn.Module) -> Iterator[nn.Conv1d]:
    return (module for module in block.modules() if isinstance(module, nn.Conv1d))


def _reach(conv: nn.Conv1d) -> int:
    return int(conv.dilation[0]) * (int(conv.kernel_size[0]) - 1) // 2
