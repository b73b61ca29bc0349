"""A hundred texts of ten chunks in one run, against one text of a thousand chunks: the same work in all.

Both go to files with a store beside each, through one engine whose workers are loaded before the clock
starts, and take turns. Each round has a folder of its own. At no cost of the engine, only what a text costs
by itself is left: its store, its file, and its place among the others.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.pairs import Figure, Workload, in_turns, medians, ratios
from ttsflow import Engine, Task

WORKERS = 2
CHUNKS = 10  # of each text
SETTINGS = {
    "backend.use": "sim",
    "backend.options.audio_s": 1.0,
    "backend.options.device": "cpu",
    "policy.use": "bounded-parallel",
    "policy.options.max_concurrent": WORKERS,
}


def measure(workload: Workload) -> Iterator[Figure]:
    for cost_s in (0.02, 0.0):
        yield compare(workload.pick(100, 10), cost_s, workload.pick(5, 1))


def compare(texts: int, cost_s: float, rounds: int) -> Figure:
    with Engine(settings=SETTINGS | {"backend.options.chunk_s": cost_s}) as engine:
        engine.ready()
        times = in_turns([lambda: many_s(engine, texts), lambda: one_s(engine, texts)], rounds)
    many, one = medians(times)
    cost = f"{1e3 * cost_s:.0f} ms a chunk" if cost_s else "no cost"
    return Figure(
        f"makespan, {texts} texts of {CHUNKS} chunks / 1 text of {texts * CHUNKS:,}, {cost}",
        ratios(times),
        f"`sim`, {WORKERS} workers, outputs and stores on disk; {rounds} pairs",
        f"{many:.2f} s against {one:.2f} s",
    )


def many_s(engine: Engine, texts: int) -> float:
    """Seconds until all files are there."""
    with TemporaryDirectory(dir=".") as folder:
        tasks = [Task(text_of(n, CHUNKS), Path(folder) / f"{n}.wav") for n in range(texts)]
        began = time.perf_counter()
        ended = [result.state for result in engine.speak_all(tasks)]
        took_s = time.perf_counter() - began
    if ended != ["spoken"] * texts:
        raise RuntimeError(f"{texts} texts were to be spoken: {ended}")
    return took_s


def one_s(engine: Engine, texts: int) -> float:
    """Seconds until the file is there."""
    with TemporaryDirectory(dir=".") as folder:
        text = "\n\n".join(text_of(n, CHUNKS) for n in range(texts))
        began = time.perf_counter()
        engine.speak(text, Path(folder) / "one.wav")
        return time.perf_counter() - began


def text_of(number: int, chunks: int) -> str:
    """A text of so many chunks that no other text has."""
    return "\n\n".join(f"This is part {part} of text {number}." for part in range(chunks))
