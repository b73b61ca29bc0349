"""A HiFi-GAN that takes its frames piece by piece, and computes each sample once.

A convolution keeps the last rows of its input that its next results need. So a piece needs no margins,
and the joined pieces equal the whole. A result comes later than its input, by half of the width of the
convolution.

All tensors are (time, channels), so a piece of a stream is some rows.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ttsflow_plugins.xtts.convolution import Convolution

_SLOPE = 0.1  # LRELU_SLOPE in upstream's hifigan_generator.py
_LAST_SLOPE = 0.01  # torch's default, which upstream has before the last convolution


class Stream:
    """What is kept of the sound of one chunk: by layer, the rows that are still needed."""

    def __init__(self, biases: dict[Hashable, Tensor]) -> None:
        self.biases = biases
        """of the layers whose bias depends on the speaker"""
        self.kept: dict[Hashable, Tensor] = {}
        self.ending = False
        """whether no rows follow those that are being computed"""


class HifiGan:
    """The weights of upstream's `HifiganGenerator`, which must be without weight norms.

    It computes in `dtype`, except for the last convolution, whose rounding would be heard as it is.
    """

    def __init__(self, generator: Any, dtype: torch.dtype) -> None:
        branches = generator.num_kernels
        blocks = [_Block(block, dtype) for block in generator.resblocks]
        self._first = _Convolution(generator.conv_pre, dtype, slope=None)
        self._stages = [
            _Stage(
                _Upsampling(up, dtype, 1 if stage == 0 else branches), blocks[stage * branches :][:branches]
            )
            for stage, up in enumerate(generator.ups)
        ]
        self._last = _Convolution(generator.conv_post, torch.float32, slope=_LAST_SLOPE, divisor=branches)
        self._speaker_layers = [(self._first, generator.cond_layer)]
        if generator.cond_in_each_up_layer:
            ups = [stage.up for stage in self._stages]
            self._speaker_layers += zip(ups, generator.conds, strict=True)

    def stream(self, speaker: Tensor) -> Stream:
        """Begin a chunk, with a speaker embedding (1, n, 1)."""
        biases: dict[Hashable, Tensor] = {}
        for layer, condition in self._speaker_layers:
            bias = layer.convolution.bias
            shift = condition(speaker.to(bias.device))[0, :, 0]  # built-in speakers are on the CPU
            biases[layer] = (bias + shift.repeat(len(bias) // len(shift))).to(bias.dtype)
        return Stream(biases)

    def push(self, stream: Stream, frames: Tensor, last: bool = False) -> Tensor:
        """The samples (m,) that can be computed with the next frames (n, channels); with `last`, all."""
        stream.ending = last
        rows = self._first(stream, frames)
        for stage in self._stages:
            rows = stage(stream, rows)
        return self._last(stream, rows).tanh_()[:, 0]


class _Convolution:
    """A convolution that gives as many rows as it takes, after a leaky ReLU, unless `slope` is None.

    Its input is divided by `divisor`: this is how the branches before it are averaged.
    """

    def __init__(self, conv: Any, dtype: torch.dtype, slope: float | None = _SLOPE, divisor: int = 1) -> None:
        self._lay_out(conv.weight / divisor, conv.bias, int(conv.dilation[0]), dtype)
        self._slope = slope

    def _lay_out(self, weight: Tensor, bias: Tensor | None, dilation: int, dtype: torch.dtype) -> None:
        """Take weights (out, in, taps) and a bias (out,)."""
        out, self._channels, taps = weight.shape
        bias = weight.new_zeros(out) if bias is None else bias
        self.convolution = Convolution(weight, bias, dilation, dtype)
        self.reach = dilation * (taps - 1) // 2
        """rows on each side on which a result depends"""

    def __call__(self, stream: Stream, rows: Tensor) -> Tensor:
        rows = rows.to(self.convolution.dtype)
        kept = stream.kept.get(self)
        edge = rows.new_zeros(self.reach, self._channels)
        parts = [edge if kept is None else kept, rows]
        rows = torch.cat([*parts, edge] if stream.ending else parts)
        stream.kept[self] = rows[max(len(rows) - 2 * self.reach, 0) :].clone()
        bias = stream.biases.get(self, self.convolution.bias)
        if len(rows) <= 2 * self.reach:
            return rows.new_empty(0, len(bias))
        if self._slope is not None:
            F.leaky_relu_(rows, self._slope)
        return self.convolution(rows, bias)


class _Upsampling(_Convolution):
    """A transposed convolution, computed as a convolution: the results of a row lie side by side.

    The results between rows i - 1/2 and i + 1/2 depend on rows i - 1, i and i + 1, if the kernel is at most
    twice as wide as the stride, as in HiFi-GAN.
    """

    def __init__(self, up: Any, dtype: torch.dtype, divisor: int) -> None:
        (stride,), (padding,) = up.stride, up.padding
        before = stride - padding
        weight = F.pad(up.weight / divisor, (before, 3 * stride - before - up.weight.shape[2]))
        taps = weight.reshape(*weight.shape[:2], 3, stride).flip(2)
        self._lay_out(taps.permute(3, 1, 0, 2).flatten(0, 1), up.bias.repeat(stride), 1, dtype)
        self._slope, self._stride = _SLOPE, stride

    def __call__(self, stream: Stream, rows: Tensor) -> Tensor:
        made = super().__call__(stream, rows)
        return made.reshape(len(made) * self._stride, made.shape[1] // self._stride)


class _Block:
    """A residual block: pairs of convolutions, each added to its input."""

    def __init__(self, block: Any, dtype: torch.dtype) -> None:
        pairs = zip(block.convs1, block.convs2, strict=True)
        self._pairs = [
            (_Convolution(one, dtype), _Convolution(other, dtype), _Delay()) for one, other in pairs
        ]
        self.reach = sum(one.reach + other.reach for one, other, _ in self._pairs)

    def __call__(self, stream: Stream, rows: Tensor) -> Tensor:
        for one, other, delay in self._pairs:
            rows = delay.add(stream, other(stream, one(stream, rows)), rows)
        return rows


class _Stage:
    """An upsampling, and the sum of the blocks after it. The block with the greatest reach is the latest."""

    def __init__(self, up: _Upsampling, blocks: list[_Block]) -> None:
        self.up = up
        *self._ahead, self._latest = sorted(blocks, key=lambda block: block.reach)
        self._delays = [_Delay() for _ in self._ahead]

    def __call__(self, stream: Stream, rows: Tensor) -> Tensor:
        rows = self.up(stream, rows)
        total = self._latest(stream, rows)
        for block, delay in zip(self._ahead, self._delays, strict=True):
            total = delay.add(stream, total, block(stream, rows))
        return total


class _Delay:
    """Keeps the rows of a stream that is ahead of another one, until they are added."""

    def add(self, stream: Stream, latest: Tensor, ahead: Tensor) -> Tensor:
        """Add to rows of the later stream, in place if they are float32, and return them in float32."""
        latest = latest.float()  # sums in bfloat16 would double the error, and save 3 % of the time
        kept = stream.kept.get(self, ahead[:0])
        count = min(len(kept), len(latest))
        latest[:count] += kept[:count]
        latest[count:] += ahead[: len(latest) - count]
        stream.kept[self] = torch.cat([kept[count:], ahead[len(latest) - count :]])
        return latest
