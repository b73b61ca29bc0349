"""The runner: one thread owns the scheduler, feeds it what happens, and carries out what it says."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Event, Thread
from types import TracebackType
from typing import Self

from ttsflow.errors import PolicyError, RunError, TtsflowError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.output import Sink
from ttsflow.report import Observer, Unobserved
from ttsflow.runner.crew import Crew
from ttsflow.runner.inbox import Close, Message, Open
from ttsflow.runner.keeping import Keeper
from ttsflow.runner.stream import INTERRUPTIBLE_S, StreamEdge, StreamHandle, Told, join
from ttsflow.runner.watchdog import Watchdog
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.driven import Driven
from ttsflow.scheduler.limits import Limits
from ttsflow.workers.wire import Recipe

logger = logging.getLogger(__name__)

ABORT_S = 1.0
"""seconds that sinks have to abort when the runner is to close now"""


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
        self._patience_s = limits.timeouts.close_s
        self._observer: Observer = observer or Unobserved()
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._crew = Crew(recipe, self._inbox.put)
        self._streams: dict[str, StreamEdge] = {}
        self._finishing: list[StreamEdge] = []  # the scheduler is through with them, their sinks may not be
        self._wake: float | None = None
        self._over: BaseException | None = None  # why no stream can be opened any more
        self._stuck = Event()  # the owner's thread will never do anything again
        self._watchdog = Watchdog(limits.timeouts.policy_s, self._give_up)
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
        self._watchdog.start()
        self._owner.start()

    def open(
        self,
        stream: str,
        jobs: Iterable[ChunkJob],
        sink: Sink,
        live: bool = False,
        weight: float = 1.0,
        keeper: Keeper | None = None,
    ) -> StreamHandle:
        """Speak `jobs` into `sink`, which has been opened. Both may block; `jobs` is pulled as there is room.

        With a `keeper` each chunk is kept there as soon as it is whole, and the sink is told of it in text
        order, without its audio. May be called from any thread. `stream` must not be the id of a stream
        that is still open.
        """
        edge = StreamEdge(stream, jobs, sink, self._inbox.put, keeper)
        self._inbox.put(Open(edge, live, weight, keeper is not None))
        if self._over is not None:  # the owner may have looked into its inbox for the last time
            edge.abandon(self._over)
            join([edge], ABORT_S)
        return edge.handle

    def drain(self) -> None:
        """Finish what is in work, start nothing more, then end every stream.

        It takes `limits.timeouts.drain_s` at most.
        """
        self._inbox.put(msg.Drain())

    def close(self, now: bool = False) -> None:
        """End the workers: politely, and by SIGKILL after `limits.timeouts.close_s`; at once if `now`.

        Streams that are still open end with RunError. May be called again, say with `now` when a
        polite close is taking too long. Afterwards no process is left, and no thread but those that
        block inside a caller's source or sink.
        """
        self._inbox.put(Close(now))
        while self._owner.is_alive() and not self._stuck.is_set():
            self._owner.join(INTERRUPTIBLE_S)
        self._watchdog.end()

    # ------------------------------------------------------------ the owner's thread

    def _own(self) -> None:
        try:
            at_once = self._serve()
            self._over = RunError("the runner was closed before the stream had ended")
            self._cancel_streams(self._over)
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
        with self._watchdog:
            commands = self._scheduler.start(now)
        self._carry_out(commands, now)
        close: Close | None = None
        while close is None:
            events: list[msg.Event] = []
            for message in self._take(self._wake):
                if isinstance(message, Close):
                    close = message
                    break
                events.extend(self._understand(message))
            now = time.monotonic()
            with self._watchdog:
                commands = self._scheduler.feed(events, now)
            self._carry_out(commands, now)
        return close.now

    def _take(self, until: float | None) -> Iterator[Message]:
        """All messages there are; waits for the first one, at most until `until`."""
        timeout = None if until is None else min(max(0.0, until - time.monotonic()), TIMEOUT_MAX)
        try:
            yield self._inbox.get(timeout=timeout)
            while True:
                yield self._inbox.get_nowait()
        except Empty:
            return

    def _understand(self, message: msg.Event | Told | Open) -> Iterator[msg.Event]:
        """Take note of a message; what the scheduler is to hear of it."""
        match message:
            case Open(edge, live, weight, stored):
                if edge.stream in self._streams:
                    edge.abandon(ValueError(f"stream {edge.stream!r} is open already"))
                    self._finishing.append(edge)
                    return
                self._streams[edge.stream] = edge
                yield msg.OpenStream(edge.stream, live, weight, stored)
            case Told(edge, event, error):
                if self._streams.get(edge.stream) is not edge:
                    return
                if error is not None:
                    edge.failed(error)
                yield event
            case msg.WorkerLoading(worker, _, what):
                self._observer.loading(worker, what, time.monotonic())
                yield message
            case msg.WorkerReady(worker, generation):
                process = self._crew.get(worker, generation)
                assert process is not None
                assert process.info is not None
                self._observer.worker_ready(process.info, time.monotonic())
                yield message
            case msg.Died(worker, generation) | msg.LoadFailed(worker, generation):
                self._crew.forget(worker, generation)
                yield message
            case _:
                yield message

    # ------------------------------------------------------------ commands

    def _carry_out(self, commands: Sequence[msg.Command], now: float) -> None:
        stop = commands[-1] if commands and isinstance(commands[-1], msg.Stop) else None
        for command in commands:
            match command:
                case msg.Deliver(stream, index, _, audio_s, outcome):
                    if audio_s:
                        self._observer.delivered(stream, index, audio_s, now)
                    if outcome is not None:
                        self._observer.ended(outcome, now)
                    self._streams[stream].pass_on(command)
                case msg.Commit(outcome):
                    self._streams[outcome.job.stream].commit(command)
                case msg.GaveUp(outcome):
                    self._observer.ended(outcome, now)
                    self._streams[outcome.job.stream].pass_on(command)
                case msg.StartJob(token, worker, generation, job):
                    if process := self._crew.get(worker, generation):
                        process.start_job(token, job)
                case msg.CancelJob(token, worker, generation):
                    if process := self._crew.get(worker, generation):
                        process.cancel_job(token)
                case msg.WantJobs(stream, count):
                    self._streams[stream].want(count)
                case msg.WakeAt(when):
                    self._wake = when
                case msg.StreamFinished():
                    self._finish(command, stop.error if stop else None)
                case msg.StartWorker():
                    self._crew.start(command)
                case msg.KillWorker(worker, generation, why):
                    logger.debug("worker %s#%d is killed: %s", worker, generation, why)
                    self._crew.kill(worker, generation)
                case msg.Notice(text):
                    self._observer.notice(text)
                case msg.Stop(error):
                    raise error

    def _finish(self, command: msg.StreamFinished, error: BaseException | None) -> None:
        edge = self._streams.pop(command.stream)
        if error is None:
            edge.finish(command.account, whole=command.why is None)
        else:
            edge.abandon(error, command.account)
        self._finishing = [other for other in self._finishing if not other.ended] + [edge]

    # ------------------------------------------------------------ the end

    def _give_up(self, where: str) -> None:
        """The scheduler does not come back, so on the watchdog's thread: end what can be ended without it."""
        error = PolicyError(f"{self._scheduler.doing} does not come back: it is stuck in {where}")
        self._over = error
        self._crew.kill_all()
        edges = list(self._streams.values())
        for edge in edges:
            edge.abandon(error)
        join(edges, ABORT_S)
        self._stuck.set()

    def _cancel_streams(self, error: BaseException) -> None:
        """End the streams that are still open with `error`, and with their accounts."""
        cancels = [msg.CancelStream(stream, str(error)) for stream in self._streams]
        for command in self._scheduler.feed(cancels, time.monotonic()):
            if isinstance(command, msg.StreamFinished):  # the workers are about to end in any case
                self._finish(command, error)

    def _end(self, error: BaseException, at_once: bool) -> None:
        """End everything. From the moment `_over` was set, `open` refuses by itself."""
        for edge in self._streams.values():
            edge.abandon(error)
        self._finishing += self._streams.values()
        self._end_workers(error, at_once)
        for edge in join(self._finishing, ABORT_S if at_once else self._patience_s):
            edge.handle.wake(error)

    def _end_workers(self, error: BaseException, at_once: bool) -> None:
        if not at_once:
            self._crew.close()
            self._await_workers(error, killed=False)
        self._crew.kill_all()
        self._await_workers(error, killed=True)

    def _await_workers(self, error: BaseException, killed: bool) -> None:
        """Wait until all workers have ended, for a time; no longer where they are to be killed now."""
        deadline = time.monotonic() + self._patience_s
        hurry = False
        while (self._crew or not self._inbox.empty()) and not hurry:
            messages = list(self._take(deadline))
            if not messages:
                return
            for message in messages:
                match message:
                    case msg.Died(worker, generation) | msg.LoadFailed(worker, generation):
                        self._crew.forget(worker, generation)
                    case Open(edge):
                        edge.abandon(error)
                        self._finishing.append(edge)
                    case Close(now=True):
                        hurry = not killed
