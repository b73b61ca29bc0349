"""GPUs that are made up for a plan, of like and unlike speed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planning.made import played, world
from ttsflow import UsageError
from ttsflow.planning.gpus import speeds_of
from ttsflow_plugins.adaptive import Adaptive
from ttsflow_plugins.gpu_affinity import GpuAffinity


def test_how_many_and_how_quick() -> None:
    assert speeds_of("3") == (1.0, 1.0, 1.0)
    assert speeds_of("2,1x0.2") == (1.0, 1.0, 0.2)
    assert speeds_of(" 1x2 , 2x.5 ") == (2.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("two", "must be a number of GPUs"),
        ("", "must be a number of GPUs"),
        ("2x", "must be a number of GPUs"),
        ("4090:2", "must be a number of GPUs"),
        ("2,,1", "must be a number of GPUs"),
        ("0", "--gpus is 0, but must be from 1"),
        ("-1", "--gpus is -1, but must be from 1"),
        ("9999,2", "--gpus is 2, but must be from 1"),
        ("1x0", "has the speed 0"),
        ("1x1000", "has the speed 1000"),
    ],
)
def test_what_is_no_number_of_gpus(said: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        speeds_of(said)


@pytest.mark.parametrize("policy", [Adaptive, GpuAffinity])
def test_a_slow_gpu_adds_what_it_can(policy: type[Adaptive] | type[GpuAffinity]) -> None:
    """With one of a fifth of the speed beside it a file takes 5/6 of the time, and it is never waited for."""
    audio_s = [3.0 + index % 13 for index in range(200)]
    alone = world([1.0], 1, listening=False)
    both = replace(world([1.0], 2, listening=False), speeds={"cuda:0": 1.0, "cuda:1": 0.2})
    assert "2 GPUs, 1 of 0.2 times the speed" in str(both)
    took, taken = played(policy, alone, audio_s), played(policy, both, audio_s)
    assert both.gain == pytest.approx(1.2)
    assert taken.over_bound is not None
    assert taken.over_bound < 1.03
    assert taken.summary.makespan_s == pytest.approx((took.summary.makespan_s or 0.0) / 1.2, rel=0.03)
