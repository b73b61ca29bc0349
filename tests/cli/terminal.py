"""The program at a terminal of 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
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
        while not re.search(pattern, self.screen):
            assert self._read(), f"{pattern!r} is not in {self.screen!r}"

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._keyboard, keys)

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        self._program.finish(self.process)
        os.close(self._keyboard)
        assert "Traceback" not in self.screen
        return self.process.returncode

    def _read(self) -> bool:
        """Wait for more on the screen; whether there was any."""
        try:
            data = os.read(self._keyboard, 65536)
        except OSError:  # how Linux says that nobody has the terminal open any more
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)
