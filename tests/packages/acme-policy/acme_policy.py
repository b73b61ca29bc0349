"""A scheduling policy for ttsflow, in a package of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic import PositiveInt

from ttsflow import (
    ChunkJob,
    Device,
    PluginOptions,
    Policy,
    Profile,
    View,
    WorkerSpec,
    WorkerView,
    hookimpl,
)


class ShortestFirst(Policy):
    """The shortest chunk first, on a number of devices."""

    name = "shortest-first"

    class Options(PluginOptions):
        devices: PositiveInt = 1
        """how many devices get a worker"""

    options: Options

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return [WorkerSpec(device) for device in devices[: self.options.devices]]

    def dispatch(self, view: View) -> Iterator[tuple[ChunkJob, WorkerView]]:
        for worker in view.free:
            if not view.ready:
                return
            yield min(view.ready, key=lambda job: len(job.text)), worker


@hookimpl
def ttsflow_policies() -> list[type[Policy]]:
    return [ShortestFirst]
