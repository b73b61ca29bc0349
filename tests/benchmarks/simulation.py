"""How fast virtual time goes: chunks through the simulator, schedules through the fault tester.

Rates of the whole program: the scheduler, the policy, and the simulated workers and sinks around them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.benchmarks.pairs import Figure, Spread, Workload, in_turns
from ttsflow import ChunkJob, Device, Profile
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator
from ttsflow.testing import ROUGH
from ttsflow.testing.fault_tester import run_schedule
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity

PROFILE = Profile("simulated", 24_000, ("cuda",))
CHUNKS = 20_000


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


def chunks_per_s(gpus: int, streams: int) -> float:
    """Chunks that the simulator gets through in a second."""
    devices = [Device(f"cuda:{number}", "cuda") for number in range(gpus)]
    jobs = {
        name: [ChunkJob(name, index, "x" * (20 + index % 200)) for index in range(CHUNKS // streams)]
        for name in map(str, range(streams))
    }
    began = time.perf_counter()
    result = Simulator(Scheduler(GpuAffinity(), devices, PROFILE), CostModel.of(PROFILE)).run(jobs)
    took_s = time.perf_counter() - began
    if len(result.outcomes) != CHUNKS:
        raise RuntimeError(f"{CHUNKS} chunks were to be simulated, not {len(result.outcomes)}")
    return CHUNKS / took_s


def schedules_per_s(schedules: int) -> float:
    """Random worlds with faults that the fault tester gets through in a second."""
    began = time.perf_counter()
    for seed in range(schedules):
        run_schedule(seed, lambda rng: BoundedParallel(), ROUGH)
    return schedules / (time.perf_counter() - began)
