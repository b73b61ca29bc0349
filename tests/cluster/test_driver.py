"""The process that speaks with Ray: what it answers, whatever Ray raises."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from multiprocessing import Pipe
from threading import Event, Thread

import pytest

from tests.cluster.nodes import HOST, QUIETLY, Nodes
from ttsflow.cluster.cluster import ENVIRONMENT
from ttsflow.cluster.messages import Came, Ended, Join, Joined, Kill, Launch, Leave
from ttsflow.workers.child import Child
from ttsflow.workers.wire import Line

WAIT_S = 120.0


class Driver:
    """One that has joined the cluster."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.joined: Joined = self.receive()

    def receive(self) -> object:
        assert self.line.waiting(WAIT_S), "nothing has come"
        return self.line.receive()

    def launch(self, key: int, node: str) -> None:
        """Have a worker started that can reach nobody."""
        with socket.create_server((HOST, 0)) as free:
            dial = free.getsockname()
        self.line.send(Launch(key, f"w{key}", f"{node}/cpu", node, False, 0, (), dial, b""))


@pytest.fixture
def driver(nodes: Nodes) -> Iterator[Driver]:
    wire, theirs = Pipe()
    with theirs:
        environment = ENVIRONMENT | QUIETLY
        child = Child(
            "ttsflow.cluster.driver", theirs, environment, "driver", lambda error: pytest.fail(str(error))
        )
    with wire:
        line = Line(wire)
        line.send(Join(nodes.address, (), 0, WAIT_S, None))
        yield Driver(line)
        line.send(Leave())
        child.bury(WAIT_S)
    child.release()


def test_a_worker_that_cannot_be_launched_has_ended_and_others_are_launched(driver: Driver) -> None:
    driver.launch(0, "a node that never was")
    assert driver.receive() == Ended(0, "its node has left the cluster", gone=True)
    driver.launch(1, driver.joined.nodes[0].id)
    ended = driver.receive()
    assert isinstance(ended, Ended)
    assert (ended.key, ended.gone) == (1, False)
    assert "its actor has ended: " in ended.why


def test_it_looks_at_the_nodes_however_much_it_is_asked(driver: Driver, nodes: Nodes) -> None:
    over = Event()

    def ask() -> None:
        while not over.wait(0.1):
            driver.line.send(Kill(-1))

    asking = Thread(target=ask)
    asking.start()
    node = nodes.add("late", cpus=1)
    try:
        while not (isinstance(said := driver.receive(), Came) and said.node.name == "late"):
            pass
    finally:
        over.set()
        asking.join()
        nodes.remove(node)
