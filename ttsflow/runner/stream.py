"""One stream in a runner: its source, its outlet, and the handle with which a caller waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ttsflow.interface.jobs import Account, ChunkJob
from ttsflow.runner.handle import StreamHandle
from ttsflow.runner.outlet import Outlet
from ttsflow.runner.source import SourceThread
from ttsflow.runner.store_writer import StoreWriterThread
from ttsflow.scheduler.messages import CancelStream, ChunkFailed, Commit, Deliver, Event

SOURCE_GRACE_S = 0.5
"""seconds for idle source threads to end; a blocked one cannot be ended, and stays as a daemon thread"""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event from a stream's own threads or its waiter. It is ignored after that stream has ended.

    The name of a stream may be used again, so `stream` identifies the stream. `error` is the exception of
    its source, its sink or its store.
    """

    stream: RunningStream
    event: Event
    error: BaseException | None = None


class RunningStream:
    """One stream: a thread that pulls its jobs, and an outlet that writes their audio.

    Both may block for any time. An exception in either cancels the stream, and is raised in the stream's
    waiter. The methods are only for the owner's thread, and none of them blocks.
    """

    def __init__(
        self,
        name: str,
        jobs: Iterable[ChunkJob],
        outlet: Outlet[Any],
        post: Callable[[StreamEvent], object],
    ) -> None:
        self.name = name
        self.stored = isinstance(outlet, StoreWriterThread)
        self.handle = StreamHandle(name, lambda: self._report(CancelStream(name)))
        self._post = post
        self._failure: BaseException | None = None
        self._outlet = outlet
        self._outlet.start(self._report, self._fail, self.handle.wake)
        self._source = SourceThread(name, jobs, self._report, self._fail)

    def want(self, count: int) -> None:
        """Have `count` more jobs submitted."""
        self._source.want(count)

    def take(self, command: Deliver | ChunkFailed | Commit) -> None:
        """Have the outlet carry out a command."""
        self._outlet.take(command)

    def failed(self, error: BaseException) -> None:
        """The source or the outlet raised `error`; the waiter gets the first such error."""
        self._failure = self._failure or error

    def finish(self, account: Account, whole: bool) -> None:
        """Have the outlet finish, or abort where the stream is not `whole`; then the waiter is woken."""
        self.handle.settle(account)
        self._end(whole)

    def abandon(self, error: BaseException, account: Account | None = None) -> None:
        """Wake the waiter with `error` now, and have the outlet abort as soon as it can."""
        if account is not None:
            self.handle.settle(account)
        self.handle.wake(error)
        self._end(whole=False)

    @property
    def ended(self) -> bool:
        """Whether its threads have ended."""
        return self._outlet.ended and self._source.ended

    def join_outlet(self, until: float) -> bool:
        """Wait for the outlet until this time on the monotonic clock; whether it has ended."""
        return self._outlet.join(until)

    def join_source(self, until: float) -> None:
        """Wait for the source until this time on the monotonic clock."""
        self._source.join(until)

    def _end(self, whole: bool) -> None:
        self._source.end()
        self._outlet.end(whole, self._failure)

    def _report(self, event: Event) -> None:
        self._post(StreamEvent(self, event))

    def _fail(self, error: BaseException) -> None:
        event = CancelStream(self.name, f"{type(error).__name__}: {error}")
        self._post(StreamEvent(self, event, error))


def join(streams: Sequence[RunningStream], timeout: float) -> list[RunningStream]:
    """Wait for the outlets of ended streams, at most `timeout` seconds in total, then briefly for their
    sources. Returns the streams whose outlets still block."""
    until = time.monotonic() + timeout
    blocked = [stream for stream in streams if not stream.join_outlet(until)]
    until = time.monotonic() + SOURCE_GRACE_S
    for stream in streams:
        stream.join_source(until)
    return blocked
