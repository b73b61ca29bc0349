"""An outlet with a thread of its own, which may block as long as its sink or store."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from queue import SimpleQueue
from typing import Generic, TypeVar

from ttsflow.errors import Unforeseen
from ttsflow.runner.ends import Fail, Report, Wake
from ttsflow.threads import WatchedThread

Command = TypeVar("Command")


class OutletThread(ABC, Generic[Command]):
    """An outlet that carries out the commands on its own thread, until `end` is called."""

    stored = False

    def __init__(self, name: str) -> None:
        self._commands: SimpleQueue[Command | None] = SimpleQueue()
        self._whole = True
        self._error: BaseException | None = None
        self._thread = WatchedThread(self._run, name=name, lost=self._lose)

    def start(self, report: Report, fail: Fail, wake: Wake) -> None:
        """Start the thread. These functions are called on it."""
        self._report, self._fail, self._wake = report, fail, wake
        self._thread.start()

    def take(self, command: Command) -> None:
        """Add a command to the queue."""
        self._commands.put(command)

    def end(self, whole: bool, error: BaseException | None = None) -> None:
        """No more commands will come."""
        self._whole, self._error = whole, error
        self._commands.put(None)

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self, until: float) -> bool:
        """Wait for the end of the thread; whether it has ended."""
        self._thread.join(max(0.0, until - time.monotonic()))
        return self.ended

    def _lose(self, error: Unforeseen) -> None:
        self.abort()
        self._fail(error)
        self._wake(error)

    def abort(self) -> None:
        """The thread has ended unforeseen: leave behind what can be left."""

    @abstractmethod
    def _run(self) -> None:
        """Carry out `_commands` up to None, then call `_wake`."""
