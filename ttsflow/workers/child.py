"""A process that works for this one: it, those that it has started itself, and what it prints."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection

from ttsflow.errors import Unforeseen
from ttsflow.threads import WatchedThread

logger = logging.getLogger(__name__)

INTERPRETER_FLAGS = ("-P", "-u", "-X", "faulthandler")
"""nothing is imported from the current folder; the last output is not lost in a buffer; crashes print a
traceback"""

TAIL_LINES = 20
"""lines of its output that are kept to explain its death"""

OUTPUT_GRACE_S = 2.0
"""seconds to read the output of a dead process; a process that left its group may hold the pipe open"""


class Child:
    """A process of this machine that runs `module`, which is given the connection `wire`.

    It is in a process group of its own. Its standard input is a pipe to which nothing is written, and which
    closes when this process ends, for any reason. `environment` are variables beside those of this process;
    `name` is what the log calls it. `lost` is called if the thread that reads its output ends unforeseen.
    Raises OSError if no process can be started.
    """

    def __init__(
        self,
        module: str,
        wire: Connection,
        environment: Mapping[str, str],
        name: str,
        lost: Callable[[Unforeseen], object],
    ) -> None:
        self._name = name
        self._process = subprocess.Popen(
            [sys.executable, *INTERPRETER_FLAGS, "-m", module, str(wire.fileno())],
            pass_fds=[wire.fileno()],
            env=os.environ | dict(environment),
            process_group=0,  # a terminal's Ctrl-C must not reach it
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._output = WatchedThread(self._listen, name=f"output of {name}", lost=lost)
        self._output.start()

    def kill(self) -> None:
        """End the process, and whatever it has started itself, at once."""
        if self._process.poll() is None:
            self._kill_group()

    def bury(self, patience_s: float | None = None) -> str:
        """Wait for the end of the process, and end the processes it had started. Returns how it ended.

        After `patience_s` seconds it is killed; None: it is waited for, however long it lives.
        """
        try:
            code = self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        # The system does not reuse the number of the process group while a process is left in it.
        self._kill_group()
        self._output.join(OUTPUT_GRACE_S)
        if code < 0:
            names = {number.value: number.name for number in signal.Signals}
            return f"killed by signal {-code} ({names.get(-code, 'real-time')})"
        return f"exit code {code}: {self._tail[-1]}" if self._tail else f"exit code {code}"

    def release(self) -> None:
        """Free what is left of a process that was buried."""
        if self._process.stdin:
            self._process.stdin.close()

    def _listen(self) -> None:
        """Keep the last lines of the output of the process; libraries print a lot."""
        assert self._process.stdout
        with self._process.stdout as output:
            while line := output.readline(4096):
                if line := line.rstrip():
                    self._tail.append(line)
                    logger.debug("%s: %s", self._name, line)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # gone already
            os.killpg(self._process.pid, signal.SIGKILL)
