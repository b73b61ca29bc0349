"""Convolutions of rows, with packed weights, if torch supports it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

_USUAL_ROWS = 530
"""rows for which oneDNN chooses the layout of weights; other numbers of rows are computed as fast with it"""


class Convolution:
    """Weights (out, in, taps) and a bias (out,), in a number format, without padding.

    Rows are (time, channels). This is torch's memory format `channels_last`, from which oneDNN computes a
    convolution without copying it to another format.
    """

    def __init__(self, weight: Tensor, bias: Tensor, dilation: int, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.bias = bias.detach().to(dtype)
        self._dilation = [1, dilation]
        image = weight.detach()[:, :, None].to(dtype)
        self._packed = weight.device.type == "cpu" and _can_pack()
        if self._packed:
            size = [1, weight.shape[1], 1, _USUAL_ROWS]
            self._weight: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
                image, [0, 0], [1, 1], self._dilation, 1, size
            )
        else:
            self._weight = image.contiguous(memory_format=torch.channels_last)

    def __call__(self, rows: Tensor, bias: Tensor) -> Tensor:
        """From rows (n, in), as many less as the taps reach; with another bias than one's own, if need be."""
        image = rows.t()[None, :, None]  # (1, channels, 1, time), in the format channels_last
        if self._packed:
            made: Tensor = torch.ops.mkldnn._convolution_pointwise(
                image, self._weight, bias, [0, 0], [1, 1], self._dilation, 1, "none", [], ""
            )
        else:
            made = F.conv2d(image, self._weight, bias, dilation=self._dilation)
        return made[0, :, 0].t()


def fast_format(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """bfloat16 where it is wanted and the device computes with it, else float32.

    Not float16: what is between the layers may be too large for it, as only the published weights can show.
    """
    if dtype == torch.bfloat16 and (device.type != "cpu" or (_can_pack() and _has_bfloat16())):
        return dtype
    return torch.float32


def _can_pack() -> bool:
    """Whether torch has the operators with which its own compiler packs weights."""
    names = ("_reorder_convolution_weight", "_convolution_pointwise")
    return bool(torch.backends.mkldnn.enabled) and all(hasattr(torch.ops.mkldnn, name) for name in names)


def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16. oneDNN computes it on any with AVX-512, but not faster."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
