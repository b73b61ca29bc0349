"""One decision of the scheduler with a thousand GPUs against one with a single GPU, for each policy.

Busy: every worker speaks, chunks wait, one job ends and the next is started. Idle: no worker has
anything to do, and one job comes. Both schedulers are built first and take turns; the garbage collector
leaves alone what was there before (`gc.freeze`), as in the comparison by the number of chunks.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

from tests.benchmarks.decisions import Busy, Idle
from tests.benchmarks.pairs import Figure, Workload, in_turns, medians, ratios
from ttsflow import Policy
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity
from ttsflow_plugins.sequential import Sequential

GPUS = 1_000
CHUNKS = 20_000  # more than the window of a thousand workers, which is 8,000

POLICIES: dict[str, Callable[[], Policy]] = {
    "`sequential`": Sequential,
    "`bounded-parallel`": BoundedParallel,
    "`gpu-affinity`": GpuAffinity,
    "`gpu-affinity`, `steal: false`": lambda: GpuAffinity(
        GpuAffinity.Options.model_validate({"steal": False})
    ),
}


def measure(workload: Workload) -> Iterator[Figure]:
    rounds = workload.pick(40, 10)
    for name, policy in POLICIES.items():
        yield compare(f"busy, {name}", Busy(policy(), GPUS, CHUNKS), Busy(policy(), 1, CHUNKS), rounds)
        yield compare(f"idle, {name}", Idle(policy(), GPUS), Idle(policy(), 1), rounds)


def compare(name: str, large: Busy, small: Busy, rounds: int) -> Figure:
    gc.collect()
    gc.freeze()
    try:
        times = in_turns([large.block, small.block], rounds)
    finally:
        gc.unfreeze()
    many_s, one_s = medians(times)
    return Figure(
        f"one decision, {GPUS:,} / 1 GPUs {name}",
        ratios(times),
        f"{CHUNKS:,} chunks; {rounds} pairs" if type(large) is Busy else f"one job comes; {rounds} pairs",
        f"{1e6 * many_s:.1f} µs against {1e6 * one_s:.1f} µs",
    )
