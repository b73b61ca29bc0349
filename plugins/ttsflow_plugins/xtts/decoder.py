"""The running batch: rows join and leave between steps, and every step decodes one audio code per row.

Before its first code, a row reads the voice and the text. The voice is read once and its KV cache copied
into the row. The text is read in the same model calls in which the other rows decode, a portion in each
call, so that the next codes of the other rows do not have to wait for a long text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ttsflow_plugins.xtts.sampling import Sampling, choose
from ttsflow_plugins.xtts.transformer import TILE, Cache, Transformer

FAKE_PREFIX_CODE = 1
"""upstream's `generate()` has this id in place of the prefix, so the repetition penalty applies to it"""
PORTION = TILE
"""most tokens of texts that are read on a CPU in a step in which rows decode: the work of a step of 7 rows"""
GPU_PORTION = 512
"""the same on a GPU; not measured: an estimate, from 0.76 GFLOP a token and steps of 10 to 30 ms"""
_VOICES_KEPT = 8  # KV caches of 32 tokens: 8 MB each in float32 at full size


class Row:
    """One chunk in the batch. `latents` has one (channels,) for each of `codes`, including the stop code."""

    def __init__(self, cache: Cache, text: Tensor, sampling: Sampling, seed: int, seen: Tensor) -> None:
        self.cache: Cache | None = cache
        self.unread = text
        """embeddings (n, channels) of the tokens of the text that the model has not read yet"""
        self.sampling = sampling
        self.generator = torch.Generator(seen.device).manual_seed(seed)
        self.seen = seen
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
        self._portion = PORTION if gpt.mel_head.weight.device.type == "cpu" else GPU_PORTION
        self._rows: list[Row] = []
        self._voice = lru_cache(maxsize=_VOICES_KEPT)(self._read_voice)

    def join(self, tokens: Sequence[int], conditioning: Tensor, sampling: Sampling, seed: int) -> Row:
        """Take in a text (upstream's token ids) with the GPT latents of a voice (1, n, channels)."""
        gpt = self._gpt
        device = gpt.mel_head.weight.device
        text = F.pad(torch.tensor(tokens, device=device)[None], (0, 1), value=gpt.stop_text_token)
        text = F.pad(text, (1, 0), value=gpt.start_text_token)
        spoken = gpt.text_embedding(text) + gpt.text_pos_embedding(text)
        unread = torch.cat([spoken[0], self._embedding(gpt.start_audio_token, 0)])
        seen = torch.zeros(gpt.num_audio_tokens, dtype=torch.bool, device=device)
        seen[[FAKE_PREFIX_CODE, gpt.start_audio_token]] = True
        voice = self._voice(conditioning)
        cache = self.transformer.new_cache(voice.length + len(unread) + gpt.max_gen_mel_tokens)
        cache.begin_with(voice)
        row = Row(cache, unread, sampling, seed, seen)
        self._rows.append(row)
        return row

    def leave(self, row: Row) -> None:
        """Remove a row and free its memory. A row that has ended is removed already."""
        if row in self._rows:
            self._rows.remove(row)

    def forget(self) -> None:
        """Drop what was read of voices; it is read again if it is needed."""
        self._voice.cache_clear()

    def step(self) -> list[Row]:
        """Decode the next code and latent of each row that has read its text, and return these rows.

        Rows that end are removed.
        """
        inputs = self._inputs()
        rows, gpt = list(inputs), self._gpt
        if not rows:
            return rows
        hidden = self.transformer(
            torch.cat(list(inputs.values())), [row.cache for row in rows], list(map(len, inputs.values()))
        )
        ready = [index for index, row in enumerate(rows) if not len(row.unread)]
        rows = [rows[index] for index in ready]
        latents = gpt.final_norm(hidden[ready])
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

    def _inputs(self) -> dict[Row, Tensor]:
        """Embeddings (tokens, channels) of the tokens that each row reads in this step: at least one.

        While rows decode, one text is read at a time, in portions that end with a tile of the attention. A
        last portion of one token is read with the one before it, because a single token has no tile.
        """
        inputs = {row: self._embedding(row.codes[-1], len(row.codes)) for row in self._rows if row.codes}
        reading = [row for row in self._rows if not row.codes]
        portion = self._portion if inputs else max((len(row.unread) for row in reading), default=0)
        for row in reading[:1] if inputs else reading:
            count = portion if len(row.unread) > portion + 1 else len(row.unread)
            inputs[row], row.unread = row.unread[:count], row.unread[count:]
        return inputs

    def _embedding(self, code: int, position: int) -> Tensor:
        """Embedding (1, channels) of an audio code."""
        gpt = self._gpt
        embedding: Tensor = gpt.mel_embedding.weight[code] + gpt.mel_pos_embedding.emb.weight[position]
        return embedding[None]

    def _read_voice(self, conditioning: Tensor) -> Cache:
        """The cache of a row that has read GPT latents (1, n, channels) and nothing else."""
        tokens = conditioning[0].to(self._gpt.mel_head.weight.device)
        cache = self.transformer.new_cache(len(tokens))
        self.transformer(tokens, [cache], [len(tokens)])
        return cache
