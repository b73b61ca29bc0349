"""A worker on a node of a cluster, as the coordinator sees it."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue

from ttsflow.cluster.carrier import Carrier
from ttsflow.cluster.cluster import Cluster
from ttsflow.cluster.door import Door
from ttsflow.cluster.packing import PackedRecipe
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Event
from ttsflow.threads import WatchedThread
from ttsflow.workers.link import Link, NotStarted
from ttsflow.workers.wire import Setup

LET_GO_S = 5.0
"""seconds for Ray to tell of the end of a worker that has closed its connection, before it is killed; and as
many after that"""


class ClusterWorker(Link):
    """One generation of a worker: a process that an actor keeps on a node, and that calls the coordinator.

    What it is sent waits in a queue, since the network, or a node that is frozen, may take its time. Raises
    OSError if nobody can call this machine, and an exception of pickle if the recipe cannot be pickled.
    """

    def __init__(
        self,
        worker: str,
        generation: int,
        spec: WorkerSpec,
        recipe: PackedRecipe,
        cluster: Cluster,
        post: Callable[[Event | WorkerInfo], object],
        *,
        cpus: int,
        trim: bool,
    ) -> None:
        super().__init__(worker, generation, spec, post)
        self._cluster = cluster
        self._outbox: SimpleQueue[Callable[[], bytes | None] | None] = SimpleQueue()
        self._carrier = Carrier()  # the writer's
        self._send(pickle.dumps(None))  # the node has its own sys.path
        self._send(pickle.dumps(Setup(recipe, spec.device, spec.slots, trim)))
        self._wire: Connection | None = None
        self._killed = False
        self._door = Door(cluster.host)
        self._key, self._ended = cluster.launch(
            self.name, spec.device, cpus, self._door.address, self._door.ticket
        )
        self._writer = WatchedThread(self._write, name=f"writer to {self.name}", lost=self._lose)
        self._reader.start()

    def kill(self) -> None:
        """End the worker at once; what its node may still send is not heard."""
        self._killed = True
        self._cluster.kill(self._key)
        if self._wire is not None:
            _cut(self._wire)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; whether worker and threads are gone."""
        if not super().join(timeout):
            return False
        if self._wire is not None:
            self._outbox.put(None)
            self._writer.join()
            self._wire.close()
        return True

    def _reach(self) -> Connection:
        """Wait until the worker calls, or Ray tells that it never will."""
        with self._door:
            while (wire := self._door.open()) is None:
                if self._ended.done():
                    ended = self._ended.result()
                    raise NotStarted(ended.why, permanent=ended.gone)
            self._wire = wire
        if self._killed:  # a moment ago
            _cut(self._wire)
        self._writer.start()
        return self._wire

    def start_job(self, token: int, job: ChunkJob) -> None:
        """Give the worker a job, and before it the recordings that it does not have as they are now."""
        for path in job.references:
            self._outbox.put(partial(self._carry, path))
        super().start_job(token, job)

    def _send(self, message: bytes) -> None:
        self._outbox.put(lambda: message)

    def _write(self) -> None:
        assert self._wire is not None
        with suppress(OSError):  # the reader tells of the end of the worker
            while (message := self._outbox.get()) is not None:
                if (content := message()) is not None:
                    self._wire.send_bytes(content)

    def _carry(self, path: str) -> bytes | None:
        file = self._carrier.pack(path)
        return None if file is None else pickle.dumps(file)

    def _bury(self) -> str:
        for _ in range(2):
            with suppress(NotYet):
                return self._ended.result(LET_GO_S).why
            self._cluster.kill(self._key)
        return "its connection has ended, and its node does not answer"


def _cut(wire: Connection) -> None:
    """End a connection on which other threads wait."""
    with socket.socket(fileno=os.dup(wire.fileno())) as end, suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
