"""Samples the next audio code of each row, as `generate()` of transformers would for this row alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper


@dataclass(frozen=True, slots=True)
class Sampling:
    """How codes are sampled. Names and defaults are those of upstream's `inference()`."""

    temperature: float = 0.75
    top_k: int = 50
    top_p: float = 0.85
    repetition_penalty: float = 10.0
    do_sample: bool = True


class Choosing(Protocol):
    """What is needed of a row: its options, its random generator, and which codes it has had (codes,)."""

    sampling: Sampling
    generator: torch.Generator
    seen: Tensor


def choose(logits: Tensor, rows: Sequence[Choosing]) -> list[int]:
    """The next code of each row, from logits (rows, codes), float32.

    Rows with the same options are processed together. Each row uses its own random generator, so its
    codes do not depend on the other rows.
    """
    codes = [0] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: hash(rows[i].sampling))
    for sampling, group in groupby(order, key=lambda i: rows[i].sampling):
        members = list(group)
        scores = logits[members]
        if sampling.repetition_penalty != 1.0:
            scores = _penalised(scores, torch.stack([rows[i].seen for i in members]), sampling)
        if not sampling.do_sample:
            picked = scores.argmax(-1).tolist()
        else:
            for warp in _warpers(sampling):
                scores = warp(None, scores)
            likely = scores.softmax(-1)
            picked = [_draw(likely[n], rows[i].generator) for n, i in enumerate(members)]
        for i, code in zip(members, picked, strict=True):
            codes[i] = code
    return codes


def _draw(likely: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(likely, 1, generator=generator))


def _penalised(scores: Tensor, seen: Tensor, sampling: Sampling) -> Tensor:
    """Keskar et al. 2019 (CTRL), in the form of transformers' RepetitionPenaltyLogitsProcessor."""
    penalty = sampling.repetition_penalty
    return torch.where(seen, torch.where(scores < 0, scores * penalty, scores / penalty), scores)


@cache
def _warpers(sampling: Sampling) -> list[Any]:
    """The warpers, in the order of `generate()`. As there, a warper that changes nothing is left out."""
    warpers: list[Any] = []
    if sampling.temperature != 1.0:
        warpers.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k > 0:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1.0:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    return warpers
