"""The edge of one stream: a thread that pulls its jobs, one that feeds its sink, a handle for its waiter."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from itertools import islice
from queue import SimpleQueue

from ttsflow.jobs import Account, ChunkJob
from ttsflow.scheduler.messages import CancelStream, Deliver, Delivered, Event, GaveUp, StreamFinished, Submit
from ttsflow.sinks import Sink

logger = logging.getLogger(__name__)

INTERRUPTIBLE_S = 0.2
"""seconds that a thread waits at a time: a signal that another thread was given does not end a wait"""

SOURCE_GRACE_S = 0.5
"""seconds for an idle source thread to end; one that blocks cannot be ended, and stays behind as a daemon"""


class StreamHandle:
    """A stream that was opened: its end can be waited for, and called for."""

    def __init__(self, stream: str, post: Callable[[Event], object]) -> None:
        self.stream = stream
        self._post = post
        self._end: Future[Account] = Future()

    def wait(self, timeout: float | None = None) -> Account:
        """Wait until the sink is finished; the stream's account. Ctrl-C interrupts the wait.

        A stream that was cancelled gives its account too. Raises whatever else ended the stream:
        what its sink or its source raised, PolicyError, WorkerError; TimeoutError after `timeout`
        seconds.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not self._end.done() and (left := deadline - time.monotonic()) > 0:
            wait([self._end], min(left, INTERRUPTIBLE_S))
        return self._end.result(0)

    def cancel(self) -> None:
        """Give up the rest of the stream; jobs that run are stopped. `wait` returns soon after."""
        if not self._end.done():
            self._post(CancelStream(self.stream))

    def resolve(self, account: Account) -> None:
        """Wake the waiter with the account, unless it was woken before."""
        with suppress(InvalidStateError):
            self._end.set_result(account)

    def fail(self, error: BaseException) -> None:
        """Wake the waiter with an error, unless it was woken before."""
        with suppress(InvalidStateError):
            self._end.set_exception(error)


class StreamEdge:
    """The two threads of one stream, either of which may block for as long as it likes.

    The source thread pulls jobs when they are wanted and posts each at once, so that a slow source
    is spoken as it comes. The sink thread carries out what `pass_on` is given. What either raises
    cancels the stream, and is raised to its waiter.
    """

    def __init__(self, stream: str, jobs: Iterable[ChunkJob], sink: Sink, post: Callable[[Event], object]):
        self.stream = stream
        self.handle = StreamHandle(stream, post)
        self._jobs, self._sink, self._post = jobs, sink, post
        self._wanted: SimpleQueue[int] = SimpleQueue()
        self._orders: SimpleQueue[Deliver | GaveUp | StreamFinished] = SimpleQueue()
        self._failure: BaseException | None = None
        self._end: StreamFinished | None = None
        self._source_thread = threading.Thread(target=self._pull, name=f"source of {stream}", daemon=True)
        self._sink_thread = threading.Thread(target=self._write, name=f"sink of {stream}", daemon=True)
        self._source_thread.start()
        self._sink_thread.start()

    def want(self, count: int) -> None:
        """Have `count` more jobs submitted."""
        self._wanted.put(count)

    def pass_on(self, order: Deliver | GaveUp) -> None:
        """Have the sink take what is next."""
        self._orders.put(order)

    def finish(self, end: StreamFinished) -> None:
        """Have the sink finish (or abort), then wake the waiter."""
        self._end = end
        self._wanted.put(0)
        self._orders.put(end)

    def abandon(self, error: BaseException) -> None:
        """Wake the waiter with `error` now, and have the sink abort as soon as it can."""
        self.handle.fail(error)
        self.finish(StreamFinished(self.stream, Account(), str(error)))

    def join(self, timeout: float) -> bool:
        """Wait for the sink, after `finish` or `abandon`, at most `timeout` seconds; whether it has ended."""
        self._sink_thread.join(timeout)
        self._source_thread.join(SOURCE_GRACE_S)
        return not self._sink_thread.is_alive()

    @property
    def ended(self) -> bool:
        """Whether both threads have ended."""
        return not self._sink_thread.is_alive() and not self._source_thread.is_alive()

    def _pull(self) -> None:
        try:
            jobs = enumerate(self._jobs)
            while count := self._wanted.get():
                pulled = 0
                for index, job in islice(jobs, count):
                    if self._end is not None:
                        return
                    if (job.stream, job.index) != (self.stream, index):
                        raise ValueError(f"the source of stream {self.stream!r} gave {job} for chunk {index}")
                    self._post(Submit(self.stream, (job,)))
                    pulled += 1
                if pulled < count:
                    self._post(Submit(self.stream, (), last=True))
                    return
        except BaseException as error:  # a source may raise anything, and nobody else would hear of it
            self._give_up(error)

    def _write(self) -> None:
        while not isinstance(order := self._orders.get(), StreamFinished):
            if self._failure is None and not self._unwanted:
                try:
                    self._hand_over(order)
                except BaseException as error:  # a sink may raise anything, and nobody else would hear of it
                    self._give_up(error)
        self._finish_sink(order.account)

    def _hand_over(self, order: Deliver | GaveUp) -> None:
        if isinstance(order, GaveUp):
            self._sink.end_chunk(order.outcome)
            return
        if order.payloads:
            self._sink.write(order.payloads)
        if order.outcome is not None:
            self._sink.end_chunk(order.outcome)
            self._post(Delivered(order.stream, order.index))

    def _give_up(self, error: BaseException) -> None:
        self._failure = error
        self._post(CancelStream(self.stream, f"{type(error).__name__}: {error}"))

    @property
    def _unwanted(self) -> bool:
        """Whether nobody wants what the sink has not written yet."""
        return self._end is not None and self._end.why is not None

    def _finish_sink(self, account: Account) -> None:
        whole = self._failure is None and not self._unwanted
        if whole:
            try:
                self._sink.finish()
            except BaseException as error:  # as above
                self._failure, whole = error, False
        if not whole:
            try:
                self._sink.abort()
            except Exception:  # the stream has an ending to report already
                logger.exception("the sink of stream %r could not be aborted", self.stream)
        if self._failure is None:
            self.handle.resolve(account)
        else:
            self.handle.fail(self._failure)
