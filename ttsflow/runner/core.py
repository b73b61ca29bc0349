"""The runner: one thread owns the scheduler, gives it events, and carries out its commands."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Event, Thread
from types import TracebackType
from typing import Any, Self

from ttsflow.errors import Drained, PolicyError, RunError, TtsflowError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.output import Sink
from ttsflow.report import AttemptWatch, Observer, Unobserved, WorkerInfo
from ttsflow.runner.handle import StreamHandle
from ttsflow.runner.inbox import Await, Close, Message, Open
from ttsflow.runner.origin import Origin
from ttsflow.runner.outlet import Outlet
from ttsflow.runner.sink_thread import SinkThread
from ttsflow.runner.startup import Loading
from ttsflow.runner.store_writer import StoreWriter, StoreWriterThread
from ttsflow.runner.stream import RunningStream, StreamEvent, join
from ttsflow.runner.waits import INTERRUPTIBLE_S, settle, wait_for
from ttsflow.runner.watchdog import Watchdog
from ttsflow.runner.workers import WorkersFactory
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.messages import Driven

logger = logging.getLogger(__name__)

ABORT_S = 1.0
"""seconds that sinks and stores may take to end when the runner must close at once"""

CLOSED = "the engine is closed, and speaks no more; make another one"
DRAINED = "the engine was drained, and speaks no more; close it, and make another one"


class Runner:
    """Carries out a scheduler's commands with real workers, until it is closed.

    Workers, sources, sinks and stores have threads of their own and put messages into one inbox. The
    owner's thread takes them out, feeds the scheduler and carries out its commands. Threads share only the
    inbox and the queues of the streams. Any thread may call a runner, but only in the process that made it:
    in a forked child all methods except `close` raise RunError.
    """

    def __init__(
        self, scheduler: Driven, workers: WorkersFactory, limits: Limits, observer: Observer | None = None
    ) -> None:
        self._origin = Origin()
        self._patience_s = limits.timeouts.close_s
        self._observer: Observer = observer or Unobserved()
        self._scheduler = AttemptWatch(scheduler, self._observer)
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._workers = workers(self._inbox.put)
        self._loading = Loading()
        self._awaiting: list[Future[None]] = []  # of the callers that wait for the workers
        self._streams: dict[str, RunningStream] = {}
        self._finishing: list[
            RunningStream
        ] = []  # the scheduler is through with them, their outlets may not be
        self._wake: float | None = None
        self._over: BaseException | None = None  # why no stream can be opened any more
        self._closed = self._drained = False
        self._stuck = Event()  # set when the owner's thread is stuck for ever
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
        """Start the first workers. Raises RunError after `close`."""
        self.check_usable()
        self._watchdog.start()
        self._owner.start()

    def open(
        self,
        stream: str,
        jobs: Iterable[ChunkJob],
        sink: Sink,
        *,
        live: bool = False,
        weight: float = 1.0,
    ) -> StreamHandle:
        """Speak `jobs` into `sink`, which is open. Both may block; jobs are pulled when the window has room.

        The audio of a `live` stream is delivered piece by piece. `stream` must not be the name of a stream
        that is still open. After `close` the stream ends at once with RunError.
        """
        return self._open(stream, jobs, SinkThread(stream, sink), live, weight)

    def open_stored(
        self,
        stream: str,
        jobs: Iterable[ChunkJob],
        store: StoreWriter,
        *,
        weight: float = 1.0,
        examples: Sequence[tuple[ChunkJob, float]] = (),
    ) -> StreamHandle:
        """Speak `jobs` into `store`: each chunk as soon as it is complete, in any order. Else as `open`.

        `examples` are jobs that the store has already, each with the seconds of its audio.
        """
        return self._open(stream, jobs, StoreWriterThread(stream, store), False, weight, examples)

    def _open(
        self,
        name: str,
        jobs: Iterable[ChunkJob],
        outlet: Outlet[Any],
        live: bool,
        weight: float,
        examples: Sequence[tuple[ChunkJob, float]] = (),
    ) -> StreamHandle:
        self._origin.check()
        if self._drained:
            raise Drained(DRAINED)
        stream = RunningStream(name, jobs, outlet, self._inbox.put)
        self._inbox.put(Open(stream, live, weight, examples))
        if self._over is not None:  # the owner may have looked into its inbox for the last time
            stream.abandon(self._over)
            join([stream], ABORT_S)
        return stream.handle

    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until every placed worker has loaded its model or will not be restarted.

        Ctrl-C interrupts the wait. If no worker is left, raises WorkerError, or another error that ended the
        run. Raises TimeoutError after `timeout` seconds, with the last message of each worker, and RunError
        if the runner is closed.
        """
        self.check_usable()
        ready: Future[None] = Future()
        self._inbox.put(Await(ready))
        if self._over is not None:  # the owner may have looked into its inbox for the last time
            settle(ready, self._over)
        try:
            wait_for(ready, timeout)
        except TimeoutError:
            if ready.done():  # it is what ended the run
                raise
            why = f"the workers have not loaded within {timeout:g} s: {self._loading}"
            raise TimeoutError(why) from None

    def drain(self) -> None:
        """Finish the jobs in progress, start no more, then end every stream.

        This takes at most `limits.timeouts.drain_s`. New streams are refused from now on. Raises RunError
        after `close`.
        """
        self._origin.check()
        if self._closed:
            raise RunError(CLOSED)
        self._drained = True
        self._inbox.put(msg.Drain())

    def check_usable(self) -> None:
        """Raise as `check_running` does, and Drained after `drain`: no stream can be opened any more."""
        self.check_running()
        if self._drained:
            raise Drained(DRAINED)

    def check_running(self) -> None:
        """Raise RunError after `close` and in a forked child, or the error that ended the run."""
        self._origin.check()
        if self._closed:
            raise RunError(CLOSED)
        if self._over is not None:
            raise self._over

    def close(self, now: bool = False) -> None:
        """Ask the workers to end, and kill them after `limits.timeouts.close_s`; with `now`, kill at once.

        Open streams end with RunError. `close` may be called again, for example with `now` if it takes too
        long. Afterwards no process is left, and the only threads left are blocked in a caller's source or
        sink. In a forked child it does nothing, because the workers belong to the process that made the
        runner.
        """
        if not self._origin.is_here:
            return
        self._closed = True
        self._inbox.put(Close(now))
        while self._owner.is_alive() and not self._stuck.is_set():
            self._owner.join(INTERRUPTIBLE_S)
        self._watchdog.end()

    # ------------------------------------------------------------ the owner's thread

    def _own(self) -> None:
        try:
            at_once = self._serve()
            error: BaseException = RunError("the runner was closed before the stream had ended")
            self._over = RunError(CLOSED)
            self._cancel_streams(error)
        except BaseException as failure:  # Stop, or a bug: no caller may wait for ever
            if not isinstance(failure, TtsflowError):
                logger.exception("the runner failed")
            self._over = error = failure
            at_once = True
        self._end(error, at_once)

    def _serve(self) -> bool:
        """Drive the scheduler until the runner is closed. Returns whether it must close at once.

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
                events.extend(self._events_of(message))
            now = time.monotonic()
            with self._watchdog:
                commands = self._scheduler.feed(events, now)
            self._carry_out(commands, now)
        return close.now

    def _take(self, until: float | None) -> Iterator[Message]:
        """All messages in the inbox. Waits for the first one, at most until `until`."""
        timeout = None if until is None else min(max(0.0, until - time.monotonic()), TIMEOUT_MAX)
        try:
            yield self._inbox.get(timeout=timeout)
            while True:
                yield self._inbox.get_nowait()
        except Empty:
            return

    def _events_of(self, message: msg.Event | WorkerInfo | StreamEvent | Open | Await) -> Iterator[msg.Event]:
        """Process a message, and yield the scheduler's events for it."""
        match message:
            case Open(stream, live, weight, examples):
                if stream.name in self._streams:
                    stream.abandon(ValueError(f"stream {stream.name!r} is open already"))
                    self._finishing.append(stream)
                    return
                self._streams[stream.name] = stream
                yield msg.OpenStream(stream.name, live, weight, stream.stored, examples)
            case StreamEvent(stream, event, error):
                if self._streams.get(stream.name) is not stream:
                    return
                if error is not None:
                    stream.failed(error)
                yield event
            case Await(ready):
                self._awaiting.append(ready)
                yield msg.AwaitWorkers()
            case msg.WorkerLoading(worker, generation, what):
                self._loading.progress(worker, generation, what)
                self._observer.loading(worker, what, time.monotonic())
                yield message
            case WorkerInfo(worker, generation):
                self._loading.loaded(worker, generation)
                self._observer.worker_ready(message, time.monotonic())
                yield msg.WorkerReady(worker, generation)
            case msg.Died(worker, generation, why) | msg.LoadFailed(worker, generation, why):
                self._loading.ended(worker, generation, why)
                self._workers.forget(worker, generation)
                yield message
            case _:
                yield message

    # ------------------------------------------------------------ commands

    def _carry_out(self, commands: Sequence[msg.Command], now: float) -> None:
        if self._over is not None:  # the scheduler came back after it was given up: too late
            raise self._over
        stop = commands[-1] if commands and isinstance(commands[-1], msg.Stop) else None
        for command in commands:
            match command:
                case msg.Deliver(stream, index, _, audio_s, outcome):
                    if audio_s:
                        self._observer.delivered(stream, index, audio_s, now)
                    if outcome is not None:
                        self._observer.ended(outcome, now)
                    self._hand_over(self._streams[stream], command)
                case msg.Commit(outcome):
                    self._streams[outcome.job.stream].take(command)
                case msg.ChunkFailed(outcome):
                    self._observer.ended(outcome, now)
                    self._hand_over(self._streams[outcome.job.stream], command)
                case msg.StartJob(token, worker, generation, job):
                    self._workers.start_job(worker, generation, token, job)
                case msg.CancelJob(token, worker, generation):
                    self._workers.cancel_job(worker, generation, token)
                case msg.RequestJobs(stream, count):
                    self._streams[stream].want(count)
                case msg.WakeAt(when):
                    self._wake = when
                case msg.StreamFinished():
                    self._finish(command, stop.error if stop else None)
                case msg.StartWorker(worker, generation, spec):
                    self._loading.started(worker, generation)
                    self._workers.start(worker, generation, spec)
                case msg.KillWorker(worker, generation, why):
                    logger.debug("worker %s#%d is killed: %s", worker, generation, why)
                    self._loading.ended(worker, generation, why)
                    self._workers.kill(worker, generation)
                case msg.WorkersLoaded():
                    self._tell_waiters(None)
                case msg.Notice(text):
                    self._observer.notice(text)
                case msg.Stop(error):
                    raise error

    def _hand_over(self, stream: RunningStream, command: msg.Deliver | msg.ChunkFailed) -> None:
        if not stream.stored:  # else the store has it already
            stream.take(command)

    def _finish(self, command: msg.StreamFinished, error: BaseException | None) -> None:
        stream = self._streams.pop(command.stream)
        if error is None:
            stream.finish(command.account, whole=command.why is None)
        else:
            stream.abandon(error, command.account)
        self._finishing = [other for other in self._finishing if not other.ended] + [stream]

    def _tell_waiters(self, error: BaseException | None) -> None:
        """Wake all callers that wait for the workers."""
        awaiting, self._awaiting = self._awaiting, []
        for ready in awaiting:
            settle(ready, error)

    # ------------------------------------------------------------ the end

    def _give_up(self, where: str) -> None:
        """The scheduler does not return: end everything that can end without it, on the watchdog's thread."""
        error = PolicyError(f"{self._scheduler.doing} does not come back: it is stuck in {where}")
        self._over = error
        self._tell_waiters(error)
        self._workers.kill_all()
        streams = list(self._streams.values())
        for message in self._take(until=0.0):  # what has been asked for and never been seen
            match message:
                case Open(stream):
                    streams.append(stream)
                case Await(ready):
                    settle(ready, error)
        for stream in streams:
            stream.abandon(error)
        join(streams, ABORT_S)
        self._stuck.set()

    def _cancel_streams(self, error: BaseException) -> None:
        """End the streams that are still open with `error`, and with their accounts."""
        cancels = [msg.CancelStream(stream, str(error)) for stream in self._streams]
        for command in self._scheduler.feed(cancels, time.monotonic()):
            if isinstance(command, msg.StreamFinished):  # the workers are about to end in any case
                self._finish(command, error)

    def _end(self, error: BaseException, at_once: bool) -> None:
        """End everything. From the moment `_over` was set, `open` and `wait_ready` refuse by themselves."""
        self._tell_waiters(self._over)
        for stream in self._streams.values():
            stream.abandon(error)
        self._finishing += self._streams.values()
        self._end_workers(error, at_once)
        for stream in join(self._finishing, ABORT_S if at_once else self._patience_s):
            stream.handle.wake(error)

    def _end_workers(self, error: BaseException, at_once: bool) -> None:
        if not at_once:
            self._workers.close()
            self._await_workers(error, killed=False)
        self._workers.kill_all()
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
                        self._workers.forget(worker, generation)
                    case Open(stream):
                        stream.abandon(error)
                        self._finishing.append(stream)
                    case Await(ready):
                        settle(ready, self._over)
                    case Close(now=True):
                        hurry = not killed
