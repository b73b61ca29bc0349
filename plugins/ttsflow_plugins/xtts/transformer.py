"""The GPT-2 inside XTTS-v2, for a batch of rows of any length.

The tokens of all rows form one matrix, without padding. The matrix products, which are nearly all of
the work, are the same for every token. They are computed for all tokens at once, so the weights are
read once per step for any number of rows. Attention is computed for each row separately, over its own
KV cache. So the result of a row does not depend on the other rows, except that a matrix product may sum
in another order for another number of tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ttsflow_plugins.xtts.linear import linear

TILE = 16
"""Tokens whose attention is computed in one call on a CPU. The last bits of torch's results depend on how
many they are. So a text gives the same when it is read in portions of a multiple of this."""


class Cache:
    """KV cache of one row (layers, 2, heads, capacity, head); its first `length` tokens are filled."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self.length = 0

    def begin_with(self, other: Cache) -> None:
        """Take over the tokens of another cache; this one must be empty."""
        self.length = other.length
        self.values[:, :, :, : self.length] = other.values[:, :, :, : self.length]


class Transformer(nn.Module):
    """The blocks of a `GPT2Model` of transformers. They are moved here; the `GPT2Model` has none afterwards.

    `rows` is the expected maximum of rows in a step; more rows give right results too, but are slower.
    Positions are not added here: in XTTS-v2 they are part of the embeddings.
    """

    def __init__(self, gpt2: Any, dtype: torch.dtype, rows: int) -> None:
        super().__init__()
        if gpt2.config.activation_function != "gelu_new":
            raise ValueError(f"activation {gpt2.config.activation_function!r}; known is gelu_new")
        self.heads: int = gpt2.config.n_head
        self.dtype = dtype
        self.blocks = nn.ModuleList()
        while len(gpt2.h):  # one at a time, so that only one block is in memory twice
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

        `tokens` are embeddings (sum of `counts`, channels), row after row; each row's go into its cache.
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
    """Attention of one row's new tokens (n, 3, heads, head) to all tokens of the row: (n, channels).

    Their keys and values are stored in `cache` (2, heads, capacity, head) after the first `length` tokens.
    """
    count = len(row)
    query, new = row[:, 0].transpose(0, 1), row[:, 1:].permute(1, 2, 0, 3)
    cache[:, :, length : length + count] = new
    if count == 1:
        keys, values = cache[:, None, :, : length + 1]
        attended = F.scaled_dot_product_attention(query[None], keys, values)
        return attended[0].transpose(0, 1).reshape(1, -1)
    step = TILE if row.device.type == "cpu" else count
    parts = [
        _tile(query[:, at : at + step], cache[:, :, : length + min(at + step, count)], step)
        for at in range(0, count, step)
    ]
    return torch.cat(parts, 1).transpose(0, 1).reshape(count, -1)


def _tile(query: Tensor, cache: Tensor, rows: int) -> Tensor:
    """Attention (heads, n, head) of the last n tokens in `cache`, of which each sees itself and those before.

    It is computed with so many `rows`, of which the surplus is dropped.
    """
    count, total = query.shape[1], cache.shape[2]
    mask = torch.ones(rows, total, dtype=torch.bool, device=query.device).tril(total - count)
    keys, values = cache[:, None]
    attended = F.scaled_dot_product_attention(F.pad(query, (0, 0, 0, rows - count))[None], keys, values, mask)
    return attended[0, :, :count]
