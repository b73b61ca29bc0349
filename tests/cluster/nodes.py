"""A Ray cluster of several nodes on this machine, whose GPUs are pretended."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

# Before Ray is loaded. A token would be looked for at home, and each program under test has its own.
QUIETLY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
os.environ.update(QUIETLY)

HOST = "127.0.0.2"  # of this machine alone; Ray replaces 127.0.0.1 by an address that others reach
STORE_BYTES = 80 * 2**20
CONFIG = {  # a lost node is missed after three seconds
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
    "worker_niceness": 0,  # as what they are compared with; by default they leave the machine to others
}


class Nodes:
    """The head, which offers nothing, and nodes that come and go."""

    def __init__(self, folder: Path) -> None:
        from ray._common.utils import get_default_ray_temp_dir
        from ray.cluster_utils import Cluster

        Path(get_default_ray_temp_dir()).mkdir(exist_ok=True)  # it notes the address there
        given = {"num_cpus": 0, "include_dashboard": False, "temp_dir": str(folder), "_system_config": CONFIG}
        self._cluster = Cluster(initialize_head=True, head_node_args=self._common("head") | given)
        self.address = str(self._cluster.address)

    def add(self, name: str, *, gpus: int = 0, cpus: int = 0, env: dict[str, str] | None = None) -> Any:
        """A node more."""
        given = {"num_gpus": gpus, "num_cpus": cpus, "env_vars": env}
        return self._cluster.add_node(**self._common(name) | given)

    def kill(self, node: Any) -> None:
        """End a node as a power failure does."""
        self._cluster.remove_node(node, allow_graceful=False)

    def drain(self, node: Any) -> None:
        """Announce that a node leaves within the hour, as owners of spot machines do."""
        from ray._raylet import GcsClient
        from ray.core.generated.autoscaler_pb2 import DrainNodeReason

        within_ms = int((time.time() + 3600) * 1000)
        spot = DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION
        accepted, why = GcsClient(address=self.address).drain_node(node.node_id, spot, "spot", within_ms)
        assert accepted, why

    def remove(self, node: Any) -> None:
        """End a node in order."""
        self._cluster.remove_node(node)

    def end(self) -> None:
        self._cluster.shutdown()

    def _common(self, name: str) -> dict[str, Any]:
        return {"node_name": name, "node_ip_address": HOST, "object_store_memory": STORE_BYTES}


@contextmanager
def started() -> Iterator[Nodes]:
    """A cluster; its folder has a short name, because sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="ttr"))
    nodes = Nodes(folder)
    try:
        yield nodes
    finally:
        nodes.end()
        shutil.rmtree(folder, ignore_errors=True)


def actors() -> list[psutil.Process]:
    """The actors of ttsflow that are alive, of whatever cluster of this test process."""
    return [each for each in psutil.Process().children(recursive=True) if _is_actor(each)]


def workers() -> list[psutil.Process]:
    """The processes of workers on the nodes."""
    return [child for actor in actors() for child in children(actor)]


def children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return process.children()
    return []


def _is_actor(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "ray::Keeper" in " ".join(process.cmdline())
    return False
