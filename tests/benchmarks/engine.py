"""The engine that is measured: real workers, the real runner, and a sink that drops the audio."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from ttsflow.config import Flag, load
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.output import Sink
from ttsflow.report import Unobserved, WorkerInfo
from ttsflow.runner import Runner, StoreWriter, StreamHandle
from ttsflow.session.setup import Setup, make_setup

LOADED_WITHIN_S = 60.0


def setup_for(
    backend: str,
    workers: int,
    options: Mapping[str, Any] | None = None,
    *,
    limits: Mapping[str, Any] | None = None,
    plugins: Sequence[Path] = (),
    cluster: str | None = None,
) -> Setup:
    """What `ttsflow run --backend BACKEND --policy bounded-parallel` settles; WORKERS chunks at a time.

    With the address of a `cluster` they are spoken there.
    """
    flags = [
        *([] if cluster is None else [Flag("benchmark", "cluster.address", cluster)]),
        *(Flag("benchmark", f"limits.{key}", value) for key, value in (limits or {}).items()),
        Flag("benchmark", "backend.use", backend),
        Flag("benchmark", "backend.options", dict(options or {})),
        Flag("benchmark", "policy.options.max_concurrent", workers),
    ]
    return make_setup(load("bounded-parallel", None, flags), plugins, fallback_allowed=False, listening=False)


class ReadyEngine:
    """A runner whose workers have loaded, so that no start-up is measured."""

    def __init__(self, setup: Setup, workers: int) -> None:
        self._greetings = Greetings()
        self._workers = workers
        self._runner = Runner(setup.scheduler(), setup.workers, setup.config.limits, self._greetings)

    def __enter__(self) -> Self:
        self._runner.start()
        for _ in range(self._workers):
            self.await_worker()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close(now=error is not None)

    def await_worker(self) -> WorkerInfo:
        """Wait until a worker has loaded, one more than were awaited before."""
        return self._greetings.ready.get(timeout=LOADED_WITHIN_S)

    def open(
        self, jobs: Sequence[ChunkJob], sink: Sink | None = None, store: StoreWriter | None = None
    ) -> StreamHandle:
        """Begin to speak the jobs; without a sink or a store their audio goes nowhere."""
        stream = jobs[0].stream
        if store is not None:
            return self._runner.open_stored(stream, jobs, store)
        return self._runner.open(stream, jobs, sink or Nowhere())

    def speak(
        self, jobs: Sequence[ChunkJob], sink: Sink | None = None, store: StoreWriter | None = None
    ) -> float:
        """Seconds from the first job's submission until the last was delivered and the stream was closed."""
        began = time.perf_counter()
        account = self.open(jobs, sink, store).wait()
        took_s = time.perf_counter() - began
        if account.delivered != len(jobs):
            raise RuntimeError(f"{len(jobs)} chunks were to be delivered: {account}")
        return took_s


class Nowhere:
    """A sink that drops the audio."""

    def open(self) -> None: ...
    def write(self, pieces: Sequence[AudioPiece]) -> None: ...
    def end_chunk(self, outcome: Outcome) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class Greetings(Unobserved):
    """An observer that hears of workers, and of nothing else."""

    def __init__(self) -> None:
        self.ready: SimpleQueue[WorkerInfo] = SimpleQueue()

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        self.ready.put(info)
