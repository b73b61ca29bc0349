"""Whether recorded steps give what plain steps give, found out on a short text before anything is spoken."""

from __future__ import annotations

import torch
from torch import Tensor

from ttsflow import BackendUnavailable
from ttsflow_plugins.xtts.decoder import Decoder
from ttsflow_plugins.xtts.graphs import Graphs

_STEPS = 6
_TEXTS = ([5, 6, 7], [8, 9, 10, 11])
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""of latents, to their greatest value: what another order of sums can make"""


@torch.inference_mode()
def check_graphs(decoder: Decoder, graphs: Graphs) -> None:
    """Decode the same rows with plain steps and with recorded ones; if they differ, give the graphs up.

    Raises BackendUnavailable if plain steps give what is not a number: then the format is too small.
    """
    with graphs.paused():
        plain = _decode(decoder)
    if not all(bool(latents.isfinite().all()) for _, latents in plain):
        raise BackendUnavailable(
            f"the numbers of this model are too large for {decoder.transformer.dtype}: "
            "set the option dtype to float32"
        )
    recorded = _decode(decoder)
    if not graphs.in_use:
        return  # they could not be recorded
    tolerance = _TOLERANCE[decoder.transformer.dtype]
    for (codes, latents), (other_codes, other_latents) in zip(plain, recorded, strict=True):
        if codes != other_codes or not _close(latents, other_latents, tolerance):
            graphs.give_up("a recorded step gave other codes or latents than a plain one")
            return


def _close(some: Tensor, other: Tensor, tolerance: float) -> bool:
    return bool((some - other).abs().max() <= tolerance * some.abs().max())


def _decode(decoder: Decoder) -> list[tuple[list[int], Tensor]]:
    """Codes and latents (steps, channels) of two rows; the second one leaves halfway."""
    channels = decoder.transformer.norm.weight.shape[0]
    voice = torch.linspace(-1, 1, 32 * channels).view(1, 32, channels)
    rows = [decoder.join(text, voice, seed) for seed, text in enumerate(_TEXTS)]
    for step in range(_STEPS):
        decoder.step()
        if step == _STEPS // 2:
            decoder.leave(rows[1])
    decoder.leave(rows[0])
    decoder.forget()
    return [(row.codes, torch.stack(row.latents)) for row in rows]
