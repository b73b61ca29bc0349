"""The runner: one thread owns the scheduler, feeds it what happens, and carries out what it says."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Thread
from types import TracebackType
from typing import Self

from ttsflow.config.model import Limits
from ttsflow.errors import RunError, TtsflowError
from ttsflow.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.report import Observer, WorkerInfo
from ttsflow.runner.stream import INTERRUPTIBLE_S, StreamEdge, StreamHandle
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.messages import Driven
from ttsflow.sinks import Sink
from ttsflow.workers.process import WorkerProcess
from ttsflow.workers.wire import Recipe

logger = logging.getLogger(__name__)

ABORT_S = 1.0
"""seconds that sinks have to abort when the runner is to close now"""


@dataclass(frozen=True, slots=True)
class _Open:
    edge: StreamEdge
    live: bool
    weight: float


@dataclass(frozen=True, slots=True)
class _Close:
    now: bool


class Unobserved:
    """An observer that lets everything pass."""

    def worker_ready(self, info: WorkerInfo, now: float) -> None: ...
    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None: ...
    def ended(self, outcome: Outcome, now: float) -> None: ...
    def notice(self, text: str) -> None: ...


class Runner:
    """Runs a scheduler's commands with real worker processes, until it is closed.

    Readers of workers, sources and sinks have threads of their own and put messages into one inbox;
    the owner's thread takes them out, feeds the scheduler and does what it commands. Nothing is
    shared between threads but the inbox and the queues of the streams' edges.
    """

    def __init__(
        self, scheduler: Driven, recipe: Recipe, limits: Limits, observer: Observer | None = None
    ) -> None:
        self._scheduler = scheduler
        self._recipe = recipe
        self._patience_s = limits.timeouts.close_s
        self._observer: Observer = observer or Unobserved()
        self._inbox: SimpleQueue[msg.Event | _Open | _Close] = SimpleQueue()
        self._workers: dict[tuple[str, int], WorkerProcess] = {}
        self._held_back: dict[str, msg.StartWorker] = {}  # until the generation before is really gone
        self._streams: dict[str, StreamEdge] = {}
        self._finishing: list[StreamEdge] = []  # the scheduler is through with them, their sinks may not be
        self._wake: float | None = None
        self._over: BaseException | None = None  # why no stream can be opened any more
        self._owner = Thread(target=self._own, name="ttsflow runner", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(now=error is not None)

    def start(self) -> None:
        """Start the first workers."""
        self._owner.start()

    def open(
        self, stream: str, jobs: Iterable[ChunkJob], sink: Sink, live: bool = False, weight: float = 1.0
    ) -> StreamHandle:
        """Speak `jobs` into `sink`, which has been opened. Both may block; `jobs` is pulled as there is room.

        May be called from any thread. `stream` must not be the id of a stream that is still open.
        """
        edge = StreamEdge(stream, jobs, sink, self._inbox.put)
        self._inbox.put(_Open(edge, live, weight))
        if self._over is not None:  # the owner may have looked into its inbox for the last time
            edge.abandon(self._over)
            edge.join(ABORT_S)
        return edge.handle

    def close(self, now: bool = False) -> None:
        """End the workers: politely, and by SIGKILL after `limits.timeouts.close_s`; at once if `now`.

        Streams that are still open end with RunError. May be called again, say with `now` when a
        polite close is taking too long. Afterwards no process is left, and no thread but those that
        block inside a caller's source or sink.
        """
        self._inbox.put(_Close(now))
        while self._owner.is_alive():
            self._owner.join(INTERRUPTIBLE_S)

    # ------------------------------------------------------------ the owner's thread

    def _own(self) -> None:
        try:
            at_once = self._serve()
            self._over = RunError("the runner was closed before the stream had ended")
        except BaseException as error:  # Stop, or a bug: nobody may wait for what will never come
            if not isinstance(error, TtsflowError):
                logger.exception("the runner failed")
            self._over, at_once = error, True
        self._end(self._over, at_once)

    def _serve(self) -> bool:
        """Drive the scheduler until the runner is closed; whether it is to close at once.

        Raises the error of Stop.
        """
        now = time.monotonic()
        self._carry_out(self._scheduler.start(now), now)
        while True:
            events: list[msg.Event] = []
            for message in self._take(self._wake):
                match message:
                    case _Close():
                        return message.now
                    case _Open():
                        events.extend(self._admit(message))
                    case msg.WorkerReady(worker, generation):
                        self._greet(worker, generation)
                        events.append(message)
                    case msg.Died(worker, generation) | msg.LoadFailed(worker, generation):
                        self._forget(worker, generation)
                        events.append(message)
                    case _:
                        events.append(message)
            now = time.monotonic()
            self._carry_out(self._scheduler.feed(events, now), now)

    def _take(self, until: float | None) -> Iterator[msg.Event | _Open | _Close]:
        """All messages there are; waits for the first one, at most until `until`."""
        timeout = None if until is None else min(max(0.0, until - time.monotonic()), TIMEOUT_MAX)
        try:
            yield self._inbox.get(timeout=timeout)
            while True:
                yield self._inbox.get_nowait()
        except Empty:
            return

    def _admit(self, message: _Open) -> Iterator[msg.Event]:
        edge = message.edge
        if edge.stream in self._streams:
            edge.abandon(ValueError(f"stream {edge.stream!r} is open already"))
            self._finishing.append(edge)
        else:
            self._streams[edge.stream] = edge
            yield msg.OpenStream(edge.stream, message.live, message.weight)

    def _greet(self, worker: str, generation: int) -> None:
        info = self._workers[worker, generation].info
        assert info is not None
        self._observer.worker_ready(info, time.monotonic())

    def _forget(self, worker: str, generation: int) -> None:
        process = self._workers.pop((worker, generation), None)
        if process is not None:  # else it could not even be started
            process.join()
        if (held_back := self._held_back.pop(worker, None)) is not None:
            self._start_worker(held_back)

    # ------------------------------------------------------------ commands

    def _carry_out(self, commands: Sequence[msg.Command], now: float) -> None:
        stop = commands[-1] if commands and isinstance(commands[-1], msg.Stop) else None
        for command in commands:
            match command:
                case msg.Deliver(stream, index, payloads, outcome):
                    if payloads:
                        self._observer.delivered(stream, index, seconds(payloads), now)
                    if outcome is not None:
                        self._observer.ended(outcome, now)
                    self._streams[stream].pass_on(command)
                case msg.GaveUp(outcome):
                    self._observer.ended(outcome, now)
                    self._streams[outcome.job.stream].pass_on(command)
                case msg.StartJob(token, worker, generation, job):
                    if process := self._workers.get((worker, generation)):
                        process.start_job(token, job)
                case msg.CancelJob(token, worker, generation):
                    if process := self._workers.get((worker, generation)):
                        process.cancel_job(token)
                case msg.WantJobs(stream, count):
                    self._streams[stream].want(count)
                case msg.WakeAt(when):
                    self._wake = when
                case msg.StreamFinished():
                    self._finish(command, stop)
                case msg.StartWorker():
                    self._start_worker(command)
                case msg.KillWorker(worker, generation, why):
                    logger.debug("worker %s#%d is killed: %s", worker, generation, why)
                    self._held_back.pop(worker, None)
                    if process := self._workers.get((worker, generation)):
                        process.kill()
                case msg.Notice(text):
                    self._observer.notice(text)
                case msg.Stop(error):
                    raise error

    def _finish(self, command: msg.StreamFinished, stop: msg.Stop | None) -> None:
        edge = self._streams.pop(command.stream)
        if stop is None:
            edge.finish(command)
        else:
            edge.abandon(stop.error)
        self._finishing = [other for other in self._finishing if not other.ended] + [edge]

    def _start_worker(self, command: msg.StartWorker) -> None:
        worker, generation = command.worker, command.generation
        if (worker, generation - 1) in self._workers:  # two at a time may not fit in a device's memory
            self._held_back[worker] = command
            return
        try:
            process = WorkerProcess(worker, generation, command.spec, self._recipe, self._inbox.put)
        except OSError as error:
            # A missing interpreter stays missing; a lack of memory or of processes may pass.
            permanent = isinstance(error, (FileNotFoundError, PermissionError))
            why = f"no process can be started: {error}"
            self._inbox.put(msg.LoadFailed(worker, generation, why, permanent))
        else:
            self._workers[worker, generation] = process

    # ------------------------------------------------------------ the end

    def _end(self, error: BaseException, at_once: bool) -> None:
        """End everything. From the moment `_over` was set, `open` refuses by itself."""
        self._held_back.clear()
        for edge in self._streams.values():
            edge.abandon(error)
        self._finishing += self._streams.values()
        self._end_workers(error, at_once)
        deadline = time.monotonic() + (ABORT_S if at_once else self._patience_s)
        for edge in self._finishing:
            if not edge.join(max(0.0, deadline - time.monotonic())):
                edge.handle.fail(error)

    def _end_workers(self, error: BaseException, at_once: bool) -> None:
        for process in self._workers.values():
            if at_once:
                process.kill()
            else:
                process.close()
        self._await_workers(error, killed=at_once)
        for process in self._workers.values():
            process.kill()
        self._await_workers(error, killed=True)

    def _await_workers(self, error: BaseException, killed: bool) -> None:
        """Wait until all workers have ended, for a time; no longer where they are to be killed now."""
        deadline = time.monotonic() + self._patience_s
        hurry = False
        while (self._workers or not self._inbox.empty()) and not hurry:
            messages = list(self._take(deadline))
            if not messages:
                return
            for message in messages:
                match message:
                    case msg.Died(worker, generation) | msg.LoadFailed(worker, generation):
                        self._forget(worker, generation)
                    case _Open(edge):
                        edge.abandon(error)
                        self._finishing.append(edge)
                    case _Close(now=True):
                        hurry = not killed


def seconds(pieces: Sequence[AudioPiece]) -> float:
    """Length of the pieces together, in seconds."""
    return sum(len(piece.samples) / piece.sample_rate for piece in pieces)
