"""The program at a terminal, of 80 columns unless another width is asked for."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from pathlib import Path
from typing import IO

import pyte

from tests.cli.program import Program

CTRL_C = b"\x03"
ROWS = 24


class Terminal:
    """A run with a terminal for its input, its messages and, unless that goes elsewhere, its output.

    `screen` is all that was written to it. `frames` are what it showed, each time that something came.
    """

    def __init__(
        self,
        program: Program,
        *args: str | Path,
        output: IO[bytes] | None = None,
        columns: int = 80,
        kind: str = "xterm-256color",
    ) -> None:
        self._program = program
        self._keyboard, self._line = pty.openpty()
        fcntl.ioctl(self._line, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        self._shown = pyte.Screen(columns, ROWS)
        self._stream = pyte.ByteStream(self._shown)
        self.frames = [""]
        self.process = program.start(
            *args,
            stdin=self._line,
            stdout=output or self._line,
            stderr=self._line,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env=program.env | {"TERM": kind},
        )
        os.close(self._line)
        self.screen = ""

    def read_until(self, pattern: str) -> None:
        """Wait until the pattern has been shown."""
        while not re.search(pattern, self.screen):
            assert self._read(), f"{pattern!r} is not in {self.screen!r}"

    def show_until(self, pattern: str) -> str:
        """Wait until the terminal shows the pattern; what it shows then."""
        while not re.search(pattern, self.frames[-1]):
            assert self._read(), f"{pattern!r} was not shown, at last {self.frames[-1]!r}"
        return self.frames[-1]

    @property
    def has_cursor(self) -> bool:
        """Whether the cursor is to be seen."""
        return not self._shown.cursor.hidden

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
        self._stream.feed(data)
        self.frames.append("\n".join(line.rstrip() for line in self._shown.display).rstrip())
        return bool(data)
