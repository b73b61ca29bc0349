"""How fast virtual time goes: chunks through the simulator, schedules through the fault tester.

Rates of the whole program: the scheduler, the policy, and the simulated workers and sinks around them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks.pairs import Bound, Figure, Spread, Workload, in_turns, medians, ratios
from ttsflow import ChunkJob, Device, Policy, Profile
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator
from ttsflow.testing import ROUGH
from ttsflow.testing.fault_tester import run_schedule
from ttsflow_plugins.adaptive import Adaptive
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity

PROFILE = Profile("simulated", 24_000, ("cuda",))
CHUNKS = 20_000
LARGE, TENTH = (1_000, 100_000), (100, 10_000)
"""GPUs and chunks of a text"""


def measure(workload: Workload) -> Iterator[Figure]:
    rounds = workload.pick(7, 2)
    schedules = workload.pick(300, 100)
    measures = [
        lambda: chunks_per_s(gpus=4, streams=1),
        lambda: chunks_per_s(gpus=1_000, streams=100),
        lambda: schedules_per_s(schedules),
    ]
    small, large, faulty = zip(*in_turns(measures, rounds), strict=True)
    how = f"`gpu-affinity`, {CHUNKS:,} chunks; {rounds} times"
    yield Figure("simulator, 4 GPUs, 1 stream", Spread.of(small), how, unit="chunks a second")
    yield Figure("simulator, 1,000 GPUs, 100 streams", Spread.of(large), how, unit="chunks a second")
    how = f"`bounded-parallel`, faults as in `check_policy`, {schedules} schedules; {rounds} times"
    yield Figure("fault tester", Spread.of(faulty), how, unit="schedules a second")
    for policy in (Adaptive, GpuAffinity):
        times = in_turns([partial(chunk_s, *size, policy) for size in (LARGE, TENTH)], workload.pick(5, 1))
        large_s, tenth_s = medians(times)
        yield Figure(
            "simulator: a chunk of 100,000 on 1,000 GPUs / of 10,000 on 100",
            ratios(times),
            f"`{policy.name}`, 1 stream; {len(times)} pairs",
            f"{1e6 * large_s:.0f} µs against {1e6 * tenth_s:.0f} µs",
            Bound("at most", 1.2),
        )


def chunk_s(gpus: int, chunks: int, policy: Callable[[], Policy]) -> float:
    """Seconds that a chunk takes the simulator."""
    return 1.0 / chunks_per_s(gpus, 1, chunks, policy)


def chunks_per_s(
    gpus: int, streams: int, chunks: int = CHUNKS, policy: Callable[[], Policy] = GpuAffinity
) -> float:
    """Chunks that the simulator gets through in a second."""
    devices = [Device(f"cuda:{number}", "cuda") for number in range(gpus)]
    jobs = {
        name: [ChunkJob(name, index, "x" * (20 + index % 200)) for index in range(chunks // streams)]
        for name in map(str, range(streams))
    }
    began = time.perf_counter()
    result = Simulator(Scheduler(policy(), devices, PROFILE), CostModel.of(PROFILE)).run(jobs)
    took_s = time.perf_counter() - began
    if len(result.outcomes) != chunks:
        raise RuntimeError(f"{chunks} chunks were to be simulated, not {len(result.outcomes)}")
    return chunks / took_s


def schedules_per_s(schedules: int) -> float:
    """Random worlds with faults that the fault tester gets through in a second."""
    began = time.perf_counter()
    for seed in range(schedules):
        run_schedule(seed, lambda rng: BoundedParallel(), ROUGH)
    return schedules / (time.perf_counter() - began)
