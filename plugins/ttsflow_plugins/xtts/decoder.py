"""The running batch: rows join and leave between steps, and every step decodes one audio code per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ttsflow_plugins.xtts.sampling import Sampling, choose
from ttsflow_plugins.xtts.transformer import Transformer

FAKE_PREFIX_CODE = 1
"""upstream's `generate()` has this id in place of the prefix, so the repetition penalty applies to it"""


class Row:
    """One chunk in the batch. `latents` has one (channels,) for each of `codes`, including the stop code."""

    def __init__(self, prefix: Tensor, sampling: Sampling, seed: int, seen: Tensor) -> None:
        self.prefix = prefix
        self.sampling = sampling
        self.generator = torch.Generator(seen.device).manual_seed(seed)
        self.seen = seen
        self.cache: Any = None
        self.codes: list[int] = []
        self.latents: list[Tensor] = []
        self.stopped = False
        """whether it ended with the stop code"""
        self.capped = False
        """whether it reached the model's limit without a stop code"""


class Decoder:
    """Decodes audio codes with the GPT of upstream's `Xtts`. After that the GPT cannot be used elsewhere.

    The hidden state of each step is also the latent that the vocoder needs. Upstream computes the same
    latents again in a second pass over all codes.
    """

    def __init__(self, gpt: Any, dtype: torch.dtype, rows: int) -> None:
        self._gpt = gpt
        self.transformer = Transformer(gpt.gpt, dtype, rows)
        self._rows: list[Row] = []

    def join(self, tokens: Sequence[int], conditioning: Tensor, sampling: Sampling, seed: int) -> Row:
        """Take in a text (upstream's token ids) with the GPT latents of a voice (1, n, channels)."""
        gpt = self._gpt
        device = gpt.mel_head.weight.device
        text = F.pad(torch.tensor(tokens, device=device)[None], (0, 1), value=gpt.stop_text_token)
        text = F.pad(text, (1, 0), value=gpt.start_text_token)
        spoken = gpt.text_embedding(text) + gpt.text_pos_embedding(text)
        seen = torch.zeros(gpt.num_audio_tokens, dtype=torch.bool, device=device)
        seen[[FAKE_PREFIX_CODE, gpt.start_audio_token]] = True
        row = Row(torch.cat([conditioning.to(device), spoken], 1)[0], sampling, seed, seen)
        self._rows.append(row)
        return row

    def leave(self, row: Row) -> None:
        """Remove a row and free its memory. A row that has ended is removed already."""
        if row in self._rows:
            self._rows.remove(row)

    def step(self) -> list[Row]:
        """Decode the next code and latent of each row, and return the rows. Rows that end are removed."""
        rows, gpt = list(self._rows), self._gpt
        if not rows:
            return rows
        inputs = [self._input(row) for row in rows]
        hidden = self.transformer(torch.cat(inputs), [row.cache for row in rows], [len(x) for x in inputs])
        latents = gpt.final_norm(hidden)
        codes = choose(gpt.mel_head(latents).float(), rows)
        for row, code, latent in zip(rows, codes, latents, strict=True):
            row.codes.append(code)
            row.latents.append(latent)
            row.seen[code] = True
            row.stopped = code == gpt.stop_audio_token
            row.capped = not row.stopped and len(row.codes) == gpt.max_gen_mel_tokens
            if row.stopped or row.capped:
                self.leave(row)
                row.cache = None
        return rows

    def _input(self, row: Row) -> Tensor:
        """Embeddings (tokens, channels) of the tokens of a row that the model has not read yet."""
        gpt = self._gpt
        code = row.codes[-1] if row.codes else gpt.start_audio_token
        position = gpt.mel_pos_embedding.emb.weight[len(row.codes)]
        latest: Tensor = (gpt.mel_embedding.weight[code] + position)[None]
        if row.codes:
            return latest
        row.cache = self.transformer.new_cache(len(row.prefix) + gpt.max_gen_mel_tokens)
        return torch.cat([row.prefix, latest])
