"""Matrix products of a few rows with packed weights, if torch supports it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def linear(conv: Any) -> nn.Module:
    """A module for a `Conv1D` of transformers, (tokens, in) to (tokens, out)."""
    weight = conv.weight
    if weight.device.type == "cpu" and _can_pack(weight.dtype):
        return _PackedLinear(weight.detach().t().contiguous(), conv.bias.detach())
    module: nn.Module = conv
    return module


def _can_pack(dtype: torch.dtype) -> bool:
    """Whether torch has, for this processor, the operators with which its own compiler packs weights."""
    names = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")
    if not torch.backends.mkldnn.enabled or not all(hasattr(torch.ops.mkldnn, name) for name in names):
        return False
    if dtype == torch.float16:
        return False  # not tried
    return dtype != torch.bfloat16 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class _PackedLinear(nn.Module):
    """A linear layer on the CPU, with its weights in oneDNN's own layout.

    A plain product of 4 to 16 rows with float32 weights takes 2 to 3 times as long as reading the
    weights; this one takes 1.2 to 1.8 times as long (two AVX-512 cores, torch 2.13). For one row it is three
    times as fast as the plain one on an AMD EPYC, and was 1.25 times as slow on an Intel Xeon. In float32 the
    result of a row is bit for bit the same, whatever the other rows are.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight)
        self.bias = bias

    def forward(self, rows: Tensor) -> Tensor:
        if len(rows) == 1:  # one row has another kernel, which sums in another order and is not faster
            return self.forward(rows.expand(2, -1))[:1]
        result: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.packed, self.bias, "none", [], "")
        return result
