"""One stream in a runner: its source, its outlet, and the handle with which a caller waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ttsflow.interface.jobs import Account, ChunkJob, ending_at
from ttsflow.report.lateness import Lateness
from ttsflow.runner.ends import Outlet, Source
from ttsflow.runner.handle import StreamHandle
from ttsflow.scheduler.messages import CancelStream, ChunkFailed, Commit, Deliver, Event

SOURCE_GRACE_S = 0.5
"""seconds for idle source threads to end; a blocked one cannot be ended, and stays as a daemon thread"""


Heard = TypeVar("Heard", Deliver, ChunkFailed)


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event from an end of a stream or its waiter. It is ignored after that stream has ended.

    The name of a stream may be used again, so `stream` identifies the stream. `error` is the exception of
    its source, its sink or its store.
    """

    stream: RunningStream
    event: Event
    error: BaseException | None = None


class RunningStream:
    """One stream: a source that gives its jobs, and an outlet that passes their audio on.

    Both may take any time. An exception in either cancels the stream, and is raised in the stream's
    waiter. The methods are only for the owner's thread, and none of them blocks.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        outlet: Outlet,
        post: Callable[[StreamEvent], object],
    ) -> None:
        self.name = name
        self.stored = outlet.stored
        self._heard_s = 0.0  # of what has no place in a store
        self._lateness = Lateness()
        self.handle = StreamHandle(name, lambda: self._report(CancelStream(name)))
        self._post = post
        self._failure: BaseException | None = None
        self._outlet, self._source = outlet, source
        outlet.start(self._report, self._fail, self.handle.wake)
        source.start(self._report, self._fail)

    def want(self, count: int) -> None:
        """Have `count` more jobs submitted."""
        self._source.want(count)

    def timed(self, command: Heard) -> Heard:
        """The command, with the length of the silence after its chunk, which may depend on when that ends.

        Of what is stored it is found when the output is built; here it is none.
        """
        if isinstance(command, Deliver):
            self._heard_s += command.audio_s
        if command.outcome is None:
            return command
        job = command.outcome.job
        if self.stored:
            placed = job if job.until_s is None else replace(job, pause_s=0.0, until_s=None)
        else:
            placed = self._placed(job)
        return command if placed is job else replace(command, outcome=replace(command.outcome, job=placed))

    def _placed(self, job: ChunkJob) -> ChunkJob:
        """The job of a chunk whose audio has been heard, with the silence after it."""
        if job.until_s is not None:
            self._lateness.begins(self._heard_s, self._heard_s - job.until_s)
        placed = ending_at(job, self._heard_s)
        self._heard_s += placed.pause_s
        return placed

    @property
    def lateness(self) -> str | None:
        """What a person should know of the times at which things are heard."""
        return self._lateness.notice(f"stream {self.name!r}")

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
        """Whether no thread is at work for it any more."""
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
