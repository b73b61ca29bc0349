"""The runner: one thread owns the scheduler, gives it events, and carries out its commands."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import Self

from ttsflow.errors import Closed, Drained, PolicyError, RunError, TtsflowError
from ttsflow.interface.jobs import ChunkJob, Outcome
from ttsflow.output import Sink
from ttsflow.report import AttemptWatch, Observer, Unobserved, WorkerInfo
from ttsflow.runner.clock import RunClock
from ttsflow.runner.ends import Outlet, Source
from ttsflow.runner.handle import StreamHandle
from ttsflow.runner.inbox import Await, Close, Message, Missing, Open
from ttsflow.runner.origin import Origin
from ttsflow.runner.sink_thread import SinkThread
from ttsflow.runner.source_thread import SourceThread
from ttsflow.runner.startup import Loading
from ttsflow.runner.store_writer import StoreWriter, StoreWriterThread
from ttsflow.runner.stream import RunningStream, StreamEvent, join
from ttsflow.runner.vitals import Vitals
from ttsflow.runner.waits import INTERRUPTIBLE_S, settle, wait_for
from ttsflow.runner.watchdog import Watchdog
from ttsflow.runner.workers import WorkersFactory
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.messages import Driven

logger = logging.getLogger(__name__)

ABORT_S = 1.0
"""seconds that sinks and stores may take to end when the runner must close at once"""

HURRY_S = 0.4
"""seconds for a policy to answer when the runner must close at once"""

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
        self._clock = RunClock()
        self._vitals = Vitals()
        self._loading = Loading()
        self._awaiting: list[Future[None]] = []  # of the callers that wait for the workers
        self._unseen: dict[int, Open | Await] = {}  # asked for, and not taken on yet; by identity
        self._streams: dict[str, RunningStream] = {}
        self._finishing: list[
            RunningStream
        ] = []  # the scheduler is through with them, their outlets may not be
        self._wake: float | None = None
        self._over: BaseException | None = None  # why no stream can be opened any more
        self._closed = self._drained = False
        self._stuck = Event()  # set when the owner's thread is stuck for ever
        self._watchdog = Watchdog(
            limits.timeouts.policy_s, self._give_up, lambda error: self._inbox.put(Missing(error))
        )
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
        group: str | None = None,
    ) -> StreamHandle:
        """Speak `jobs` into `sink`, which is open. Both may block; jobs are pulled when the window has room.

        The audio of a `live` stream is delivered piece by piece. `stream` must not be the name of a stream
        that is still open. Streams of one `group` share the work that one stream would get. After `close` the
        stream ends at once with RunError.
        """
        source, outlet = SourceThread(stream, jobs), SinkThread(stream, sink)
        return self.connect(stream, source, outlet, live=live, weight=weight, group=group)

    def open_stored(
        self,
        stream: str,
        jobs: Iterable[ChunkJob],
        store: StoreWriter,
        *,
        weight: float = 1.0,
        group: str | None = None,
        examples: Sequence[tuple[ChunkJob, float]] = (),
    ) -> StreamHandle:
        """Speak `jobs` into `store`: each chunk as soon as it is complete, in any order. Else as `open`.

        `examples` are jobs that the store has already, each with the seconds of its audio.
        """
        return self.connect(
            stream,
            SourceThread(stream, jobs),
            StoreWriterThread(stream, store),
            weight=weight,
            group=group,
            examples=examples,
        )

    def connect(
        self,
        name: str,
        source: Source,
        outlet: Outlet,
        *,
        live: bool = False,
        weight: float = 1.0,
        group: str | None = None,
        examples: Sequence[tuple[ChunkJob, float]] = (),
    ) -> StreamHandle:
        """Speak the jobs of a source, whose audio an outlet takes. Else as `open` and `open_stored`."""
        self._origin.check()
        if self._drained:
            raise Drained(DRAINED)
        stream = RunningStream(name, source, outlet, self._inbox.put)
        self._ask(Open(stream, live, weight, examples, group))
        if self._over is not None:  # the owner may have looked for the last time
            stream.abandon(self._over)
            join([stream], ABORT_S)
        return stream.handle

    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until every placed worker has loaded its model or will not be restarted.

        Ctrl-C interrupts the wait. If no worker is left, raises WorkerError, or another error that ended the
        run. Raises TimeoutError after `timeout` seconds, with the last message of each worker, and RunError
        if the runner is closed.
        """
        ready = self.loaded()
        try:
            wait_for(ready, timeout)
        except TimeoutError:
            if ready.done():  # it is what ended the run
                raise
            raise self.late(timeout) from None

    def loaded(self) -> Future[None]:
        """What `wait_ready` waits for; it raises the same."""
        self.check_usable()
        ready: Future[None] = Future()
        self._ask(Await(ready))
        if self._over is not None:  # the owner may have looked for the last time
            settle(ready, self._over)
        return ready

    def _ask(self, message: Open | Await) -> None:
        """Ask the owner for something that somebody waits for. Should an error end the owner just as it takes
        the message out of its inbox, it is still among the unseen."""
        self._unseen[id(message)] = message
        self._inbox.put(message)

    def late(self, timeout: float | None) -> TimeoutError:
        """The error for whoever has waited long enough for the workers, with the last message of each."""
        return TimeoutError(f"the workers have not loaded within {timeout:g} s: {self._loading}")

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

    def hurry(self) -> None:
        """Wait for no policy any more: one that does not answer at once ends everything."""
        self._watchdog.hurry(HURRY_S)

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
        if now:
            self.hurry()
        while self._owner.is_alive() and not self._stuck.is_set():
            self._owner.join(INTERRUPTIBLE_S)
        self._watchdog.end()

    # ------------------------------------------------------------ the owner's thread

    def _own(self) -> None:
        try:
            at_once = self._serve()
            error: BaseException = Closed("the runner was closed before the stream had ended")
            self._over = RunError(CLOSED)
            self._cancel_streams(error)
        except BaseException as failure:  # Stop, or a bug: no caller may wait for ever
            if not isinstance(failure, TtsflowError):
                logger.debug("the runner failed", exc_info=True)
            self._over = error = failure
            at_once = True
        try:
            self._end(error, at_once)
        except BaseException:  # a bug, or a lack of memory: what has not ended must end all the same
            logger.debug("the end of the runner failed", exc_info=True)
            self._end(error, at_once=True)

    def _serve(self) -> bool:
        """Drive the scheduler until the runner is closed. Returns whether it must close at once.

        Raises the error of Stop.
        """
        self._clock.look()
        now = self._clock.now()
        with self._watchdog:
            commands = self._scheduler.start(now)
        self._carry_out(commands, now)
        close: Close | None = None
        while close is None:
            events: list[msg.Event] = []
            for message in self._take(self._left_s()):
                if stopped_s := self._clock.look():
                    events.append(self._note_pause(stopped_s))
                if isinstance(message, Close):
                    close = message
                    break
                events.extend(self._events_of(message))
            if stopped_s := self._clock.look():
                events.append(self._note_pause(stopped_s))
            now = self._clock.now()
            events.extend(self._vitals.silent(now))
            if events or close or self._left_s() == 0.0:
                with self._watchdog:
                    commands = self._scheduler.feed(events, now)
                self._carry_out(commands, now)
        return close.now

    def _left_s(self) -> float:
        """Seconds to wait for a message: until the scheduler is to be woken, or the clock looked at."""
        left_s = RunClock.BEAT_S if self._wake is None else self._wake - self._clock.now()
        return min(max(0.0, left_s), RunClock.BEAT_S)

    def _note_pause(self, stopped_s: float) -> msg.Event:
        """The program was stopped and goes on: the clock has stood still meanwhile."""
        self._observer.paused(stopped_s, self._clock.now())
        return msg.Paused()

    def _take(self, timeout: float) -> Iterator[Message]:
        """All messages in the inbox. Waits for the first one, at most `timeout` seconds."""
        try:
            yield self._inbox.get(timeout=timeout)
            while True:
                yield self._inbox.get_nowait()
        except Empty:
            return

    def _events_of(
        self, message: msg.Event | WorkerInfo | StreamEvent | Open | Await | Missing
    ) -> Iterator[msg.Event]:
        """Process a message, and yield the scheduler's events for it."""
        match message:
            case Open(stream, live, weight, examples, group):
                if stream.name in self._streams:
                    stream.abandon(ValueError(f"stream {stream.name!r} is open already"))
                    self._finishing.append(stream)
                    self._unseen.pop(id(message), None)
                    return
                self._streams[stream.name] = stream
                self._unseen.pop(id(message), None)
                yield msg.OpenStream(stream.name, live, weight, stream.stored, examples, group)
            case StreamEvent(stream, event, error):
                if self._streams.get(stream.name) is not stream:
                    return
                if error is not None:
                    stream.failed(error)
                yield event
            case Await(ready):
                self._awaiting.append(ready)
                self._unseen.pop(id(message), None)
                yield msg.AwaitWorkers()
            case Missing(error):
                self._observer.notice(f"{error}. The run goes on without it")
            case msg.Alive():
                yield from self._vitals.heard(message, self._clock.now())
            case msg.WorkerLoading(worker, generation, what):
                self._loading.progress(worker, generation, what)
                self._observer.loading(worker, what, self._clock.now())
                yield message
            case WorkerInfo(worker, generation):
                self._loading.loaded(worker, generation)
                self._observer.worker_ready(message, self._clock.now())
                yield msg.WorkerReady(worker, generation)
            case msg.Died(worker, generation, why) | msg.LoadFailed(worker, generation, why):
                self._loading.ended(worker, generation, why)
                self._vitals.forget(worker, generation)
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
                case msg.Deliver(stream, index, _, audio_s):
                    command = self._streams[stream].timed(command)
                    if audio_s:
                        self._observer.delivered(stream, index, audio_s, now)
                    if command.outcome is not None:
                        self._observer.ended(command.outcome, now)
                    if stop is None:  # else its account, which follows, counts the chunk as not reached
                        self._hand_over(self._streams[stream], command)
                case msg.Commit(outcome):
                    self._observer.made(outcome, now)
                    self._streams[outcome.job.stream].take(command)
                case msg.ChunkFailed(outcome):
                    command = self._streams[outcome.job.stream].timed(command)
                    self._observer.ended(command.outcome, now)
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
                    self._vitals.forget(worker, generation)
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
        if (late := stream.lateness) is not None:
            self._observer.notice(late)
        if command.error is not None:
            stream.failed(command.error)
        if error is None:
            stream.finish(command.account, whole=command.why is None)
        else:
            stream.abandon(error, command.account)
        self._finishing = [other for other in self._finishing if not other.ended] + [stream]

    def _tell_waiters(self, error: BaseException | None) -> None:
        """Wake all callers that wait for the workers."""
        while self._awaiting:  # each is told before it is forgotten: an error may come in between
            settle(self._awaiting[-1], error)
            self._awaiting.pop()

    # ------------------------------------------------------------ the end

    def _give_up(self, where: str) -> None:
        """The scheduler does not return: end everything that can end without it, on the watchdog's thread."""
        error = PolicyError(f"{self._scheduler.doing} does not come back: it is stuck in {where}")
        self._over = error
        self._tell_waiters(error)
        self._workers.kill_all()
        streams = list(self._streams.values())
        for stream in streams:
            stream.abandon(error)
        join(streams + self._refuse_unseen(error), ABORT_S)
        self._stuck.set()

    def _cancel_streams(self, error: BaseException) -> None:
        """End the streams that are still open with `error`, and with their accounts."""
        cancels = [msg.CancelStream(stream, str(error)) for stream in self._streams]
        now = self._clock.now()
        for command in self._scheduler.feed(cancels, now):
            match command:  # the workers are about to end in any case
                case msg.Deliver(outcome=Outcome() as outcome) | msg.ChunkFailed(outcome):
                    self._observer.ended(outcome, now)
                case msg.StreamFinished():
                    self._finish(command, error)

    def _end(self, error: BaseException, at_once: bool) -> None:
        """End everything. From the moment `_over` was set, `open` and `wait_ready` refuse by themselves."""
        self._tell_waiters(self._over)
        for stream in self._streams.values():
            stream.abandon(error)
        self._finishing += [*self._streams.values(), *self._refuse_unseen(error)]
        self._end_workers(at_once)
        for stream in join(self._finishing, ABORT_S if at_once else self._patience_s):
            stream.handle.wake(error)

    def _refuse_unseen(self, error: BaseException) -> list[RunningStream]:
        """End what was asked for and never taken on; the streams of it."""
        streams = []
        for key, message in list(self._unseen.items()):
            match message:
                case Open(stream):
                    stream.abandon(error)
                    streams.append(stream)
                case Await(ready):
                    settle(ready, self._over)
            self._unseen.pop(key, None)
        return streams

    def _end_workers(self, at_once: bool) -> None:
        if not at_once:
            for worker, generation in self._vitals.suspected:  # they cannot end by themselves
                self._workers.kill(worker, generation)
            self._workers.close()
            self._await_workers(killed=False)
        self._workers.kill_all()
        self._await_workers(killed=True)

    def _await_workers(self, killed: bool) -> None:
        """Wait until all workers have ended, for a time; no longer where they are to be killed now."""
        deadline = time.monotonic() + self._patience_s
        hurry = False
        while (self._workers or not self._inbox.empty()) and not hurry:
            messages = list(self._take(max(0.0, deadline - time.monotonic())))
            if not messages:
                return
            for message in messages:
                match message:
                    case msg.Died(worker, generation) | msg.LoadFailed(worker, generation):
                        self._workers.forget(worker, generation)
                    case Close(now=True):
                        hurry = not killed
