"""The outlet of a stream: a thread that passes its audio on. It may block as long as its sink or store."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from ttsflow.scheduler.messages import Event

Command = TypeVar("Command")


class Outlet(ABC, Generic[Command]):
    """Carries out the commands of one stream in order, on its own thread, until `end` is called."""

    def __init__(self, name: str) -> None:
        self._commands: SimpleQueue[Command | None] = SimpleQueue()
        self._whole = True
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(
        self,
        report: Callable[[Event], object],
        fail: Callable[[BaseException], object],
        wake: Callable[[BaseException | None], object],
    ) -> None:
        """Start the thread. These functions are called on it.

        `report` takes the events that answer the commands, `fail` takes the first error. `wake` is called
        last, with the error for the stream's waiter, if any.
        """
        self._report, self._fail, self._wake = report, fail, wake
        self._thread.start()

    def take(self, command: Command) -> None:
        """Add a command to the queue."""
        self._commands.put(command)

    def end(self, whole: bool, error: BaseException | None = None) -> None:
        """No more commands will come. The stream is complete (`whole`), or cancelled, maybe by `error`."""
        self._whole, self._error = whole, error
        self._commands.put(None)

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self, until: float) -> bool:
        """Wait for the end of the thread until this time on the monotonic clock; whether it has ended."""
        self._thread.join(max(0.0, until - time.monotonic()))
        return self.ended

    @abstractmethod
    def _run(self) -> None:
        """Carry out `_commands` up to None, then call `_wake`."""
