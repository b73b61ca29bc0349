"""The Ray actor of a worker: it claims what the worker needs, and keeps the worker's process on its node."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from ttsflow.errors import Unforeseen
from ttsflow.workers.child import Child
from ttsflow.workers.process import widen

DIAL_S = 10.0
"""seconds to reach the coordinator"""


class Keeper:
    """Starts the process of one worker, and is alive as long as that is: it ends at once with the actor."""

    def run(
        self, dial: tuple[str, int], ticket: bytes, environment: tuple[tuple[str, str], ...], name: str
    ) -> str:
        """Call the coordinator, and have a process speak with it. Returns how that ended.

        Raises OSError if the coordinator cannot be reached, or no process can be started.
        """
        with socket.create_connection(dial, DIAL_S) as line:
            line.settimeout(None)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a message is several small writes
            line.sendall(ticket)
            wire = Connection(os.dup(line.fileno()))
        with wire:
            widen(wire)
            _lift_limit()
            child = Child("ttsflow.workers.main", wire, dict(environment), name, lost=_end)
        try:
            return child.bury()
        finally:
            child.release()


def _end(error: Unforeseen) -> None:
    """Without the thread that reads it, the process would wait for ever to print something."""
    os._exit(1)


def _lift_limit() -> None:
    """Take away the limit of threads that Ray sets for its own workers: engines have none elsewhere."""
    with suppress(OSError):
        of_node = Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\0")
        if not any(each.startswith(b"OMP_NUM_THREADS=") for each in of_node):
            os.environ.pop("OMP_NUM_THREADS", None)
