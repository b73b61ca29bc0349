"""Steps of a static shape: all rows that decode, in one attention call a layer, as a CUDA graph if possible.

The shape is the number of rows and the greatest number of tokens of a row, both rounded up to powers of
two, so that there are few shapes. A shape is recorded when it first occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ttsflow_plugins.xtts.attention import Cache
from ttsflow_plugins.xtts.graphs import Graphs
from ttsflow_plugins.xtts.pool import Pool, StepAttention
from ttsflow_plugins.xtts.state import SPARE, State
from ttsflow_plugins.xtts.transformer import Transformer

_SHORTEST = 64
"""tokens; for fewer, another shape would save nothing"""


class _Buffers:
    """What a step of so many rows is given and what it gives."""

    def __init__(self, rows: int, channels: int, device: torch.device) -> None:
        self.index = torch.full((rows,), SPARE, device=device)
        self.codes = torch.zeros(rows, dtype=torch.long, device=device)
        self.latents = torch.zeros(rows, channels, device=device)
        self._places: list[int] = []

    def fill(self, places: Sequence[int]) -> None:
        """Say at which places the rows are; with none, a step changes no row."""
        if places != self._places:  # else the host would copy the same again
            self._places = list(places)
            filled = self._places + [SPARE] * (len(self.index) - len(places))
            self.index.copy_(torch.tensor(filled))


class Decoding(Protocol):
    """What is needed of a row: where it is, and its cache, which is in the pool."""

    place: int
    cache: Cache | None


class StaticSteps:
    """Decodes the next code of rows whose caches are in `pool`."""

    def __init__(self, transformer: Transformer, state: State, pool: Pool, graphs: Graphs) -> None:
        self.pool, self.graphs = pool, graphs
        self._transformer, self._state = transformer, state
        self._buffers: dict[int, _Buffers] = {}

    def step(self, decoding: Sequence[Decoding]) -> tuple[Tensor, Tensor]:
        """Codes (rows,) and latents (rows, channels) of rows, of which each has room for one token more.

        The codes are valid until the next step.
        """
        places = [row.place for row in decoding]
        caches = [row.cache for row in decoding if row.cache is not None]  # all have one
        rows, longest = _rounded(len(places)), max(cache.length for cache in caches) + 1
        longest = min(max(_rounded(longest), _SHORTEST), self.pool.table.shape[1])
        weight = self._transformer.norm.weight
        if rows not in self._buffers:
            self._buffers[rows] = _Buffers(rows, len(weight), weight.device)
        buffers = self._buffers[rows]
        work, harmless = partial(self._advance, buffers, longest), partial(buffers.fill, [])
        run = self.graphs.recorded((rows, longest), work, harmless)
        buffers.fill(places)
        run()
        for cache in caches:
            cache.length += 1
        return buffers.codes[: len(places)], buffers.latents[: len(places)].clone()

    def _advance(self, buffers: _Buffers, longest: int) -> None:
        """The step itself: it reads and writes only tensors that stay where they are."""
        state, index = self._state, buffers.index
        attention = StepAttention(self.pool, index, state.positions[index], longest)
        codes, latents = state.advance(index, self._transformer(state.embed(index), attention))
        buffers.codes.copy_(codes)
        buffers.latents.copy_(latents)


def _rounded(number: int) -> int:
    """The power of two that is not less."""
    return 1 << (number - 1).bit_length()
