"""What a step reads and writes of each row beside its KV cache: on the device, at an address that stays.

So the inputs of a step are made from the codes of the last one without the host, and a step can be
recorded once and replayed for any rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ttsflow_plugins.xtts.sampling import Sampling, choose

SPARE = 0
"""the place of no row; a step that has fewer rows than it was recorded for is filled up with it"""
AHEAD = {"cpu": 1, "cuda": 16}
"""steps for which noise is drawn at once, to save launches. On a CPU it is one step: there, the noise of
several steps is not the same as that of one step after the other, and codes would not be upstream's"""
_FAKE_PREFIX_CODE = 1  # upstream's `generate()` has it in place of the prefix, so it is penalised, too


class State:
    """The last code of each row, its position, which codes it has had, and its noise, by the row's place."""

    def __init__(self, gpt: Any, sampling: Sampling, rows: int) -> None:
        self._gpt, self._sampling = gpt, sampling
        device = gpt.mel_head.weight.device
        codes: int = gpt.num_audio_tokens
        self.ahead = AHEAD[device.type]
        self.codes = torch.zeros(rows + 1, dtype=torch.long, device=device)
        self.positions = torch.zeros_like(self.codes)
        self.seen = torch.zeros(rows + 1, codes, dtype=torch.bool, device=device)
        self.noise = torch.ones(rows + 1, self.ahead, codes, device=device)
        self._free = list(range(rows, SPARE, -1))

    def has_place(self) -> bool:
        """Whether a row can join."""
        return bool(self._free)

    def join(self) -> int:
        """The place of a new row, which has not had a code yet."""
        place = self._free.pop()
        self.positions[place] = 0
        self.seen[place] = False
        self.seen[place, _FAKE_PREFIX_CODE] = True
        self.seen[place, self._gpt.start_audio_token] = True
        return place

    def leave(self, place: int) -> None:
        self._free.append(place)

    def draw(self, place: int, position: int, generator: torch.Generator) -> None:
        """Draw the noise for the row's next code, if it is not there yet. This is no part of a recording."""
        if self._sampling.do_sample and position % self.ahead == 0:
            self.noise[place].exponential_(generator=generator)

    def embed(self, index: Tensor) -> Tensor:
        """Embeddings (rows, channels) of the last codes of the rows at the places `index` (rows,)."""
        gpt = self._gpt
        codes: Tensor = gpt.mel_embedding.weight[self.codes[index]]
        where: Tensor = gpt.mel_pos_embedding.emb.weight[self.positions[index]]
        return codes + where

    def advance(self, index: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The next codes (rows,) and latents (rows, channels), from the transformer's (rows, channels)."""
        latents = self._gpt.final_norm(hidden)
        positions = self.positions[index]
        noise = self.noise[index, positions % self.ahead]
        codes = choose(self._gpt.mel_head(latents).float(), self.seen[index], noise, self._sampling)
        self.codes[index] = codes
        self.positions[index] = torch.where(index == SPARE, positions, positions + 1)
        self.seen[index, codes] = torch.ones_like(codes, dtype=torch.bool)
        return codes, latents
