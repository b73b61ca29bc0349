"""The messages between the coordinator and its driver, the process that speaks with Ray.

coordinator -> driver    Join; then any number of Launch and Kill; Leave
driver -> coordinator    Joined or Refused; then Came and Went as nodes do, and one Ended for each Launch
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Key = int
"""a worker, among all that one coordinator has started"""


@dataclass(frozen=True, slots=True)
class Join:
    """Join the cluster at `address`, and look at its nodes for `wait_s` seconds at most.

    With `patterns` only nodes count whose names fit one. Nodes are asked for until there are so many `gpus`.
    `engine` is a pickled `PackedRecipe`: what each node must be able to run; None: nothing.
    """

    address: str
    patterns: tuple[str, ...]
    gpus: int
    wait_s: float
    engine: bytes | None


@dataclass(frozen=True, slots=True)
class Found:
    """A node: its id and name in the cluster, what it offers there, and what it told of itself (`survey`)."""

    id: str
    name: str
    gpus: int
    cpus: int
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Joined:
    """The cluster is joined; `host` is the address of this machine in it."""

    host: str
    nodes: tuple[Found, ...]
    silent: tuple[str, ...]
    """names of nodes that have told nothing yet"""


@dataclass(frozen=True, slots=True)
class Refused:
    """The cluster cannot be joined."""

    why: str


@dataclass(frozen=True, slots=True)
class Came:
    """A node has come, and told of itself."""

    node: Found


@dataclass(frozen=True, slots=True)
class Went:
    """A node is gone, or about to go: nothing is to be started there."""

    id: str


@dataclass(frozen=True, slots=True)
class Launch:
    """Start a worker, which calls `dial` and shows the ticket there.

    It claims one of `node`'s GPUs, together with all others for the same `device`, or so many `cpus`; without
    a node it claims nothing, and runs anywhere. `name` is what its node's log calls it.
    """

    key: Key
    name: str
    device: str
    node: str | None
    gpu: bool
    cpus: int
    environment: tuple[tuple[str, str], ...]
    dial: tuple[str, int]
    ticket: bytes


@dataclass(frozen=True, slots=True)
class Kill:
    """End a worker at once."""

    key: Key


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the cluster, and end."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker has ended, or never begun; `gone`: so has its node."""

    key: Key
    why: str
    gone: bool = False
