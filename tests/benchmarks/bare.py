"""What an engine is compared with: the shortest loop that hands requests to processes and takes arrays."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ttsflow.interface.jobs import ChunkJob

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Speak = Callable[[ChunkJob], NDArray[np.float32]]


class BareLoop:
    """Processes that speak one job at a time each, and one receiver that multiplexes their pipes.

    No order, no policy, no retries, no threads: a job goes to whichever process has just answered,
    and its array is dropped. `make` makes, in each process, what speaks a job. An array is pickled, as
    `Connection.send` does it, or with `raw` sent as the bytes it is.
    """

    def __init__(self, processes: int, make: Callable[[], Speak], *, raw: bool = False) -> None:
        context = get_context("spawn")  # a fresh interpreter, as a worker is
        self._receive: Callable[[Connection], object] = Connection.recv_bytes if raw else Connection.recv
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            mine, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, make, raw), daemon=True)
            process.start()
            theirs.close()
            self._ends.append(mine)
            self._processes.append(process)

    def __enter__(self) -> Self:
        for end in self._ends:
            end.recv()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in self._ends:
            end.send(None)
        for process in self._processes:
            process.join()

    def speak(self, jobs: Sequence[ChunkJob]) -> float:
        """Seconds until the arrays of all the jobs have come."""
        began = time.perf_counter()
        waiting = iter(jobs)
        busy: set[Connection] = set()
        for end, job in zip(self._ends, waiting, strict=False):
            end.send(job)
            busy.add(end)
        while busy:
            for end in busy.intersection(wait(busy)):
                self._receive(end)
                following = next(waiting, None)
                if following is None:
                    busy.remove(end)
                else:
                    end.send(following)
        return time.perf_counter() - began


def _serve(end: Connection, make: Callable[[], Speak], raw: bool) -> None:
    speak = make()
    end.send("ready")
    while (job := end.recv()) is not None:
        samples = speak(job)
        if raw:
            end.send_bytes(samples.data)
        else:
            end.send(samples)
