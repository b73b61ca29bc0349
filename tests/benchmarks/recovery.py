"""From the SIGKILL of a worker until its chunk is spoken elsewhere, in units of a worker's start-up.

Elsewhere is another worker that is idle, or the killed one's own successor where there is no other. A
start-up is measured in each round: from the start of a runner until its only worker has loaded. The
backend is `sim`, which loads at once, so that what is left is the interpreter and the imports; a
model that takes long to load makes the first figure smaller, and the second one nearer to 1. When a
chunk is begun is noted by the worker that begins with it. Linux only.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.engine import ReadyEngine, setup_for
from tests.benchmarks.pairs import Figure, Workload, medians, ratios
from tests.crash_loop.runs import NOTES, PLUGINS
from ttsflow import ChunkJob
from ttsflow.session.setup import Setup

CHUNK_S = 0.3
LOOK_S = 0.0002  # between two looks at the notes
OPTIONS = {"chunk_s": CHUNK_S, "device": "cpu"}


def measure(workload: Workload) -> Iterator[Figure]:
    kills = workload.pick(25, 5)
    one, two = (setup_for("noted-sim", workers, OPTIONS, plugins=[PLUGINS]) for workers in (1, 2))
    rng = random.Random(1)
    with noted() as notes, ReadyEngine(two, 2) as both:
        rounds = [one_round(rng, notes, one, both) for _ in range(1 + kills)][1:]
    elsewhere_s, restarted_s, start_s = medians(rounds)
    for name, times, took_s in (
        ("another idle worker", [(idle, start) for idle, _, start in rounds], elsewhere_s),
        ("its own successor", [(own, start) for _, own, start in rounds], restarted_s),
    ):
        yield Figure(
            f"SIGKILL of a worker until its chunk is spoken by {name} / a worker's start-up",
            ratios(times),
            f"`sim`, killed at a random moment of a chunk; {kills} kills, a start-up beside each",
            f"{1e3 * took_s:.0f} ms against {1e3 * start_s:.0f} ms",
        )


def one_round(
    rng: random.Random, notes: Notes, alone: Setup, both: ReadyEngine
) -> tuple[float, float, float]:
    """Seconds from a kill until the chunk is spoken by another worker, by a successor; and of a start-up."""
    elsewhere_s = killed(rng, notes, both)
    both.await_worker()
    both.speak([ChunkJob("between", index, f"A chunk for worker {index}.") for index in (0, 1)])
    began = time.perf_counter()
    with ReadyEngine(alone, 1) as single:
        start_s = time.perf_counter() - began
        return elsewhere_s, killed(rng, notes, single), start_s


def killed(rng: random.Random, notes: Notes, engine: ReadyEngine) -> float:
    """Seconds from the kill of a worker with a chunk until another one begins with it."""
    notes.forget()
    handle = engine.open([ChunkJob("killed", 0, "It is spoken twice, since its worker is killed.")])
    pid, _ = notes.begun(1)
    time.sleep(rng.uniform(0.0, CHUNK_S / 2))
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    again, at = notes.begun(2)
    if handle.wait().delivered != 1 or again == pid:
        raise RuntimeError("a chunk was to be spoken by another worker")
    return at - began


@dataclass(frozen=True, slots=True)
class Notes:
    """What the workers of this process note when they begin with a chunk."""

    path: Path

    def forget(self) -> None:
        self.path.write_text("")

    def begun(self, count: int) -> tuple[int, float]:
        """Wait until so many chunks were begun; the process that began the last, and the time."""
        while len(lines := self.path.read_text().splitlines()) < count:
            time.sleep(LOOK_S)
        _, pid, at = lines[count - 1].split()
        return int(pid), float(at)


@contextmanager
def noted() -> Iterator[Notes]:
    """Have workers that are started inside note what they begin with."""
    with TemporaryDirectory() as folder:
        notes = Notes(Path(folder) / "notes")
        os.environ[NOTES] = str(notes.path)
        try:
            yield notes
        finally:
            del os.environ[NOTES]
