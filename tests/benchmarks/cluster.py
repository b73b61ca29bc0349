"""What a Ray cluster costs, against the processes of this machine: two nodes of it, with pretended GPUs.

All workers have loaded before the clock starts, and both sides take turns. A killed actor, and a node killed
as a power failure does it, are timed until the chunk that was spoken there is begun by another worker. Linux
only.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import psutil

from tests.benchmarks.engine import ReadyEngine, setup_for
from tests.benchmarks.engine_overhead import OPTIONS, WORKERS
from tests.benchmarks.pairs import Bound, Figure, Spread, Workload, in_turns, medians, ratios
from tests.benchmarks.recovery import Notes, noted
from tests.cluster.nodes import Nodes, started
from tests.crash_loop.runs import PLUGINS
from ttsflow import ChunkJob

GPUS = 4
CHUNK_S = 0.1
SLOW_S = 0.5  # of a chunk that is killed


def measure(workload: Workload) -> Iterator[Figure]:
    with noted() as notes, started() as nodes:
        for name in ("alpha", "beta"):
            nodes.add(name, gpus=GPUS // 2, cpus=GPUS)
        yield overhead(workload, nodes)
        yield from book(workload, nodes)
        yield from recovery(workload, nodes, notes)


@contextmanager
def ready(workers: int, options: Mapping[str, Any], **given: Any) -> Iterator[tuple[ReadyEngine, float]]:
    """An engine whose workers have loaded, and the seconds that it took to have it."""
    began = time.perf_counter()
    setup = setup_for(given.pop("backend", "sim"), workers, options, **given)
    try:
        with ReadyEngine(setup, workers) as engine:
            yield engine, time.perf_counter() - began
    finally:
        setup.close()


def overhead(workload: Workload, nodes: Nodes) -> Figure:
    """Of a chunk of 1 MiB in one piece."""
    chunks, rounds = workload.pick(500, 100), workload.pick(15, 5)
    jobs = [ChunkJob("overhead", index, "a chunk") for index in range(chunks)]
    with (
        ready(WORKERS, OPTIONS | {"device": "cuda"}, cluster=nodes.address) as (there, _),
        ready(WORKERS, OPTIONS) as (here, _),
    ):
        times = in_turns([partial(side.speak, jobs) for side in (there, here)], rounds)
    ours, theirs = (1e3 * seconds / chunks for seconds in medians(times))
    return Figure(
        "overhead of a chunk: workers of a cluster / processes",
        ratios(times),
        f"`sim` at no cost, {WORKERS} workers, {chunks:,} chunks of 1 MiB; {rounds} rounds",
        f"{ours:.2f} ms against {theirs:.2f} ms a chunk",
        Bound("at most", 3.0),
    )


def book(workload: Workload, nodes: Nodes) -> Iterator[Figure]:
    """The makespan of a book, and the start-up before it."""
    chunks, rounds, starts = workload.pick(200, 80), workload.pick(9, 3), workload.pick(5, 2)
    jobs = [ChunkJob("book", index, f"Chunk {index} of a book.") for index in range(chunks)]
    options = {"chunk_s": CHUNK_S}
    remote = partial(ready, GPUS, options | {"device": "cuda"}, cluster=nodes.address)
    local = partial(ready, GPUS, options | {"device": "cpu"})
    with remote() as (there, _), local() as (here, _):
        times = in_turns([partial(side.speak, jobs) for side in (there, here)], rounds)
    ours, theirs = medians(times)
    yield Figure(
        "a book on 4 GPUs of 2 nodes / on 4 processes",
        ratios(times),
        f"`sim` with {CHUNK_S} s a chunk, {chunks} chunks, loaded workers; {rounds} rounds",
        f"{ours:.2f} s against {theirs:.2f} s",
        Bound("at most", 1.1),
    )

    def start(side: Callable[[], AbstractContextManager[tuple[ReadyEngine, float]]]) -> float:
        with side() as (_, took_s):
            return took_s

    times = in_turns([partial(start, side) for side in (remote, local)], starts, warm_up=0)
    ours, theirs = medians(times)
    yield Figure(
        "start-up of 4 workers, with joining the cluster / of 4 processes",
        ratios(times),
        f"`sim`, which loads at once; {starts} times",
        f"{ours:.1f} s against {theirs:.1f} s",
    )


def recovery(workload: Workload, nodes: Nodes, notes: Notes) -> Iterator[Figure]:
    """From a kill until the chunk is begun elsewhere."""
    kills, losses = workload.pick(15, 4), workload.pick(5, 2)
    options = {"chunk_s": SLOW_S}
    plugin = {"backend": "noted-sim", "plugins": [PLUGINS]}
    with (
        ready(GPUS, options | {"device": "cuda"}, cluster=nodes.address, **plugin) as (there, _),
        ready(GPUS, options | {"device": "cpu"}, **plugin) as (here, _),
    ):
        times = []
        for _ in range(kills):
            times.append((killed(notes, there, of_actor) or 0.0, killed(notes, here, of_process) or 0.0))
            there.await_worker()
            here.await_worker()
    ours, theirs = medians(times)
    yield Figure(
        "SIGKILL of an actor until its chunk is begun elsewhere / of a process",
        ratios(times),
        f"`sim`, another worker is idle; {kills} kills",
        f"{1e3 * ours:.0f} ms against {1e3 * theirs:.0f} ms",
    )
    lost: list[float] = []
    while len(lost) < losses:
        node = nodes.add(f"lost-{len(lost)}", gpus=GPUS, cpus=GPUS)
        with ready(2 * GPUS, options | {"device": "cuda"}, cluster=nodes.address, **plugin) as (there, _):
            took_s = killed(notes, there, partial(of_node, nodes, node), GPUS)
            if took_s is not None:
                lost.append(1e3 * took_s)
    yield Figure(
        "loss of a node until its chunks are begun elsewhere",
        Spread.of(lost),
        f"`sim`, other workers are idle; {losses} nodes, all processes of each killed",
        unit="ms",
    )


def killed(
    notes: Notes, engine: ReadyEngine, kill: Callable[[list[int]], int], chunks: int = GPUS - 1
) -> float | None:
    """Seconds from a kill until all chunks that it cost have been begun again; None where it cost none."""
    notes.forget()
    jobs = [ChunkJob("killed", index, f"Chunk {index} is spoken twice, perhaps.") for index in range(chunks)]
    handle = engine.open(jobs)
    pids = [notes.begun(number)[0] for number in range(1, chunks + 1)]
    began = time.monotonic()
    cost = kill(pids)
    at = notes.begun(chunks + cost)[1] if cost else None
    if handle.wait().delivered != chunks:
        raise RuntimeError("a chunk is lost")
    return None if at is None else at - began


def of_process(pids: list[int]) -> int:
    os.kill(pids[0], signal.SIGKILL)
    return 1


def of_actor(pids: list[int]) -> int:
    os.kill(psutil.Process(pids[0]).ppid(), signal.SIGKILL)
    return 1


def of_node(nodes: Nodes, node: Any, pids: list[int]) -> int:
    """Kill it on a thread of its own, since that waits until Ray has noticed; the chunks that it cost."""
    raylet = node.all_processes["raylet"][0].process.pid
    cost = sum(raylet in [each.pid for each in psutil.Process(pid).parents()] for pid in pids)
    threading.Thread(target=nodes.kill, args=(node,)).start()
    return cost
