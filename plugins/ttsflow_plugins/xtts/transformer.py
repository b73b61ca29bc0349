"""The GPT-2 inside XTTS-v2, for a batch of rows of any length.

The tokens of all rows form one matrix, without padding. The matrix products, which are nearly all of
the work, are the same for every token. They are computed for all tokens at once, so the weights are
read once per step for any number of rows. How the tokens see each other is left to an `Attention`. So
the result of a row does not depend on the other rows, except that a matrix product may sum in another
order for another number of tokens.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ttsflow_plugins.xtts.attention import OwnCache
from ttsflow_plugins.xtts.linear import linear


class Attention(Protocol):
    """Lets the tokens of one call see each other and those before them, and keeps their keys and values."""

    def attend(self, layer: int, mixed: Tensor) -> Tensor:
        """From queries, keys and values (tokens, 3, heads, head) of a layer to (tokens, channels)."""
        ...

    def last(self, hidden: Tensor) -> Tensor:
        """The last token of each row, of (tokens, channels), when all layers are done."""
        ...


class Transformer(nn.Module):
    """The blocks of a `GPT2Model` of transformers. They are moved here; the `GPT2Model` has none afterwards.

    Positions are not added here: in XTTS-v2 they are part of the embeddings.
    """

    def __init__(self, gpt2: Any, dtype: torch.dtype) -> None:
        super().__init__()
        if gpt2.config.activation_function != "gelu_new":
            raise ValueError(f"activation {gpt2.config.activation_function!r}; known is gelu_new")
        self.heads: int = gpt2.config.n_head
        self.dtype = dtype
        self.blocks = nn.ModuleList()
        while len(gpt2.h):  # one at a time, so that only one block is in memory twice
            self.blocks.append(_Block(gpt2.h.pop(0).to(dtype), self.heads))
        self.norm = gpt2.ln_f

    @property
    def head(self) -> int:
        """Channels of one head."""
        return int(self.norm.weight.shape[0]) // self.heads

    def new_cache(self, capacity: int) -> OwnCache:
        """An empty cache for one row of at most `capacity` tokens.

        On a CPU it is float32: there, attention in bfloat16 takes twice as long, and converting its inputs
        and its result takes nearly nothing.
        """
        device = self.norm.weight.device
        dtype = torch.float32 if device.type == "cpu" else self.dtype
        shape = (len(self.blocks), 2, self.heads, capacity, self.head)
        return OwnCache(torch.empty(shape, dtype=dtype, device=device))

    def forward(self, tokens: Tensor, attention: Attention) -> Tensor:
        """Hidden states (rows, channels) of each row's last token, float32.

        `tokens` are embeddings (tokens, channels), row after row.
        """
        hidden = tokens.to(self.dtype)
        for layer, block in enumerate(self.blocks):
            hidden = block(hidden, layer, attention)
        normed: Tensor = self.norm(attention.last(hidden).to(self.norm.weight.dtype))
        return normed


class _Block(nn.Module):
    def __init__(self, block: Any, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = block.ln_1, block.ln_2
        self.attend, self.project = linear(block.attn.c_attn), linear(block.attn.c_proj)
        self.widen, self.narrow = linear(block.mlp.c_fc), linear(block.mlp.c_proj)

    def forward(self, hidden: Tensor, layer: int, attention: Attention) -> Tensor:
        mixed = self.attend(self.norm_1(hidden)).view(len(hidden), 3, self.heads, -1)
        hidden = hidden + self.project(attention.attend(layer, mixed))
        widened = F.gelu(self.widen(self.norm_2(hidden)), approximate="tanh")
        result: Tensor = hidden + self.narrow(widened)
        return result
