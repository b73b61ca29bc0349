"""Samples the next audio code of every row, as `generate()` of transformers would for this row alone.

Nothing here waits for the device or depends on values, so that a step can be recorded as a CUDA graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

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


def choose(logits: Tensor, seen: Tensor, noise: Tensor, sampling: Sampling) -> Tensor:
    """The next code of each row (rows,), from logits and noise (rows, codes), float32.

    `seen` (rows, codes) says which codes a row has had. The noise is drawn from the exponential distribution
    of rate 1; it is not used if the likeliest code is taken. Dividing by it and taking the greatest is how
    `torch.multinomial` draws one code, so with the same noise the codes are the same.
    """
    scores = logits
    if sampling.repetition_penalty != 1.0:
        scores = _penalised(scores, seen, sampling)
    if not sampling.do_sample:
        return scores.argmax(-1)
    for warp in _warpers(sampling):
        scores = warp(None, scores)
    return (scores.softmax(-1) / noise).argmax(-1)


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
