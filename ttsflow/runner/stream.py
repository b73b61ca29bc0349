"""The edge of one stream: a thread that pulls its jobs, one that feeds its sink, a handle for its waiter."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue

from ttsflow.interface.jobs import Account, ChunkJob, Outcome
from ttsflow.output import Sink
from ttsflow.runner.keeping import Keeper, KeeperThread
from ttsflow.runner.origin import Origin
from ttsflow.runner.waiting import settle, wait_for
from ttsflow.scheduler.messages import (
    CancelStream,
    ChunkFailed,
    Commit,
    Committed,
    Deliver,
    Delivered,
    Event,
    Submit,
)

logger = logging.getLogger(__name__)

SOURCE_GRACE_S = 0.5
"""seconds for idle source threads to end; one that blocks cannot be ended, and stays behind as a daemon"""


class StreamHandle:
    """A stream that was opened: its end can be waited for, and called for."""

    def __init__(self, stream: str, cancel: Callable[[], object]) -> None:
        self.stream = stream
        self._origin = Origin()
        self._cancel = cancel
        self._account: Account | None = None
        self._end: Future[None] = Future()

    @property
    def account(self) -> Account | None:
        """What became of the chunks, once that is settled: before `wait` is over, however the stream ended.

        None where the stream was refused, or the runner itself failed.
        """
        return self._account

    def wait(self, timeout: float | None = None) -> Account:
        """Wait until the sink is finished; the stream's account. Ctrl-C interrupts the wait.

        A stream that was cancelled gives its account too. Raises whatever else ended the stream:
        what its sink or its source raised, PolicyError, WorkerError; TimeoutError after `timeout`
        seconds; RunError in a forked child.
        """
        self._origin.check()
        wait_for(self._end, timeout)
        assert self._account is not None  # a stream without one ends with an error
        return self._account

    def cancel(self) -> None:
        """Give up the rest of the stream; jobs that run are stopped. `wait` returns soon after."""
        self._cancel()

    def settle(self, account: Account) -> None:
        """Say what became of the chunks."""
        self._account = account

    def wake(self, error: BaseException | None) -> None:
        """End the wait, with an error if there is one, unless it was ended before."""
        settle(self._end, error)


@dataclass(frozen=True, slots=True)
class Told:
    """An event from a stream's own threads or its waiter: void once that stream has ended.

    The id of a stream may be used again, so the edge says which one is meant. `error` is what the
    source or the sink raised.
    """

    edge: StreamEdge
    event: Event
    error: BaseException | None = None


class StreamEdge:
    """The threads of one stream, any of which may block for as long as it likes.

    The source thread pulls jobs when they are wanted and tells of each at once, so that a slow source
    is spoken as it comes. The sink thread carries out what `pass_on` is given, the keeper's thread, if
    there is a `keeper`, what `commit` is. What any raises cancels the stream, and is raised to its waiter.
    """

    def __init__(
        self,
        stream: str,
        jobs: Iterable[ChunkJob],
        sink: Sink,
        post: Callable[[Told], object],
        keeper: Keeper | None = None,
    ) -> None:
        self.stream = stream
        self.handle = StreamHandle(stream, lambda: self._tell(CancelStream(stream)))
        self._jobs, self._sink, self._post = jobs, sink, post
        self._wanted: SimpleQueue[int] = SimpleQueue()
        self._orders: SimpleQueue[Deliver | ChunkFailed | None] = SimpleQueue()
        # Written by the owner's thread alone, as the methods without an underscore are called on it:
        self._failure: BaseException | None = None
        self._over = False
        self._unwanted = False
        self._source_thread = threading.Thread(target=self._pull, name=f"source of {stream}", daemon=True)
        self._sink_thread = threading.Thread(target=self._write, name=f"sink of {stream}", daemon=True)
        self._keeper: KeeperThread | None = None
        if keeper is not None:
            self._keeper = KeeperThread(f"store of {stream}", keeper, self._kept, self._give_up)
        self._source_thread.start()
        self._sink_thread.start()

    def want(self, count: int) -> None:
        """Have `count` more jobs submitted."""
        self._wanted.put(count)

    def pass_on(self, order: Deliver | ChunkFailed) -> None:
        """Have the sink take what is next; where there is a store, that has it already."""
        if self._keeper is None:
            self._orders.put(order)

    def commit(self, command: Commit) -> None:
        """Have a chunk kept."""
        assert self._keeper is not None  # the stream is stored
        self._keeper.take(command)

    def failed(self, error: BaseException) -> None:
        """The source or the sink raised `error`; the first one is what the waiter hears."""
        self._failure = self._failure or error

    def finish(self, account: Account, whole: bool) -> None:
        """Have the sink finish, or abort where the stream is not `whole`; then wake the waiter."""
        self.handle.settle(account)
        self._end(whole)

    def abandon(self, error: BaseException, account: Account | None = None) -> None:
        """Wake the waiter with `error` now, and have the sink abort as soon as it can."""
        if account is not None:
            self.handle.settle(account)
        self.handle.wake(error)
        self._end(whole=False)

    @property
    def ended(self) -> bool:
        """Whether its threads have ended."""
        kept = self._keeper is None or self._keeper.ended
        return kept and not self._sink_thread.is_alive() and not self._source_thread.is_alive()

    def join_sink(self, until: float) -> bool:
        """Wait for the store and the sink until this time on the monotonic clock; whether they have ended."""
        kept = self._keeper is None or self._keeper.join(until)
        self._sink_thread.join(max(0.0, until - time.monotonic()))
        return kept and not self._sink_thread.is_alive()

    def join_source(self, until: float) -> None:
        """Wait for the source until this time on the monotonic clock."""
        self._source_thread.join(max(0.0, until - time.monotonic()))

    def _end(self, whole: bool) -> None:
        self._over, self._unwanted = True, not whole
        self._wanted.put(0)
        if self._keeper is not None:
            self._keeper.end()
        self._orders.put(None)

    def _tell(self, event: Event, error: BaseException | None = None) -> None:
        self._post(Told(self, event, error))

    def _pull(self) -> None:
        try:
            jobs, last = iter(self._jobs), -1
            while count := self._wanted.get():
                pulled = 0
                for job in islice(jobs, count):
                    if self._over:
                        return
                    if job.stream != self.stream or job.index <= last:
                        raise ValueError(
                            f"the source of stream {self.stream!r} gave {job} after chunk {last}"
                        )
                    last = job.index
                    self._tell(Submit(self.stream, (job,)))
                    pulled += 1
                if pulled < count:
                    self._tell(Submit(self.stream, (), last=True))
                    return
        except BaseException as error:  # a source may raise anything, and nobody else would hear of it
            self._give_up(error)

    def _write(self) -> None:
        broken = False
        while (order := self._orders.get()) is not None:
            if broken or self._unwanted:
                continue
            try:
                self._hand_over(order)
            except BaseException as error:  # a sink may raise anything, and nobody else would hear of it
                broken = True
                self._give_up(error)
        self._finish_sink()

    def _hand_over(self, order: Deliver | ChunkFailed) -> None:
        if isinstance(order, Deliver) and order.payloads:
            self._sink.write(order.payloads)
        if order.outcome is not None:
            self._sink.end_chunk(order.outcome)
            self._tell(Delivered(self.stream, order.outcome.job.index))

    def _kept(self, outcome: Outcome) -> None:
        self._tell(Committed(self.stream, outcome.job.index))

    def _give_up(self, error: BaseException) -> None:
        self._tell(CancelStream(self.stream, f"{type(error).__name__}: {error}"), error)

    def _finish_sink(self) -> None:
        failure, whole = self._failure, not self._unwanted
        if whole:
            try:
                self._sink.finish()
            except BaseException as error:  # as above
                failure, whole = error, False
        if not whole:
            try:
                self._sink.abort()
            except Exception:  # the stream has an ending to report already
                logger.exception("the sink of stream %r could not be aborted", self.stream)
        self.handle.wake(failure)


def join(edges: Sequence[StreamEdge], timeout: float) -> list[StreamEdge]:
    """Wait for the sinks of streams that have ended, `timeout` seconds at most in all, and a moment for
    their sources; the edges whose sinks still block."""
    until = time.monotonic() + timeout
    blocked = [edge for edge in edges if not edge.join_sink(until)]
    until = time.monotonic() + SOURCE_GRACE_S
    for edge in edges:
        edge.join_source(until)
    return blocked
