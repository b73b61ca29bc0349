"""Where the audio of a stream goes: a thread that may block for as long as its sink or its store does."""

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
    """Carries out the commands of one stream in order, on a thread of its own, until it is told to end."""

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
        """Start the thread, on which these are called.

        `report` takes the events that answer the commands, `fail` the first error, and `wake` is called
        last, with the error that the stream's waiter is to be given, if any.
        """
        self._report, self._fail, self._wake = report, fail, wake
        self._thread.start()

    def take(self, command: Command) -> None:
        """Have a command carried out."""
        self._commands.put(command)

    def end(self, whole: bool, error: BaseException | None = None) -> None:
        """Nothing more will come: the stream is `whole`, or it was cancelled, by `error` if there is one."""
        self._whole, self._error = whole, error
        self._commands.put(None)

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self, until: float) -> bool:
        """Wait for the end of the thread until this time on the monotonic clock; whether it has come."""
        self._thread.join(max(0.0, until - time.monotonic()))
        return self.ended

    @abstractmethod
    def _run(self) -> None:
        """Carry out `_commands` up to None, then call `_wake`."""
