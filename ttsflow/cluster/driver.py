"""The driver: the process that speaks with Ray, and the only one of the coordinator's that loads it.

So what Ray prints, its signal handlers and its end when the head node is gone concern nobody else. A cluster
that does not answer is given up by ending this process. It ends with its coordinator, and with it end all
actors that it has started.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from ttsflow.cluster.claims import Claims
from ttsflow.cluster.keeper import Keeper
from ttsflow.cluster.messages import Came, Ended, Found, Join, Joined, Key, Kill, Launch, Leave, Refused, Went
from ttsflow.cluster.scouts import Scouts
from ttsflow.cluster.watch import LOOK_S, Watch, first_line
from ttsflow.threads import WatchedThread
from ttsflow.workers.wire import Line

logger = logging.getLogger(__name__)  # what it says goes into the coordinator's log

PROBE_S = 3.0
"""seconds to reach the head node"""

LEAVE_S = 10.0
"""seconds to leave the cluster in order"""

AUTO = "auto"
"""the address of the cluster that this machine is in"""

LOCAL = "local"
"""the address of a cluster of this machine alone, which begins and ends with the driver"""


def main() -> None:
    """Run the driver whose end of the connection is the file descriptor `sys.argv[1]`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator handles Ctrl-C
    os.chdir("/")  # Ray would have actors import from the folder in which it is joined
    threading.Thread(target=leave_after, args=(os.getppid(),), name="lifeline", daemon=True).start()
    os.set_inheritable(int(sys.argv[1]), False)
    with Connection(int(sys.argv[1])) as wire, suppress(EOFError, OSError):
        line = Line(wire)
        join: Join = line.receive()
        try:
            driver = Driver(line, join)
        except Exception as error:  # Ray raises many; each tells why it cannot be joined
            line.send(Refused(first_line(error)))
        else:
            driver.serve()
    leave()


class Driver:
    """Has joined a cluster, for one coordinator. Raises OSError, and what Ray raises, if that cannot be."""

    def __init__(self, line: Line, join: Join) -> None:
        self._line = line
        host, _, port = join.address.rpartition(":")
        if host:
            probe(host, int(port))
        import ray

        local: dict[str, Any] = {}
        if join.address == LOCAL:
            local = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        try:
            ray.init(join.address, log_to_driver=False, configure_logging=False, **local)
        except ConnectionError as error:
            if join.address != AUTO:
                raise
            raise ConnectionError("no cluster runs on this machine; `ray start --head` starts one") from error
        self._claims = Claims()
        self._actors: dict[Key, Any] = {}
        self._ends: SimpleQueue[tuple[Launch, Future[str]]] = SimpleQueue()
        self._watch = Watch(join.patterns, join.engine, self._came)
        self._scouts = Scouts(join.gpus)
        self._scouts.send(0)
        nodes, silent = self._watch.first(join.wait_s, gpus=min(1, join.gpus))
        line.send(Joined(ray.util.get_node_ip_address(), nodes, silent))
        self._lock = threading.Lock()
        # Without it the coordinator would wait for ends that nobody tells.
        WatchedThread(self._tell_ends, name="ends", lost=lambda error: leave()).start()

    def serve(self) -> None:
        """Do what the coordinator asks for, until Leave comes. Raises EOFError or OSError if it has ended."""
        look_s = time.monotonic() + LOOK_S
        while True:
            while not self._line.waiting(max(0.0, look_s - time.monotonic())):
                self._look()
                look_s = time.monotonic() + LOOK_S
            match self._line.receive():
                case Launch() as launch:
                    self._launch(launch)
                case Kill(key):
                    self._kill(key)
                case Leave():
                    return

    def _look(self) -> None:
        gone: list[str] = []
        with what_ray_raises("the nodes cannot be looked at"):
            gone = self._watch.look()
            self._scouts.send(self._watch.gpus)
        for id in gone:
            self._line.send(Went(id))

    def _came(self, node: Found) -> None:
        with suppress(OSError):  # the coordinator has ended, and this process will
            self._line.send(Came(node))

    def _launch(self, launch: Launch) -> None:
        try:
            ended = self._start(launch)
        except Exception as error:  # Ray raises many; this worker has ended, the others go on
            ended = Future()
            ended.set_exception(error)
        # Ray's thread, which calls this, must not wait for Ray.
        ended.add_done_callback(partial(self._put_end, launch))

    def _start(self, launch: Launch) -> Future[str]:
        """Start a worker's actor; what `Keeper.run` returns there. Raises what Ray raises."""
        import ray

        with self._lock:
            options = self._claims.options(launch)
            # No restart and no retry of Ray's own: the scheduler decides what follows from a death.
            actor = ray.remote(max_restarts=0, max_task_retries=0, **options)(Keeper).remote()
            self._actors[launch.key] = actor
        ended: Future[str] = actor.run.remote(
            launch.dial, launch.ticket, launch.environment, launch.name
        ).future()
        return ended

    def _put_end(self, launch: Launch, ended: Future[str]) -> None:
        self._ends.put((launch, ended))

    def _kill(self, key: Key) -> None:
        import ray

        if (actor := self._actors.get(key)) is not None:
            with what_ray_raises(f"worker {key} cannot be killed"):
                ray.kill(actor)

    def _tell_ends(self) -> None:
        while True:
            launch, ended = self._ends.get()
            with self._lock, what_ray_raises(f"the claim of {launch.name} cannot be given back"):
                self._actors.pop(launch.key, None)  # with the last handle an actor ends
                self._claims.release(launch)
            with suppress(OSError):  # the coordinator has ended, and this process will
                self._line.send(self._end_of(launch, ended))

    def _end_of(self, launch: Launch, ended: Future[str]) -> Ended:
        if (error := ended.exception()) is None:
            return Ended(launch.key, ended.result())
        with what_ray_raises("the nodes cannot be looked at"):
            if launch.node is not None and not self._is_there(launch.node):
                return Ended(launch.key, "its node has left the cluster", gone=True)
        return Ended(launch.key, f"its actor has ended: {_cause(error)}")

    def _is_there(self, id: str) -> bool:
        import ray

        return any(node["NodeID"] == id and node["Alive"] for node in ray.nodes())


@contextmanager
def what_ray_raises(what: str) -> Iterator[None]:
    """Go on after what Ray raises, and log what it was: it may pass, and other workers have their work."""
    try:
        yield
    except Exception as error:
        logger.warning("%s: %s", what, first_line(error))


def probe(host: str, port: int) -> None:
    """Raise ConnectionError where nobody listens at an address: Ray itself would try for long."""
    try:
        with socket.create_connection((host, port), PROBE_S):
            pass
    except OSError as error:
        raise ConnectionError(f"nobody answers there ({error})") from error


def leave_after(coordinator: int) -> None:
    """Leave the cluster when this process has ended, whatever the other threads wait for."""
    while os.getppid() == coordinator:
        time.sleep(LOOK_S)
    leave()


def leave() -> None:
    """Leave the cluster, and end this process, whatever Ray still waits for."""
    timer = threading.Timer(LEAVE_S, os.killpg, (0, signal.SIGKILL))
    timer.daemon = True
    timer.start()
    if (ray := sys.modules.get("ray")) is not None:
        ray.shutdown()
    os._exit(0)


def _cause(error: BaseException) -> str:
    """The line that tells most of what Ray says of a dead actor; what precedes it are names and numbers."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("The actor ")), first_line(error))


if __name__ == "__main__":
    main()
