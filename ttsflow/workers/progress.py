"""Sends the progress of a loading backend to the coordinator."""

from __future__ import annotations

from multiprocessing.connection import Connection
from threading import Lock
from types import TracebackType

from ttsflow.interface.backend import Backend
from ttsflow.workers.wire import Loading

LONGEST = 200
"""most characters of one message that are passed on"""


class Progress:
    """Inside the `with` block, `backend.progress` sends Loading, from any thread. After it nothing is sent.

    So a thread that outlives the loading cannot send between the messages that follow.
    """

    def __init__(self, wire: Connection, backend: Backend) -> None:
        self._wire = wire
        self._backend = backend
        self._lock = Lock()
        self._over = False

    def __enter__(self) -> None:
        self._backend._listener = self._tell

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._backend._listener = None
        with self._lock:
            self._over = True

    def _tell(self, what: str) -> None:
        line = " ".join(str(what).split())[:LONGEST]
        with self._lock:
            if not self._over:
                self._wire.send(Loading(line))
