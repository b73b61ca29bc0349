"""The KV caches of all rows in one block of memory that never moves, and one attention call for all of them.

A row has its tokens anywhere in the block; a table says where. So rows of any length share the memory
without gaps, and a row that grows is never copied to another place.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ttsflow_plugins.xtts.state import SPARE
from ttsflow_plugins.xtts.transformer import Transformer

NOTHING, DUMP = 0, 1
"""where there are only zeros, which is read in place of tokens that a row does not have; and where the spare
place writes to. Not the same: if the spare row became NaN, masking would not keep NaN from the other rows"""


class Pool:
    """Memory for `tokens` tokens of up to `rows` rows.

    `values` (layers, 2, tokens, heads, head); `table` (places, tokens) has where each token of a row is.
    """

    def __init__(self, transformer: Transformer, rows: int, tokens: int) -> None:
        device = transformer.norm.weight.device
        shape = (len(transformer.blocks), 2, tokens + 2, transformer.heads, transformer.head)
        self.values = torch.zeros(shape, dtype=transformer.dtype, device=device)
        self.table = torch.full((rows + 1, tokens), NOTHING, device=device)
        self.table[SPARE] = DUMP
        self.starts = torch.zeros(rows + 1, dtype=torch.long, device=device)
        """(places,): tokens of a row before its codes, less 1, because the first code has position 1"""
        self.free = list(range(tokens + 1, DUMP, -1))


class PoolCache:
    """A row's part of a pool; the row is at `place`, and its first code is its token number `start`."""

    def __init__(self, pool: Pool, place: int, start: int) -> None:
        self._pool, self._place = pool, place
        pool.starts[place] = start - 1
        self._taken: list[int] = []
        self.length = 0

    def grow(self, held: int) -> None:
        first = len(self._taken)
        if held > first:
            self._taken += [self._pool.free.pop() for _ in range(held - first)]
            table = self._pool.table
            table[self._place, first:held] = torch.tensor(self._taken[first:], device=table.device)

    def give_back(self) -> None:
        self._pool.free += self._taken
        self._taken = []

    def store(self, layer: int, new: Tensor) -> Tensor:
        values, end = self._pool.values[layer], self.length + new.shape[2]
        where = self._pool.table[self._place, :end]
        values[:, where[self.length :]] = new.transpose(1, 2).to(values.dtype)
        return values[:, where].transpose(1, 2)


class StepAttention:
    """Attention of one new token of each row at the places `index` (rows,), in one call a layer.

    `positions` (rows,) counts the codes of each row. No row may have more than `longest` tokens with the new
    one. Of what it reads and writes, nothing but the values depends on the rows.
    """

    def __init__(self, pool: Pool, index: Tensor, positions: Tensor, longest: int) -> None:
        self._values = pool.values
        at = pool.starts[index] + positions
        table = pool.table[index, :longest]
        mask = torch.arange(longest, device=index.device) <= at[:, None]
        self._new = table.gather(1, at[:, None])[:, 0]
        self._where = torch.where(mask, table, NOTHING)
        self._mask = mask[:, None, None]

    def attend(self, layer: int, mixed: Tensor) -> Tensor:
        """From queries, keys and values (rows, 3, heads, head) to (rows, channels)."""
        stored = self._values[layer]
        stored[:, self._new] = mixed[:, 1:].transpose(0, 1)
        keys, values = stored[:, self._where].transpose(2, 3)  # (2, rows, heads, longest, head)
        query = mixed[:, 0, :, None]
        return F.scaled_dot_product_attention(query, keys, values, self._mask).flatten(1)

    def last(self, hidden: Tensor) -> Tensor:
        """All of (rows, channels): each row has one token."""
        return hidden
