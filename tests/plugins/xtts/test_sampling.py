"""The draw for all rows at once is the draw for each row alone."""

from __future__ import annotations

import pytest
import torch

from ttsflow_plugins.xtts.sampling import Sampling, choose


@pytest.mark.parametrize("codes", [66, 1026])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(top_k=0, top_p=1.0, temperature=1.0)])
def test_codes_are_those_of_multinomial_bit_for_bit(codes: int, sampling: Sampling) -> None:
    from transformers import (
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    rows = 16
    theirs = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)])
    if sampling.top_k:
        theirs += [
            TemperatureLogitsWarper(sampling.temperature),
            TopKLogitsWarper(sampling.top_k),
            TopPLogitsWarper(sampling.top_p),
        ]
    generators = [torch.Generator().manual_seed(seed) for seed in range(rows)]
    alike = [torch.Generator().manual_seed(seed) for seed in range(rows)]
    had: list[list[int]] = [[1] for _ in range(rows)]
    seen = torch.zeros(rows, codes, dtype=torch.bool)
    seen[:, 1] = True
    noise = torch.empty(rows, 1, codes)
    for step in range(40):
        logits = torch.randn(rows, codes, generator=torch.Generator().manual_seed(step)) * 3
        expected = []
        for row in range(rows):
            scores = theirs(torch.tensor([had[row]]), logits[row : row + 1].clone())
            drawn = torch.multinomial(scores.softmax(-1)[0], 1, generator=generators[row])
            expected.append(int(drawn))
            noise[row].exponential_(generator=alike[row])
        made = choose(logits, seen, noise[:, 0], sampling)
        assert made.tolist() == expected
        for row, code in enumerate(expected):
            had[row].append(code)
            seen[row, code] = True
    assert len({code for row in had for code in row}) > 20
