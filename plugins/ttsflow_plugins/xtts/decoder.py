"""The running batch: rows join and leave between steps, and every step decodes one audio code per row.

Before its first code, a row reads the voice and the text. The voice is read once and its KV cache copied
into the row. The text is read in portions, one in each step, so that the next codes of the other rows do
not have to wait for a long text. A row that finds no memory in a step waits: it decodes and reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ttsflow_plugins.xtts.attention import TILE, Cache, OwnCache, RowAttention, copy_cache
from ttsflow_plugins.xtts.graphs import Graphs
from ttsflow_plugins.xtts.ledger import Ledger
from ttsflow_plugins.xtts.pool import Pool, PoolCache
from ttsflow_plugins.xtts.sampling import Sampling
from ttsflow_plugins.xtts.state import SPARE, State
from ttsflow_plugins.xtts.steps import StaticSteps
from ttsflow_plugins.xtts.transformer import Transformer

PORTION = TILE
"""most tokens of texts that are read on a CPU in a step in which rows decode: the work of a step of 7 rows"""
GPU_PORTION = 512
"""the same on a GPU; not measured: an estimate, from 0.76 GFLOP a token and steps of 10 to 30 ms"""
LEAST_PLACES = 32
"""rows that can decode at a time, or as many as there are slots; on a GPU each takes 70 kB, for noise"""
_VOICES_KEPT = 8  # KV caches of 32 tokens: 8 MB each in float32 at full size


class Row:
    """One chunk in the batch. `latents` has one (channels,) for each of `codes`, including the stop code."""

    def __init__(self, voice: OwnCache, text: Tensor, most: int, generator: torch.Generator) -> None:
        self.voice, self.unread = voice, text
        """embeddings (n, channels) of the tokens of the text that the model has not read yet"""
        self.most = most
        """tokens of its greatest length"""
        self.generator = generator
        self.place = SPARE
        """in the `State`, from when it begins to read"""
        self.cache: Cache | None = None
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

    It is for about `rows` rows with at most `tokens` tokens of KV caches together. With `graphs`, rows decode
    in steps of a static shape, apart from the reading of texts. Without, each row attends by itself, and
    texts are read in the same call of the model: on a CPU, this is faster.
    """

    def __init__(
        self,
        gpt: Any,
        dtype: torch.dtype,
        rows: int,
        sampling: Sampling,
        tokens: int,
        graphs: Graphs | None = None,
    ) -> None:
        self._gpt = gpt
        self.transformer = Transformer(gpt.gpt, dtype)
        places = max(rows, LEAST_PLACES)
        self._device: torch.device = gpt.mel_head.weight.device
        self._state = State(gpt, sampling, places)
        self._ledger = Ledger(tokens)
        self._static: StaticSteps | None = None
        if graphs is not None:
            pool = Pool(self.transformer, places, tokens)
            self._static = StaticSteps(self.transformer, self._state, pool, graphs)
        self._portion = PORTION if self._device.type == "cpu" else GPU_PORTION
        self._rows: list[Row] = []
        self._voice = lru_cache(maxsize=_VOICES_KEPT)(self._read_voice)

    @property
    def recorded(self) -> bool:
        """Whether steps are recorded and replayed."""
        return self._static is not None and self._static.graphs.in_use

    def join(self, tokens: Sequence[int], conditioning: Tensor, seed: int) -> Row:
        """Take in a text (upstream's token ids) with the GPT latents of a voice (1, n, channels)."""
        gpt, device = self._gpt, self._device
        text = F.pad(torch.tensor(tokens, device=device)[None], (0, 1), value=gpt.stop_text_token)
        text = F.pad(text, (1, 0), value=gpt.start_text_token)
        spoken = gpt.text_embedding(text) + gpt.text_pos_embedding(text)
        start = gpt.mel_embedding.weight[gpt.start_audio_token] + gpt.mel_pos_embedding.emb.weight[0]
        unread = torch.cat([spoken[0], start[None]])
        voice = self._voice(conditioning)
        most = voice.length + len(unread) + gpt.max_gen_mel_tokens
        row = Row(voice, unread, most, torch.Generator(device).manual_seed(seed))
        self._ledger.join(row, most)
        self._rows.append(row)
        return row

    def leave(self, row: Row) -> None:
        """Remove a row and free its memory. A row that has ended is removed already."""
        if row in self._rows:
            self._rows.remove(row)
            self._ledger.leave(row)
            if row.place != SPARE:
                self._state.leave(row.place)
                row.place = SPARE
            if row.cache is not None:
                row.cache.give_back()
                row.cache = None

    def forget(self) -> None:
        """Drop what was read of voices; it is read again if it is needed."""
        self._voice.cache_clear()

    def step(self) -> list[Row]:
        """Decode the next code and latent of each row that has read its text, and return these rows.

        Rows that end are removed.
        """
        decoding = [row for row in self._rows if row.codes and self._make_room(row, 1)]
        reading = self._portions(beside=bool(decoding))
        stepped = decoding + [row for row in reading if not len(row.unread)]
        for row in stepped:
            self._state.draw(row.place, len(row.codes), row.generator)
        if self._static is not None and decoding:
            self._take(decoding, *self._static.step(decoding))
            decoding = []
        if decoding or reading:
            self._run(decoding, reading)
        return stepped

    def _make_room(self, row: Row, count: int) -> bool:
        """Take the memory for so many tokens more of a row; whether it was there."""
        if row.cache is None and not self._state.has_place():
            return False
        length = row.voice.length if row.cache is None else row.cache.length
        held = self._ledger.grow(row, length + count)
        if held is None:
            return False
        if row.cache is None:
            row.place = self._state.join()
            row.cache = self._new_cache(row)
            row.cache.grow(held)
            copy_cache(row.voice, row.cache)
        else:
            row.cache.grow(held)
        return True

    def _new_cache(self, row: Row) -> Cache:
        if self._static is None:
            return self.transformer.new_cache(row.most)
        return PoolCache(self._static.pool, row.place, row.voice.length + len(row.unread))

    def _portions(self, beside: bool) -> dict[Row, Tensor]:
        """Embeddings (tokens, channels) of the tokens of texts that are read in this step: at least one.

        `beside` rows that decode, one text is read at a time, in portions that end with a tile of the
        attention. A last portion of one token is read with the one before it, because a single token has no
        tile.
        """
        reading = [row for row in self._rows if not row.codes]
        portion = self._portion if beside else max((len(row.unread) for row in reading), default=0)
        portions = {}
        for row in reading:
            count = portion if len(row.unread) > portion + 1 else len(row.unread)
            if self._make_room(row, count):
                portions[row], row.unread = row.unread[:count], row.unread[count:]
                if beside:
                    break
        return portions

    def _run(self, decoding: Sequence[Row], reading: Mapping[Row, Tensor]) -> None:
        """One call of the model in which each row attends by itself."""
        rows = [*decoding, *reading]
        embedded = self._state.embed(self._places(decoding))
        attention = RowAttention(
            [row.cache for row in rows if row.cache is not None],  # all have one
            [1] * len(decoding) + [len(portion) for portion in reading.values()],
        )
        hidden = self.transformer(torch.cat([embedded, *reading.values()]), attention)
        ready = [index for index, row in enumerate(rows) if not len(row.unread)]
        if ready:
            rows = [rows[index] for index in ready]
            self._take(rows, *self._state.advance(self._places(rows), hidden[ready]))

    def _places(self, rows: Sequence[Row]) -> Tensor:
        return torch.tensor([row.place for row in rows], dtype=torch.long, device=self._device)

    def _take(self, rows: Sequence[Row], codes: Tensor, latents: Tensor) -> None:
        """Give each row what was decoded of it. The codes are all that the host waits for in a step."""
        gpt = self._gpt
        for row, code, latent in zip(rows, codes.tolist(), latents, strict=True):
            row.codes.append(code)
            row.latents.append(latent)
            row.stopped = code == gpt.stop_audio_token
            row.capped = not row.stopped and len(row.codes) == gpt.max_gen_mel_tokens
            if row.stopped or row.capped:
                self.leave(row)

    def _read_voice(self, conditioning: Tensor) -> OwnCache:
        """The cache of a row that has read GPT latents (1, n, channels) and nothing else."""
        tokens = conditioning[0].to(self._device)
        cache = self.transformer.new_cache(len(tokens))
        self.transformer(tokens, RowAttention([cache], [len(tokens)]))
        return cache
