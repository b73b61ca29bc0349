"""The workers of a runner on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ttsflow.cluster.cluster import Cluster
from ttsflow.cluster.packing import PackedRecipe
from ttsflow.cluster.worker import ClusterWorker
from ttsflow.interface.device import Device
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import DevicesChanged, Event
from ttsflow.workers.links import Links


class ClusterWorkers(Links):
    """Workers that build `recipe`'s backend on the nodes of a cluster. It posts DevicesChanged, too.

    A worker on a CPU claims so many `cpus` of its node. `beside` are devices that belong to no node. With
    `trim`, workers shorten silence at the edges of chunks.
    """

    def __init__(
        self,
        cluster: Cluster,
        recipe: PackedRecipe,
        post: Callable[[Event | WorkerInfo], object],
        *,
        cpus: int = 1,
        beside: Sequence[Device] = (),
        trim: bool = False,
    ) -> None:
        super().__init__(post)
        self._cluster, self._recipe = cluster, recipe
        self._cpus, self._trim = cpus, trim
        cluster.watch(lambda devices, why: post(DevicesChanged((*devices, *beside), why)))

    def _launch(self, worker: str, generation: int, spec: WorkerSpec) -> ClusterWorker:
        return ClusterWorker(
            worker,
            generation,
            spec,
            self._recipe,
            self._cluster,
            self._post,
            cpus=self._cpus,
            trim=self._trim,
        )
