"""A cluster that was joined: its devices, as nodes come and go, and the workers that are started there."""

from __future__ import annotations

import itertools
import logging
import os
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing import Pipe
from threading import Lock, current_thread

from ttsflow.cluster.messages import Came, Ended, Found, Join, Joined, Key, Kill, Launch, Leave, Refused, Went
from ttsflow.cluster.nodes import Node
from ttsflow.cluster.packing import PackedRecipe
from ttsflow.errors import ClusterError, Unforeseen
from ttsflow.interface.device import Device
from ttsflow.interface.installation import install_command
from ttsflow.threads import WatchedThread
from ttsflow.workers.child import Child
from ttsflow.workers.wire import Line

logger = logging.getLogger(__name__)

ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "ignore"}
"""of the driver: nobody is told that Ray is used"""

START_S = 30.0
"""seconds for Ray itself to be loaded and joined, beside those in which nodes may answer"""

LET_GO_S = 15.0
"""seconds for the driver to end by itself; it gives up earlier"""

LOST = "the connection to the cluster is lost; the same command goes on, once it is there again"


Changed = Callable[[Sequence[Device], str], object]
"""Takes the devices as they are now, and tells why; it must not wait."""


class Cluster:
    """A Ray cluster that this program has joined through a driver, a process of its own.

    Any thread may call it. Raises ClusterError if the cluster cannot be joined within `wait_s` seconds, or
    none of its nodes can run the `engine`. With `patterns` only nodes count whose names fit one of them.
    An autoscaling cluster is asked for nodes until there are so many `gpus`.
    """

    def __init__(
        self,
        address: str,
        wait_s: float,
        engine: PackedRecipe | None = None,
        patterns: tuple[str, ...] = (),
        gpus: int = 0,
    ) -> None:
        if find_spec("ray") is None:
            raise ClusterError(f"Ray is not installed, and a cluster needs it: {install_command('ray')}")
        _check(address)
        self._address, self._pid = address, os.getpid()
        self._lock = Lock()
        self._nodes: dict[str, Node] = {}
        self._names: set[str] = set()
        self._ends: dict[Key, Future[Ended]] = {}
        self._keys = itertools.count()
        self._changed: Changed = lambda devices, why: None
        self._over = False
        self._wire, theirs = Pipe()
        with theirs:
            self._driver = Child("ttsflow.cluster.driver", theirs, ENVIRONMENT, "cluster", self._lose)
        self._line = Line(self._wire)
        self._line.send(
            Join(address, patterns, gpus, wait_s, None if engine is None else pickle.dumps(engine))
        )
        try:
            joined = self._await_joined(wait_s)
            for found in joined.nodes:
                self._add(found)
            self._silent = joined.silent
            self._check_usable()
        except BaseException:
            self._send(Leave())
            self._driver.bury(LET_GO_S)
            self._end()
            raise
        self.host = joined.host
        """the address of this machine in the cluster"""
        self._at_first = self.devices
        self._reader = WatchedThread(self._read, name="reader of the cluster", lost=self._lose)
        self._reader.start()

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices of all nodes that can be used, by the names of the nodes."""
        with self._lock:
            nodes = sorted(self._nodes.values(), key=lambda node: node.name)
        return tuple(device for node in nodes for device in node.devices)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user about nodes that are not used."""
        with self._lock:
            refused = [_refusal(node) for node in self._nodes.values() if node.why is not None]
        silent = (f"node {name} has not answered yet, and is not used until it does" for name in self._silent)
        return (*refused, *silent)

    def watch(self, changed: Changed) -> None:
        """Have `changed` called with the devices when nodes come and go, and with what is to be told of it.

        It is called on a thread of the cluster's; and at once if nodes have come or gone since it was joined.
        """
        self._changed = changed
        if self.devices != self._at_first:
            changed(self.devices, "nodes have come or gone meanwhile")

    def launch(
        self, name: str, device: Device, cpus: int, dial: tuple[str, int], ticket: bytes
    ) -> tuple[Key, Future[Ended]]:
        """Start a worker for a device, which calls `dial` and shows the ticket; and the future of its end."""
        with self._lock:
            key, ended = next(self._keys), Future[Ended]()
            node = next((id for id, each in self._nodes.items() if each.name == device.host), None)
            if self._over or (node is None and device.host is not None):
                why = LOST if self._over else "its node has left the cluster"
                ended.set_result(Ended(key, why, gone=True))
                return key, ended
            self._ends[key] = ended
        gpu = device.kind == "cuda"
        self._send(Launch(key, name, device.id, node, gpu, cpus, device.binding, dial, ticket))
        return key, ended

    def kill(self, key: Key) -> None:
        """End a worker at once."""
        self._send(Kill(key))

    def leave(self) -> None:
        """Leave the cluster, and wait until that is done; workers that are still there end.

        A driver that does not hear of it, because it waits for Ray, is killed after LET_GO_S seconds. May be
        called again. In a forked child it does nothing: the cluster is its parent's.
        """
        if os.getpid() != self._pid:
            return
        self._send(Leave())
        self._reader.join(LET_GO_S)
        if self._reader.is_alive():
            self._driver.kill()
            self._reader.join()

    def _await_joined(self, wait_s: float) -> Joined:
        """The driver's first answer. Raises ClusterError where there is none in time, or it is a refusal."""
        within_s = START_S + wait_s
        try:
            answer = self._line.receive() if self._line.waiting(within_s) else None
        except (EOFError, OSError):
            answer = Refused(self._driver.bury(0.0))
        if answer is None:
            self._driver.kill()  # it waits for Ray
            answer = Refused(f"it does not answer within {within_s:g} s")
        if isinstance(answer, Refused):
            raise ClusterError(f"cluster {self._address!r} cannot be joined: {answer.why}")
        assert isinstance(answer, Joined)
        return answer

    def _check_usable(self) -> None:
        if self.devices:
            return
        reasons = "".join(f"\n  {node.name}: {node.why or 'it offers none'}" for node in self._nodes.values())
        reasons = reasons or ": there is no such node"
        raise ClusterError(f"cluster {self._address!r} has no device that can be used{reasons}")

    def _read(self) -> None:
        try:
            while True:
                match self._line.receive():
                    case Ended(key) as ended:
                        self._ends.pop(key).set_result(ended)
                    case Came(found):
                        node = self._add(found)
                        why = f"node {node.name} has come" if node.why is None else _refusal(node)
                        self._changed(self.devices, why)
                    case Went(id):
                        self._remove(id)
        except (EOFError, OSError):
            logger.debug("the driver of the cluster has ended: %s", self._driver.bury(LET_GO_S))
        self._end()

    def _add(self, found: Found) -> Node:
        """A node under a name that no other has, nor has had: its devices were perhaps given up."""
        names = itertools.chain([found.name], (f"{found.name}-{number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in self._names)
        node = Node.of(found, name)
        with self._lock:
            self._names.add(name)
            self._nodes[found.id] = node
        return node

    def _remove(self, id: str) -> None:
        with self._lock:
            node = self._nodes.pop(id, None)
        if node is not None and node.devices:
            self._changed(self.devices, f"node {node.name} has gone")

    def _send(self, message: Launch | Kill | Leave) -> None:
        with suppress(OSError):  # the reader tells of the end of the driver
            self._line.send(message)

    def _lose(self, error: Unforeseen) -> None:
        """A thread of it has ended: nobody would hear of what happens."""
        logger.warning("%s. The cluster is left", error)
        self._driver.kill()
        if current_thread() is self._reader:
            self._end()

    def _end(self) -> None:
        """The driver is no more, and nor will its actors be."""
        with self._lock:
            self._over = True
            ends, self._ends = self._ends, {}
        for key, ended in ends.items():
            ended.set_result(Ended(key, LOST, gone=True))
        self._driver.release()
        self._wire.close()


def _check(address: str) -> None:
    """Raise ClusterError for what is no address of a cluster."""
    refused = f"cluster {address!r} cannot be joined: "
    if "://" in address:
        raise ClusterError(f"{refused}run this program on one of its machines, with its head's HOST:PORT")
    host, _, port = address.rpartition(":")
    if not host and address not in ("auto", "local"):
        raise ClusterError(f"{refused}an address is HOST:PORT, auto or local")
    if host and not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ClusterError(f"{refused}the port is not a number, such as 6379")


def _refusal(node: Node) -> str:
    return f"node {node.name} is not used: {node.why}"
