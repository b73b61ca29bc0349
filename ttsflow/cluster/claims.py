"""What workers claim of their nodes, so that Ray gives it to nobody else: whole GPUs, and cores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ttsflow.cluster.messages import Key, Launch

SHARE = 1 / 64
"""of the claim of its GPU that a worker takes: so many workers can be on one"""


@dataclass(slots=True)
class _Claim:
    """A GPU that Ray has set aside, and the workers on it."""

    group: Any
    workers: set[Key] = field(default_factory=set)


class Claims:
    """The GPUs that are set aside, by device: the workers of a device share one, which is theirs alone."""

    def __init__(self) -> None:
        self._claims: dict[str, _Claim] = {}

    def options(self, launch: Launch) -> dict[str, Any]:
        """The options of the Ray actor of a worker, which claims what it needs."""
        from ray.util.placement_group import placement_group
        from ray.util.scheduling_strategies import (
            NodeAffinitySchedulingStrategy,
            PlacementGroupSchedulingStrategy,
        )

        if launch.node is None:
            return {"num_cpus": 0, "scheduling_strategy": "SPREAD"}
        if not launch.gpu:
            affinity = NodeAffinitySchedulingStrategy(launch.node, soft=False)
            return {"num_cpus": launch.cpus, "scheduling_strategy": affinity}
        if launch.device not in self._claims:
            on_node = {"ray.io/node-id": launch.node}
            group = placement_group([{"GPU": 1}], bundle_label_selector=[on_node])
            self._claims[launch.device] = _Claim(group)
        claim = self._claims[launch.device]
        claim.workers.add(launch.key)
        in_group = PlacementGroupSchedulingStrategy(claim.group)
        return {"num_cpus": 0, "num_gpus": SHARE, "scheduling_strategy": in_group}

    def release(self, launch: Launch) -> None:
        """A worker has ended: what nobody else of its device needs is given back."""
        from ray.util.placement_group import remove_placement_group

        claim = self._claims.get(launch.device)
        if claim is not None:
            claim.workers.discard(launch.key)
            if not claim.workers:
                del self._claims[launch.device]
                remove_placement_group(claim.group)
