"""What faults cost: the makespan with 1 % of each, against the same work undisturbed.

In the simulator, for all kinds that the fault tester knows, with four devices and 1,000 chunks: each kind
alone, then all together. With real workers, for the kinds that `sim` has: three chunks in three hundred
for each kind, which go wrong the first time that they are spoken.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.engine import ReadyEngine, setup_for
from tests.benchmarks.pairs import Figure, Spread, Workload, in_turns, medians, ratios
from ttsflow import ChunkJob, Device, Profile
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits
from ttsflow.simulator import CostModel, Simulator
from ttsflow.testing.fault_tester import Faults, FaultySimulator, World
from ttsflow_plugins.gpu_affinity import GpuAffinity

CHANCE = 0.01
KINDS = (
    "die", "poison", "fail", "refuse", "mute", "bad", "doubt", "long", "split", "hang", "slow", "memory",
    "broken", "lost", "differ", "load", "leak", "late", "twice",
)  # fmt: skip
"""all but those that end a stream or a run, and the deaf worker: nothing is cancelled here"""
PROFILE = Profile("simulated", 24_000, ("cuda",), rtf=0.3, deterministic=True)
CHUNKS = 1_000
GPUS = 4

WORKERS = 2
CHUNK_S = 0.1
LIMITS = {"timeouts.chunk_s": 1.0}
FEW = 300
REAL_KINDS = ("die", "fail", "hang", "stop", "nan", "silent")


class PromptSimulator(FaultySimulator):
    """Workers, messages and devices misbehave; stores and listeners do not."""

    def store(self, stream: str, index: int) -> None:
        Simulator.store(self, stream, index)

    def sink(self, stream: str, index: int) -> None:
        Simulator.sink(self, stream, index)


def measure(workload: Workload) -> Iterator[Figure]:
    seeds = range(workload.pick(11, 3))
    undisturbed, _ = simulated(Faults(), 0)
    alone = {kind: results(Faults(**{kind: CHANCE}), seeds, undisturbed) for kind in KINDS}
    ranked = sorted(KINDS, key=lambda kind: -median(alone[kind][0]))
    costs = ", ".join(f"{kind} {median(alone[kind][0]):.2f}" for kind in ranked)
    how = f"simulator, {GPUS} GPUs, RTF {PROFILE.rtf:g}, default limits, stored stream; {len(seeds)} seeds"
    yield Figure(
        f"{CHUNKS:,} chunks, 1 % of one kind of fault / undisturbed: makespan",
        Spread.of([median(ratios) for ratios, _ in alone.values()]),
        f"{how} for each of {len(KINDS)} kinds",
        costs,
    )
    together, failed = results(Faults(**dict.fromkeys(KINDS, CHANCE)), seeds, undisturbed)
    yield Figure(
        f"{CHUNKS:,} chunks, 1 % of every kind together / undisturbed: makespan",
        Spread.of(together),
        how,
        f"{undisturbed:.0f} s undisturbed; {median(failed):.0f} chunks failed, each named",
    )
    rounds = workload.pick(3, 1)
    yield real(", ".join(REAL_KINDS), REAL_KINDS, rounds)
    yield real("memory (one worker goes on where two were)", ("memory",), rounds)


# ---------------------------------------------------------------- in virtual time


def results(faults: Faults, seeds: Sequence[int], undisturbed: float) -> tuple[list[float], list[int]]:
    """For each seed the makespan to that of an undisturbed world, and the chunks that failed."""
    runs = [simulated(faults, seed) for seed in seeds]
    return [makespan_s / undisturbed for makespan_s, _ in runs], [failed for _, failed in runs]


def simulated(faults: Faults, seed: int) -> tuple[float, int]:
    """Seconds that a text takes in a simulated world, and the number of its chunks that failed."""
    jobs = [ChunkJob("book", index, "x" * (20 + index * 7 % 180)) for index in range(CHUNKS)]
    devices = tuple(Device(f"cuda:{number}", "cuda") for number in range(GPUS))
    model = CostModel.of(PROFILE, load_s=10.0)
    world = World(devices, PROFILE, Limits(), {"book": jobs}, model, live=False, stored=True)
    scheduler = Scheduler(GpuAffinity(), devices, PROFILE, world.limits)
    result = PromptSimulator(scheduler, world, faults, random.Random(seed)).run(world.streams, stored=True)
    ended = {outcome.job.index for outcome in result.outcomes}
    if result.error is not None or len(ended) != CHUNKS:
        raise RuntimeError(f"{faults}, seed {seed}: {len(ended)} chunks ended; {result.error}")
    failed = [outcome for outcome in result.outcomes if outcome.status == "failed"]
    if not all(outcome.why for outcome in failed):
        raise RuntimeError(f"{faults}, seed {seed}: a chunk failed and does not tell why")
    return result.makespan_s, len(failed)


# ---------------------------------------------------------------- in real processes


def real(name: str, kinds: Sequence[str], rounds: int) -> Figure:
    disturbed, undisturbed = (lambda: spoken_s(kinds)), (lambda: spoken_s(()))
    times = in_turns([disturbed, undisturbed], rounds, warm_up=0)
    with_s, without_s = medians(times)
    return Figure(
        f"{FEW} chunks, 1 % each of {name} / undisturbed: makespan",
        ratios(times),
        f"`sim`, {CHUNK_S:g} s a chunk, {WORKERS} workers, a deadline of 1 s; {rounds} pairs",
        f"{with_s:.1f} s against {without_s:.1f} s",
    )


def spoken_s(kinds: Sequence[str]) -> float:
    """Seconds that real workers take, which are loaded before."""
    with TemporaryDirectory() as folder:
        faults = [
            {"at": 20 + 90 * number + 11 * place, "kind": kind, "times": 1}
            for place, kind in enumerate(kinds)
            for number in range(FEW // 100)
        ]
        options = {"chunk_s": CHUNK_S, "device": "cpu", "faults": faults, "state_dir": folder}
        jobs = [ChunkJob("book", index, f"This is chunk number {index}.") for index in range(FEW)]
        with ReadyEngine(setup_for("sim", WORKERS, options, limits=LIMITS), WORKERS) as engine:
            return engine.speak(jobs)
