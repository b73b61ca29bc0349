"""Threads of the program: one that ends unforeseen is told of, whatever it was doing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Thread

from ttsflow.errors import Unforeseen

logger = logging.getLogger(__name__)


class WatchedThread(Thread):
    """A daemon thread that does `work`. An error that leaves `work` is a bug, or a lack of memory.

    The error goes to the log with its traceback, and as Unforeseen to `lost`, which is called on the thread:
    whoever started it ends what hangs on it, or goes on without it and says so. So nobody waits for a thread
    that is no more.
    """

    def __init__(
        self, work: Callable[[], object], *, name: str, lost: Callable[[Unforeseen], object]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work, self._lost = work, lost

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # no other code would see it
            logger.debug("thread %r ended unforeseen", self.name, exc_info=True)
            self._lost(Unforeseen.of(error, f"the thread {self.name!r}"))
