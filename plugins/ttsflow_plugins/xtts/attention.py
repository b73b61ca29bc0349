"""Attention row by row: each row has any number of new tokens, and its own KV cache.

The result of a row does not depend on the other rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

TILE = 16
"""Tokens whose attention is computed in one call on a CPU. The last bits of torch's results depend on how
many they are. So a text gives the same when it is read in portions of a multiple of this."""


class Cache(Protocol):
    """KV cache of one row; its first `length` tokens are filled."""

    length: int

    def grow(self, held: int) -> None:
        """Have room for so many tokens, which the memory for all rows has."""
        ...

    def give_back(self) -> None:
        """Free the memory. The cache cannot be used afterwards."""
        ...

    def store(self, layer: int, new: Tensor) -> Tensor:
        """Put keys and values (2, heads, n, head) of new tokens behind the others; returns all of them.

        `length` does not change until all layers are done.
        """
        ...


class OwnCache:
    """A cache with memory of its own (layers, 2, heads, capacity, head).

    On a CPU the system gives memory when it is first written, so it grows with the row.
    """

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self.length = 0

    def grow(self, held: int) -> None:
        pass

    def give_back(self) -> None:
        del self.values

    def store(self, layer: int, new: Tensor) -> Tensor:
        end = self.length + new.shape[2]
        self.values[layer, :, :, self.length : end] = new
        return self.values[layer, :, :, :end]


def copy_cache(source: OwnCache, target: Cache) -> None:
    """Fill an empty cache with the tokens of another one."""
    for layer, values in enumerate(source.values[:, :, :, : source.length]):
        target.store(layer, values)
    target.length = source.length


class RowAttention:
    """Attention of `counts[i]` new tokens of each row to all tokens in `caches[i]`, which takes them in."""

    def __init__(self, caches: Sequence[Cache], counts: Sequence[int]) -> None:
        self.caches, self.counts = caches, counts

    def attend(self, layer: int, mixed: Tensor) -> Tensor:
        """From queries, keys and values (tokens, 3, heads, head), row after row, to (tokens, channels)."""
        rows = zip(torch.split(mixed, list(self.counts)), self.caches, strict=True)
        return torch.cat([_attention(row, cache, layer) for row, cache in rows])

    def last(self, hidden: Tensor) -> Tensor:
        """The last token of each row, of (tokens, channels), when all layers are done."""
        for cache, count in zip(self.caches, self.counts, strict=True):
            cache.length += count
        return hidden[torch.tensor(self.counts, device=hidden.device).cumsum(0) - 1]


def _attention(row: Tensor, cache: Cache, layer: int) -> Tensor:
    """Attention of one row's new tokens (n, 3, heads, head) to all tokens of the row: (n, channels)."""
    count, length = len(row), cache.length
    query, new = row[:, 0].transpose(0, 1), row[:, 1:].permute(1, 2, 0, 3)
    stored = cache.store(layer, new)
    query = query.to(stored.dtype)
    if count == 1:
        keys, values = stored[:, None]
        attended = F.scaled_dot_product_attention(query[None], keys, values)
        return attended[0].transpose(0, 1).reshape(1, -1).to(row.dtype)
    step = TILE if row.device.type == "cpu" else count
    parts = [
        _tile(query[:, at : at + step], stored[:, :, : length + min(at + step, count)], step)
        for at in range(0, count, step)
    ]
    return torch.cat(parts, 1).transpose(0, 1).reshape(count, -1).to(row.dtype)


def _tile(query: Tensor, stored: Tensor, rows: int) -> Tensor:
    """Attention (heads, n, head) of the last n tokens of `stored` (2, heads, all, head).

    Each sees itself and those before. It is computed with so many `rows`, of which the surplus is dropped.
    """
    count, total = query.shape[1], stored.shape[2]
    mask = torch.ones(rows, total, dtype=torch.bool, device=query.device).tril(total - count)
    keys, values = stored[:, None]
    attended = F.scaled_dot_product_attention(F.pad(query, (0, 0, 0, rows - count))[None], keys, values, mask)
    return attended[0, :, :count]
