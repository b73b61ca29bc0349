"""That a cluster is left, whatever its driver is doing."""

from __future__ import annotations

import signal
from contextlib import suppress
from threading import Thread

import psutil
import pytest

from tests.cluster.nodes import Nodes
from ttsflow.cluster import cluster as joining
from ttsflow.cluster.cluster import Cluster


def drivers() -> list[psutil.Process]:
    """The processes that have joined a cluster for this one."""
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.ZombieProcess):  # of another test
            if "ttsflow.cluster.driver" in process.cmdline():
                found.append(process)
    return found


def test_a_frozen_driver_is_not_waited_for(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "LET_GO_S", 0.1)
    before = drivers()
    cluster = Cluster(nodes.address, wait_s=60.0)
    [driver] = set(drivers()) - set(before)
    driver.send_signal(signal.SIGSTOP)
    leaving = Thread(target=cluster.leave, daemon=True)
    leaving.start()
    leaving.join(60)
    ended = not driver.is_running()
    with suppress(psutil.NoSuchProcess):
        driver.kill()
    assert ended
    leaving.join()
    cluster.leave()  # again
