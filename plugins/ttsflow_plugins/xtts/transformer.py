"""The GPT-2 inside XTTS-v2, for rows of any length side by side.

The tokens of all rows lie in one matrix, without padding. What is the same for every token (the
matrix products, nearly all of the work) is done for all of them at once, so that the weights are read
once a step, however many rows there are; attention goes row by row, each over its own cache. So no
row's result depends on what runs beside it, except where a matrix product sums in another order for
another number of tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ttsflow_plugins.xtts.linear import linear


class Cache:
    """Keys and values of one row (layers, 2, heads, capacity, head), of which `length` tokens are there."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self.length = 0


class Transformer(nn.Module):
    """The blocks of a `GPT2Model` of transformers, which is taken apart: its blocks are gone afterwards.

    `rows` is how many there will be in a step at most; more are right, too, and slower. Positions are
    not its business: in XTTS-v2 they are part of the embeddings.
    """

    def __init__(self, gpt2: Any, dtype: torch.dtype, rows: int) -> None:
        super().__init__()
        if gpt2.config.activation_function != "gelu_new":
            raise ValueError(f"activation {gpt2.config.activation_function!r}; known is gelu_new")
        self.heads: int = gpt2.config.n_head
        self.dtype = dtype
        self.blocks = nn.ModuleList()
        while len(gpt2.h):  # one at a time, so that never more than one block is there twice
            self.blocks.append(_Block(gpt2.h.pop(0).to(dtype), self.heads, rows))
        self.norm = gpt2.ln_f

    def new_cache(self, capacity: int) -> Cache:
        """An empty cache for one row of at most `capacity` tokens."""
        weight = self.norm.weight
        head = weight.shape[0] // self.heads
        shape = (len(self.blocks), 2, self.heads, capacity, head)
        return Cache(torch.empty(shape, dtype=self.dtype, device=weight.device))

    def forward(self, tokens: Tensor, caches: Sequence[Cache], counts: Sequence[int]) -> Tensor:
        """Hidden states (rows, channels) of each row's last token, float32.

        `tokens` are embeddings (sum of `counts`, channels), row after row; they join their row's cache.
        """
        hidden = tokens.to(self.dtype)
        for layer, block in enumerate(self.blocks):
            hidden = block(hidden, layer, caches, counts)
        for cache, count in zip(caches, counts, strict=True):
            cache.length += count
        last = torch.tensor(counts, device=hidden.device).cumsum(0) - 1
        normed: Tensor = self.norm(hidden[last].to(self.norm.weight.dtype))
        return normed


class _Block(nn.Module):
    def __init__(self, block: Any, heads: int, rows: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = block.ln_1, block.ln_2
        self.attend, self.project = linear(block.attn.c_attn, rows), linear(block.attn.c_proj, rows)
        self.widen, self.narrow = linear(block.mlp.c_fc, rows), linear(block.mlp.c_proj, rows)

    def forward(self, hidden: Tensor, layer: int, caches: Sequence[Cache], counts: Sequence[int]) -> Tensor:
        mixed = self.attend(self.norm_1(hidden)).view(len(hidden), 3, self.heads, -1)
        attended = [
            _attention(row, cache.values[layer], cache.length)
            for row, cache in zip(mixed.split(list(counts)), caches, strict=True)
        ]
        hidden = hidden + self.project(torch.cat(attended))
        widened = F.gelu(self.widen(self.norm_2(hidden)), approximate="tanh")
        result: Tensor = hidden + self.narrow(widened)
        return result


def _attention(row: Tensor, cache: Tensor, length: int) -> Tensor:
    """One row's new tokens (n, 3, heads, head) over all of its tokens: (n, channels).

    Their keys and values go into `cache` (2, heads, capacity, head) behind the `length` that are there.
    """
    count = len(row)
    query, new = row[:, 0].transpose(0, 1), row[:, 1:].permute(1, 2, 0, 3)
    cache[:, :, length : length + count] = new
    keys, values = cache[:, None, :, : length + count]
    attended = F.scaled_dot_product_attention(query[None], keys, values, is_causal=count > 1)
    return attended[0].transpose(0, 1).reshape(count, -1)
