"""A worker as a process on this machine."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Event
from ttsflow.workers.child import Child
from ttsflow.workers.link import Link
from ttsflow.workers.wire import Recipe, Setup

LET_GO_S = 5.0
"""seconds for a process to end after it has closed its end of the connection, before it is killed"""

BUFFER_BYTES = 2**20
"""of audio on its way from a worker; systems may allow less"""


class WorkerProcess(Link):
    """One generation of a worker: a process of this machine, and the threads that listen to it.

    Raises OSError if no process can be started, and an exception of pickle if the recipe cannot be pickled.
    """

    def __init__(
        self,
        worker: str,
        generation: int,
        spec: WorkerSpec,
        recipe: Recipe,
        post: Callable[[Event | WorkerInfo], object],
        *,
        trim: bool = False,
    ) -> None:
        super().__init__(worker, generation, spec, post)
        setup = pickle.dumps(Setup(recipe, spec.device, spec.slots, trim))
        self._wire, theirs = Pipe()
        widen(theirs)
        with theirs:
            self._child = Child(
                "ttsflow.workers.main", theirs, dict(spec.device.binding), self.name, self._lose
            )
        self._send(pickle.dumps(sys.path))
        self._send(setup)
        self._reader.start()

    def kill(self) -> None:
        """End the process, and whatever it has started itself, at once."""
        self._child.kill()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; whether process and threads are gone."""
        if not super().join(timeout):
            return False
        self._wire.close()
        self._child.release()
        return True

    def _reach(self) -> Connection:
        return self._wire

    def _send(self, message: bytes) -> None:
        # Never blocks: only a few small messages (one per slot) are on the way to a worker, and the socket
        # buffers them.
        with suppress(OSError):
            self._wire.send_bytes(message)

    def _bury(self) -> str:
        return self._child.bury(LET_GO_S)


def widen(wire: Connection) -> None:
    """Let a worker send a whole chunk and speak on, while the coordinator still reads."""
    with socket.socket(fileno=os.dup(wire.fileno())) as end, suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
