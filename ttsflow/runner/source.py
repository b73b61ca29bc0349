"""The source thread of a stream: it pulls the jobs, and may block as long as its source does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import islice
from queue import SimpleQueue
from threading import Thread

from ttsflow.interface.jobs import ChunkJob
from ttsflow.scheduler.messages import Event, Submit


class SourceThread:
    """Pulls jobs on request and reports each at once, so the jobs of a slow source start as they come.

    `report` takes the events, `fail` takes an exception of the source; both are called on the thread. A
    source that blocks cannot be interrupted: its thread stays as a daemon thread, and reports nothing more.
    """

    def __init__(
        self,
        stream: str,
        jobs: Iterable[ChunkJob],
        report: Callable[[Event], object],
        fail: Callable[[BaseException], object],
    ) -> None:
        self._stream, self._jobs, self._report, self._fail = stream, jobs, report, fail
        self._wanted: SimpleQueue[int] = SimpleQueue()
        self._over = False
        self._thread = Thread(target=self._run, name=f"source of {stream}", daemon=True)
        self._thread.start()

    def want(self, count: int) -> None:
        """Have `count` more jobs submitted."""
        self._wanted.put(count)

    def end(self) -> None:
        """Have no more jobs submitted."""
        self._over = True
        self._wanted.put(0)

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self, until: float) -> None:
        """Wait for the end of the thread until this time on the monotonic clock."""
        self._thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        try:
            jobs, last = iter(self._jobs), -1
            while count := self._wanted.get():
                pulled = 0
                for job in islice(jobs, count):
                    if self._over:
                        return
                    if job.stream != self._stream or job.index <= last:
                        raise ValueError(
                            f"the source of stream {self._stream!r} gave {job} after chunk {last}"
                        )
                    last = job.index
                    self._report(Submit(self._stream, (job,)))
                    pulled += 1
                if pulled < count:
                    self._report(Submit(self._stream, (), last=True))
                    return
        except BaseException as error:  # a source may raise anything, and no other code would see it
            self._fail(error)
