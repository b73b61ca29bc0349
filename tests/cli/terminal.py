"""The program at a terminal of 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from pathlib import Path
from typing import IO

from tests.cli.program import Program

CTRL_C = b"\x03"


class Terminal:
    """A run with a terminal for its input, its messages and, unless that goes elsewhere, its output."""

    def __init__(self, program: Program, *args: str | Path, output: IO[bytes] | None = None) -> None:
        self._program = program
        self._keyboard, self._line = pty.openpty()
        fcntl.ioctl(self._line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = program.start(
            *args,
            stdin=self._line,
            stdout=output or self._line,
            stderr=self._line,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(self._line)
        self.screen = ""

    def read_until(self, pattern: str) -> None:
        """Wait until the pattern has been shown."""
        until = time.monotonic() + 30.0
        while not re.search(pattern, self.screen):
            ready, _, _ = select.select([self._keyboard], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{pattern!r} is not in {self.screen!r}"
            self.screen += os.read(self._keyboard, 65536).decode(errors="replace")

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._keyboard, keys)

    def end(self) -> int:
        """Read to the end; the exit code."""
        try:
            while data := os.read(self._keyboard, 65536):
                self.screen += data.decode(errors="replace")
        except OSError:  # how Linux says that nobody has the terminal open any more
            pass
        self._program.finish(self.process)
        os.close(self._keyboard)
        assert "Traceback" not in self.screen
        return self.process.returncode
