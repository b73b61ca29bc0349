"""The source thread of a stream: it pulls the jobs, and may block as long as its source does."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from queue import SimpleQueue

from ttsflow.errors import Unforeseen
from ttsflow.interface.jobs import ChunkJob
from ttsflow.runner.ends import Fail, Report, Submissions
from ttsflow.threads import WatchedThread


class SourceThread:
    """Pulls jobs on request.

    A source that blocks cannot be interrupted: its thread stays as a daemon thread, and reports nothing more.
    """

    def __init__(self, stream: str, jobs: Iterable[ChunkJob]) -> None:
        self._stream, self._jobs = stream, jobs
        self._wanted: SimpleQueue[int] = SimpleQueue()
        self._over = False
        self._thread = WatchedThread(self._run, name=f"source of {stream}", lost=self._lose)

    def start(self, report: Report, fail: Fail) -> None:
        """Start the thread. These functions are called on it."""
        self._submissions, self._fail = Submissions(self._stream, report), fail
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
        """Wait for the end of the thread."""
        self._thread.join(max(0.0, until - time.monotonic()))

    def _lose(self, error: Unforeseen) -> None:
        self._fail(error)

    def _run(self) -> None:
        try:
            jobs = iter(self._jobs)
            while count := self._wanted.get():
                pulled = 0
                for job in islice(jobs, count):
                    if self._over:
                        return
                    self._submissions.add(job)
                    pulled += 1
                if pulled < count:
                    self._submissions.end()
                    return
        except BaseException as error:  # a source may raise anything, and no other code would see it
            self._fail(error)
