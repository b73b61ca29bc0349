"""A source that has a thread only while it pulls, from a pool that many streams share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, wait
from threading import Lock

from ttsflow.interface.jobs import ChunkJob
from ttsflow.runner.ends import Fail, Report, Submissions


class PoolSource:
    """Pulls jobs on request. They must be there without waiting: the other streams' jobs wait meanwhile."""

    def __init__(self, stream: str, jobs: Iterator[ChunkJob], pool: Executor) -> None:
        self._stream, self._jobs, self._pool = stream, jobs, pool
        self._lock = Lock()
        self._wanted = 0
        self._over = False
        self._pulling = False
        self._pull: Future[None] | None = None

    def start(self, report: Report, fail: Fail) -> None:
        """Take what connects it with its stream. These functions are called on a thread of the pool."""
        self._submissions, self._fail = Submissions(self._stream, report), fail

    def want(self, count: int) -> None:
        """Have `count` more jobs submitted."""
        with self._lock:
            self._wanted += count
            if self._pulling or self._over:
                return
            self._pulling = True
        try:
            self._pull = self._pool.submit(self._pull_wanted)
        except RuntimeError as error:  # the pool is closed: the engine or the program is at its end
            self._fail(error)

    def end(self) -> None:
        """Have no more jobs submitted."""
        self._over = True

    @property
    def ended(self) -> bool:
        return self._pull is None or self._pull.done()

    def join(self, until: float) -> None:
        """Wait for the end of the pull that goes on."""
        if self._pull is not None:
            wait([self._pull], max(0.0, until - time.monotonic()))

    def _pull_wanted(self) -> None:
        try:
            while self._is_wanted():
                job = next(self._jobs, None)
                if job is None:
                    self._over = True
                    self._submissions.end()
                else:
                    self._submissions.add(job)
        except BaseException as error:  # a source may raise anything, and no other code would see it
            self._fail(error)

    def _is_wanted(self) -> bool:
        """Whether another job is wanted; else this pull ends, and the next wish begins another one."""
        with self._lock:
            self._pulling = self._wanted > 0 and not self._over
            self._wanted -= self._pulling
            return self._pulling
