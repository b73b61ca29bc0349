"""One decision of the scheduler with a million chunks against one with a thousand.

A decision is a turn of `feed` in which a job's piece and end and a sink's answer come in and the next
job is started, four GPUs being busy. First the chunks wait in their stream, outside the look-ahead
window; then the window is as wide as the stream, so that the policy has all of them to choose from.
The second is reported without a bound: the ready queue is a sorted list, quick at the hundreds of jobs
that a window has (8 for each slot), and a million in it are no use to anybody.
Both schedulers are built first and take turns. What they hold is then frozen (`gc.freeze`): a full
collection would walk through the million objects that this module keeps alive, whoever caused it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

from tests.benchmarks.decisions import Busy
from tests.benchmarks.pairs import Bound, Figure, Workload, in_turns, medians, ratios
from ttsflow import Policy
from ttsflow.scheduler.limits import Limits
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity
from ttsflow_plugins.sequential import Sequential

FEW = 1_000
GPUS = 4
ROUNDS = 40  # of a block each: what the thousand chunks last for


def measure(workload: Workload) -> Iterator[Figure]:
    many = workload.pick(1_000_000, 100_000)
    for policy in (Sequential, BoundedParallel, GpuAffinity):
        waiting = "submitted and waiting"
        yield compare(policy, many, waiting, lambda chunks: Limits().look_ahead, Bound("at most", 1.5))
        yield compare(policy, many, "all ready", lambda chunks: chunks, None)


def compare(
    policy: type[Policy], many: int, state: str, look_ahead: Callable[[int], int], bound: Bound | None
) -> Figure:
    large, small = (Busy(policy(), GPUS, chunks, look_ahead(chunks)) for chunks in (many, FEW))
    gc.collect()
    gc.freeze()
    try:
        times = in_turns([large.block, small.block], ROUNDS)
    finally:
        gc.unfreeze()
    many_s, few_s = medians(times)
    return Figure(
        f"one decision, {many:,} / {FEW:,} chunks {state}",
        ratios(times),
        f"`{policy.name}`, {GPUS} GPUs; {ROUNDS} pairs",
        f"{1e6 * many_s:.1f} µs against {1e6 * few_s:.1f} µs",
        bound,
    )
