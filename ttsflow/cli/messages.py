"""Standard error, for a program whose audio must not wait until somebody reads its messages."""

from __future__ import annotations

import logging
import math
import os
import shlex
import sys
import time
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Protocol, Self

from ttsflow.errors import TtsflowError, Unforeseen
from ttsflow.threads import WatchedThread

STDERR = 2

ROOM = 1000
"""messages that may wait to be written; what comes then is left out"""

INTERRUPTED_S = 1.0
"""seconds that an interrupted run waits for somebody to read its last messages"""

AWAKE_S = 0.2
"""seconds that the main thread waits at a time: a signal that another thread was given does not end a wait"""


def command(*words: object) -> str:
    """A command of this program, quoted so that it can be pasted into a shell."""
    return shlex.join(("ttsflow", *map(str, words)))


def from_here(path: Path) -> Path:
    """A path as it is written in the folder where the program runs: without this folder, if it is inside."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


class Shower(Protocol):
    """Shows lines on a terminal on which something else is drawn as well."""

    def say(self, text: str, must: bool = False) -> None: ...


class Messages:
    """Takes messages from any thread, without waiting, and writes them on a thread of its own.

    While it is open, what is logged to standard error goes this way too. At its end it waits until
    everything is written, as any program does whose terminal is paused; not so after Ctrl-C. Once
    standard error cannot be written any more, or is not waited for, it leads nowhere.
    """

    def __init__(self) -> None:
        self._encoding = sys.stderr.encoding
        self._waiting: SimpleQueue[str | None] = SimpleQueue()
        self._ending = False
        self._shower: Shower | None = None
        self._writer = WatchedThread(self._write_all, name="standard error", lost=self._write_on)
        self._logs = [
            handler
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
        ]

    def write(self, text: str, must: bool = False) -> None:
        """Have lines written; where too much waits already, only if they `must` be."""
        shower = self._shower
        if shower is None:
            self.put(text, must)
        else:
            shower.say(text, must)

    def put(self, text: str, must: bool = False) -> None:
        """As `write`, but whatever is drawn on the terminal."""
        if must or self._waiting.qsize() < ROOM:
            self._waiting.put(text)

    def show_through(self, shower: Shower | None) -> None:
        """Have `shower` show what is written from now on; it `put`s what becomes of it."""
        self._shower = shower

    def flush(self) -> None:
        """Nothing to do: all is written as soon as it can be."""

    def __enter__(self) -> Self:
        for handler in self._logs:
            handler.setStream(self)
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        has_to_be_read = error is None or isinstance(error, TtsflowError)
        self._ending = True
        self._waiting.put(None)
        written = False
        try:
            written = self._join(math.inf if has_to_be_read else INTERRUPTED_S)
        finally:  # after Ctrl-C in the wait, too
            if not written:
                _lead_nowhere()
        for handler in self._logs:
            handler.setStream(sys.stderr)

    def _join(self, patience_s: float) -> bool:
        deadline = time.monotonic() + patience_s
        while self._writer.is_alive() and time.monotonic() < deadline:
            self._writer.join(AWAKE_S)
        return not self._writer.is_alive()

    def _write_on(self, error: Unforeseen) -> None:
        """The one who writes has ended unforeseen: what still comes is written all the same."""
        self._write(f"ttsflow: notice: {error}. The run goes on\n")
        if self._ending:  # it may have taken the end as the last thing it did
            self._waiting.put(None)
        self._write_all()

    def _write_all(self) -> None:
        while (text := self._waiting.get()) is not None:
            self._write(text)

    def _write(self, text: str) -> None:
        # By its number: a writer that waits inside sys.stderr would hold a lock that everyone needs.
        left = memoryview(text.encode(self._encoding, "backslashreplace"))
        try:
            while left:
                left = left[os.write(STDERR, left) :]
        except OSError:  # the reader has left, or the disk is full: nobody is there to be told
            _lead_nowhere()


def _lead_nowhere() -> None:
    """From now on whatever is written to standard error is lost, at once and without an error."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, STDERR)
    os.close(nothing)
