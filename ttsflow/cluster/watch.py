"""The nodes of a cluster, as they come and go."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from ttsflow.cluster import survey as surveying
from ttsflow.cluster.messages import Found

LOOK_S = 1.0
"""seconds from one look at the nodes to the next"""

Node = dict[str, Any]
"""as Ray describes it"""


class Watch:
    """Looks at the nodes of the cluster that this process has joined, and asks each that is new for a survey.

    With `patterns` only nodes count whose names fit one of them. `came` is called, on a thread of Ray's, with
    each that has answered after `first`.
    """

    def __init__(
        self, patterns: Sequence[str], engine: bytes | None, came: Callable[[Found], object]
    ) -> None:
        import ray

        ray.cloudpickle.register_pickle_by_value(surveying)
        self._survey = ray.remote(num_cpus=0, max_retries=0)(surveying.survey)
        self._patterns, self._engine, self._came = patterns, engine, came
        self._known: dict[str, Node] = {}  # those that are there

    def first(self, wait_s: float, gpus: int = 0) -> tuple[tuple[Found, ...], tuple[str, ...]]:
        """The nodes that answer within so many seconds; and the names of those that do not.

        It waits until all have answered, and until there are so many GPUs.
        """
        until = time.monotonic() + wait_s
        asked: list[tuple[Node, Future[dict[str, Any]]]] = []
        while True:
            asked += [(node, self._ask(node)) for node in self._new()]
            left_s = max(0.0, until - time.monotonic())
            done, late = wait(
                [told for _, told in asked], left_s if self.gpus >= gpus else min(left_s, LOOK_S)
            )
            if not left_s or (not late and self.gpus >= gpus):
                break
            if not late:
                time.sleep(min(left_s, LOOK_S))
        for node, told in asked:
            if told in late:
                told.add_done_callback(partial(self._answered, node))
        found = tuple(_found(node, told) for node, told in asked if told in done)
        return found, tuple(_name(node) for node, told in asked if told in late)

    @property
    def gpus(self) -> int:
        """How many there are on the nodes, as of the last look."""
        return sum(_gpus(node) for node in self._known.values())

    def look(self) -> list[str]:
        """Look again: the ids of the nodes that are gone. Those that are new are asked."""
        before = set(self._known)
        for node in self._new():
            self._ask(node).add_done_callback(partial(self._answered, node))
        return [id for id in before if id not in self._known]

    def _new(self) -> list[Node]:
        import ray

        leaving = _draining()
        here = {node["NodeID"]: node for node in ray.nodes() if node["Alive"] and self._is_wanted(node)}
        for id in leaving:
            here.pop(id, None)
        new = [node for id, node in here.items() if id not in self._known]
        self._known = here
        return new

    def _is_wanted(self, node: Node) -> bool:
        return not self._patterns or any(fnmatchcase(_name(node), pattern) for pattern in self._patterns)

    def _ask(self, node: Node) -> Future[dict[str, Any]]:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked: Future[dict[str, Any]] = (
            self._survey.options(scheduling_strategy=there).remote(self._engine).future()
        )
        return asked

    def _answered(self, node: Node, told: Future[dict[str, Any]]) -> None:
        if node["NodeID"] in self._known:  # else it has gone again
            self._came(_found(node, told))


def _found(node: Node, told: Future[dict[str, Any]]) -> Found:
    """A node that has answered, or never will."""
    error = told.exception()
    answer = told.result() if error is None else {"why": f"it does not answer: {first_line(error)}"}
    return Found(node["NodeID"], _name(node), _gpus(node), int(node["Resources"].get("CPU", 0)), answer)


def _gpus(node: Node) -> int:
    return int(node["Resources"].get("GPU", 0))


def _draining() -> set[str]:
    """The ids of nodes that are about to leave: a spot machine that was told so, one that is too many.

    Ray tells it to its own libraries alone. In a version that tells it elsewhere such nodes are used until
    they are gone, which costs the chunks in work.
    """
    from ray._private import state

    with suppress(AttributeError):
        return set(state.state.get_draining_nodes())
    return set()


def _name(node: Node) -> str:
    """The name that its owner gave it, or else its host name."""
    return str(
        node["NodeManagerHostname"] if node["NodeName"] == node["NodeManagerAddress"] else node["NodeName"]
    )


LONGEST = 300
"""most characters of an error of Ray that are passed on"""


def first_line(error: BaseException) -> str:
    """The first line of an error; Ray's go on with pages."""
    return (str(error).strip() or type(error).__name__).partition("\n")[0][:LONGEST]
