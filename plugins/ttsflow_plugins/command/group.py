"""A process group that ends with its owner, and whose processes all end together."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import Self

WATCH = "trap '' HUP INT QUIT TERM; read -r line; kill -s KILL 0"
"""what its first process does, which a program that ends its own group shall not end"""


class Group:
    """A process group for programs, with all that they start themselves; use it as a context manager.

    Its processes are gone after it. They are gone, too, as soon as this process has ended, for any reason:
    the first of them waits for the end of its standard input, and then kills the group.
    """

    def __init__(self) -> None:
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", WATCH],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        self.number = self._watch.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # The system does not reuse the number before the first process has been waited for.
        with suppress(ProcessLookupError, PermissionError):  # all are dead already
            os.killpg(self.number, signal.SIGKILL)
        self._watch.wait()
        assert self._watch.stdin is not None
        self._watch.stdin.close()
