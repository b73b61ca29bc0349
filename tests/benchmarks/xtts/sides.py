"""The sides and their processes: a fresh interpreter for each side of each round, one at work at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Self

from tests.benchmarks.xtts import clock, upstream
from tests.benchmarks.xtts.ours import ours
from tests.benchmarks.xtts.work import Reading, Work

REFERENCE, THREADS, PROCESSES, STREAM = (
    "upstream",
    "upstream-threads",
    "upstream-processes",
    "upstream-stream",
)
DTYPES = "float32", "bfloat16"
SLOTS = 1, 2, 4, 8, 16
Measure = Callable[..., Reading]


def side(dtype: str, slots: int, graphs: bool = True) -> str:
    return f"{dtype}-{slots}" + ("" if graphs else "-no-graphs")


ON_CPU = tuple((dtype, k, True) for dtype in DTYPES for k in SLOTS)
ON_CUDA = (
    *(("float32", k, True) for k in (1, 8, 16)),
    *(("bfloat16", k, graphs) for k in (1, 8, 16) for graphs in (True, False)),
    ("float16", 16, True),
)
OURS = {side(*each): each for each in (*ON_CPU, *ON_CUDA)}
"""number format, slots, and whether steps are recorded, by the side's name"""
SIDES: dict[str, Sequence[Measure]] = {
    REFERENCE: [upstream.sequential],
    THREADS: [upstream.two_threads],
    PROCESSES: [partial(upstream.half, number=number) for number in (0, 1)],
    STREAM: [upstream.stream],
    **{
        name: [partial(ours, dtype=dtype, slots=slots, graphs=graphs)]
        for name, (dtype, slots, graphs) in OURS.items()
    },
}
"""what each process of a side does; processes share the threads"""
USUAL = {
    "cpu": (REFERENCE, THREADS, PROCESSES, STREAM, *(side(*each) for each in ON_CPU)),
    "cuda": (REFERENCE, STREAM, *(side(*each) for each in ON_CUDA)),
}
"""the sides of a run; on a GPU so few that a run of one round should take less than eight minutes"""


def measure(name: str, work: Work) -> Reading:
    """One side, once."""
    tasks = SIDES[name]
    shared = replace(work, threads=max(work.threads // len(tasks), 1))
    with Processes([partial(_side, task, shared) for task in tasks]) as processes:
        return together(processes.results())


def measure_bandwidth(work: Work) -> float:
    """Bytes a second that memory can be read with."""
    reading: Reading = apart(partial(clock.bandwidth, work))
    assert reading.bytes_per_s is not None
    return reading.bytes_per_s


def apart(task: Callable[[], Any]) -> Any:
    """What a function gives that runs in a process of its own."""
    with Processes([partial(_alone, task)]) as processes:
        [result] = processes.results()
        return result


def together(readings: Sequence[Reading]) -> Reading:
    """What processes have measured that ran side by side."""
    if len(readings) == 1:
        return readings[0]
    cuda = [reading.cuda_mib for reading in readings if reading.cuda_mib is not None]
    chunks = [reading.chunk_s for reading in readings if reading.chunk_s is not None]
    return Reading(
        audio_s=sum(reading.audio_s for reading in readings),
        wall_s=max(reading.wall_s for reading in readings),
        chunk_s=sum(chunks) / len(chunks),
        first_s=max(chunks),
        busy=min(reading.busy for reading in readings if reading.busy is not None),
        peak_mib=sum(reading.peak_mib for reading in readings),
        loading_mib=sum(reading.loading_mib for reading in readings),
        cuda_mib=sum(cuda) if cuda else None,
    )


class Processes:
    """Processes that get ready one after the other, and then work at the same time."""

    def __init__(self, tasks: Sequence[Callable[[Connection], None]]) -> None:
        context = get_context("spawn")  # a fresh interpreter, as a worker is
        self._ends: list[Connection] = []
        self._processes: list[SpawnProcess] = []
        for task in tasks:
            mine, theirs = context.Pipe()
            self._processes.append(context.Process(target=task, args=(theirs,), daemon=True))
            self._processes[-1].start()
            theirs.close()
            self._ends.append(mine)
            self._receive(mine)

    def results(self) -> list[Any]:
        for end in self._ends:
            end.send("go")
        return [self._receive(end) for end in self._ends]

    def _receive(self, end: Connection) -> Any:
        try:
            return end.recv()
        except EOFError as error:
            self._end()
            raise RuntimeError("a process of the benchmark has failed; its error is above") from error

    def _end(self) -> None:
        for process in self._processes:
            process.kill()
            process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            for process in self._processes:
                process.join()
        else:
            self._end()


def _side(task: Measure, work: Work, end: Connection) -> None:
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"  # it warns of the model's config at each load
    loading = []

    def ready() -> None:
        _ready(end)
        loading.append(clock.peak_mib())
        clock.forget_peak()

    end.send(replace(task(work, ready), loading_mib=loading[0]))


def _alone(task: Callable[[], Any], end: Connection) -> None:
    _ready(end)
    end.send(task())


def _ready(end: Connection) -> None:
    end.send("ready")
    end.recv()
