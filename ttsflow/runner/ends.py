"""The two ends of a stream: the source, which gives its jobs, and the outlet, which passes its audio on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ttsflow.interface.jobs import ChunkJob
from ttsflow.scheduler.messages import Event, Submit

Report = Callable[[Event], object]
"""Takes the events of an end. It does not block; any thread may call it."""

Fail = Callable[[BaseException], object]
"""Takes the first error of an end, which ends the stream, and is raised in its waiter. Does not block."""

Wake = Callable[[BaseException | None], object]
"""Wakes the stream's waiter, with an error if there is one. Does not block."""


class Source(Protocol):
    """Gives the jobs of one stream on request. All methods but `join` are called on one thread, and return
    at once, however long the source takes."""

    def start(self, report: Report, fail: Fail) -> None:
        """Called once, first. The jobs are reported as Submit; the last one as the last."""

    def want(self, count: int) -> None:
        """Have `count` more jobs submitted, each as soon as it is there."""

    def end(self) -> None:
        """Have no more jobs submitted."""

    @property
    def ended(self) -> bool:
        """Whether no thread is at work for it any more."""

    def join(self, until: float) -> None:
        """Wait for that until this time on the monotonic clock."""


class Outlet(Protocol):
    """Carries out the commands of one stream in order. All methods but `join` are called on one thread, and
    return at once, however long the audio takes to go."""

    @property
    def stored(self) -> bool:
        """Whether it takes Commit, in any order; else it takes Deliver and ChunkFailed, in text order."""

    def start(self, report: Report, fail: Fail, wake: Wake) -> None:
        """Called once, first. `report` takes the events that answer the commands. `wake` is called last, with
        the error for the stream's waiter, if any."""

    def take(self, command: Any) -> None:
        """Have a command carried out, when those before it have been."""

    def end(self, whole: bool, error: BaseException | None = None) -> None:
        """No more commands will come. The stream is complete (`whole`), or cancelled, maybe by `error`."""

    @property
    def ended(self) -> bool:
        """Whether no thread is at work for it any more."""

    def join(self, until: float) -> bool:
        """Wait for that until this time on the monotonic clock; whether it is so."""


class Submissions:
    """Reports the jobs that a source gives, each at once: those of a slow source start as they come."""

    def __init__(self, stream: str, report: Report) -> None:
        self._stream, self._report, self._last = stream, report, -1

    def add(self, job: ChunkJob) -> None:
        """Report the next job. Raises ValueError for one of another stream, or out of order."""
        if job.stream != self._stream or job.index <= self._last:
            raise ValueError(f"the source of stream {self._stream!r} gave {job} after chunk {self._last}")
        self._last = job.index
        self._report(Submit(self._stream, (job,)))

    def end(self) -> None:
        """There are no more."""
        self._report(Submit(self._stream, (), last=True))
