"""One run of a program: what it reads, what it writes, and its end, each within bounds."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from fcntl import ioctl
from pathlib import Path
from termios import FIONREAD
from types import TracebackType
from typing import Self

from ttsflow import JobRefused, RunError
from ttsflow_plugins.command.group import Group

LOOK_S = 0.2
"""seconds from one look to the next at what cannot be waited for"""

QUIET_S = 2.0
"""seconds without a sound after which the output of a program that has ended is over, although a process that
it has left holds it open"""

BLOCK = 2**16
"""bytes that are read or written at a time, at most"""

KEPT = 4_096
"""bytes of standard error that are kept, the last ones"""

SHOWN = 300
"""characters of them that a message repeats"""

FOR_GOOD = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ENOEXEC, errno.E2BIG)
"""why a program cannot be started now or later; without memory, processes or files it can later"""


class ProgramFailed(RunError, ValueError):  # a ValueError: its message quotes the program, and so the text
    """A run of the program has failed; the next one may not."""


class ProgramRun:
    """A run of the program `argv`, whose standard input is `text`, in `folder`; use it as a context manager.

    Whatever happens inside, the program is gone after it, and what it has started in its process group.
    Raises JobRefused if it can never be started, ProgramFailed if it cannot be started now.
    """

    def __init__(self, argv: Sequence[str], text: bytes, folder: Path | None, limit_s: float) -> None:
        self._name, self._text, self._limit_s = Path(argv[0]).name, text, limit_s
        self._until_s = time.monotonic() + limit_s
        self._said = bytearray()
        self._writing: int | None = None
        self._written = 0
        with ExitStack() as held:
            try:
                # This end stays open to see how much of the text was read; so no write finds a closed pipe.
                self._reading, self._writing = os.pipe()
                held.callback(os.close, self._reading)
                held.callback(self._close_writing)
                os.set_blocking(self._writing, False)
                group = held.enter_context(Group())
                self._process = subprocess.Popen(
                    argv,
                    stdin=self._reading if text else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    process_group=group.number,
                )
            except OSError as error:
                why = f"{error.filename or argv[0]} cannot be run: {error.strerror}"
                raise (JobRefused if error.errno in FOR_GOOD else ProgramFailed)(why) from error
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def output(self, look: Callable[[], None] = lambda: None) -> Iterator[bytes]:
        """What the program writes to standard output, as it comes, up to its end.

        Processes that it leaves in the background may go on with it, until they are silent. `look` is called
        several times a second, and may raise. Raises ProgramFailed where the program does not end in time,
        ends with an error, or has read nothing of the text.
        """
        process = self._process
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            if self._writing is not None:
                selector.register(self._writing, selectors.EVENT_WRITE)
            reading = 2
            heard_s = time.monotonic()
            while reading:
                heard = process.poll() is None  # before the look at its output, which may be its last
                for key, _ in selector.select(min(self._left_s(), LOOK_S)):
                    if key.fd == self._writing:
                        if self._written == len(self._text):
                            selector.unregister(key.fd)
                            self._close_writing()
                        else:
                            self._written += os.write(key.fd, self._text[self._written :][:BLOCK])
                    elif data := os.read(key.fd, BLOCK):
                        if key.fileobj is process.stdout:
                            heard = True
                            yield data
                        else:
                            self._said = (self._said + data)[-KEPT:]
                    else:
                        selector.unregister(key.fileobj)
                        reading -= 1
                look()
                if heard:
                    heard_s = time.monotonic()
                elif time.monotonic() - heard_s > QUIET_S:
                    break
        self._end()

    @property
    def words(self) -> str:
        """The end of what it wrote to standard error, in one line behind a colon; empty for nothing."""
        text = self._said.decode("utf-8", "replace")
        line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        short = line if len(line) <= SHOWN else f"...{line[-SHOWN:]}"
        return f": {short}" if short else ""

    def _left_s(self) -> float:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise self._late()
        return left_s

    def _late(self) -> ProgramFailed:
        limit = f"{self._limit_s:g} s (backend.options.limit_s)"
        return ProgramFailed(f"{self._name} did not end in {limit} and was killed{self.words}")

    def _end(self) -> None:
        """Wait for the end, and see whether it was a good one."""
        try:
            code = self._process.wait(self._left_s())
        except subprocess.TimeoutExpired:
            raise self._late() from None
        if code < 0:
            raise ProgramFailed(
                f"{self._name} was killed by signal {-code} ({signal.strsignal(-code)}){self.words}"
            )
        if code > 0:
            raise ProgramFailed(f"{self._name} ended with exit code {code}{self.words}")
        if self._text and self._unread() == self._written:
            raise ProgramFailed(
                f"{self._name} has read nothing from standard input; if it takes the text otherwise, "
                f"set backend.options.input to 'argument' or 'file'{self.words}"
            )

    def _unread(self) -> int:
        """Bytes that were written to it and are still in the pipe."""
        count = array("i", [0])
        ioctl(self._reading, FIONREAD, count)
        return count[0]

    def _close_writing(self) -> None:
        """Let the program see the end of the text."""
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None
