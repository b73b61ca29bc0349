"""The policy `bounded-parallel`: a bounded number of chunks at a time, spread over the devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from ttsflow import (
    ChunkJob,
    Device,
    PluginOptions,
    Policy,
    Profile,
    View,
    WorkerSpec,
    WorkerView,
    fill,
    hookimpl,
)


class BoundedParallel(Policy):
    """At most `max_concurrent` chunks at a time, spread over the devices."""

    name = "bounded-parallel"

    class Options(PluginOptions):
        max_concurrent: PositiveInt | Literal["auto"] = Field(
            "auto", description="chunks at a time over all devices; auto: as many as the devices gain from"
        )

    options: Options

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        """Divide the chunks among the devices: as slots if the backend has several, otherwise as workers."""
        wanted = self.options.max_concurrent
        if wanted == "auto":
            specs = list(fill(devices, profile))
            self._most = sum(spec.slots for spec in specs)
            return specs
        self._most = wanted
        return list(self._divided(devices, profile))

    def _divided(self, devices: Sequence[Device], profile: Profile) -> Iterator[WorkerSpec]:
        for position, device in enumerate(devices):
            share = len(range(position, self._most, len(devices)))
            while share > 0:
                yield WorkerSpec(device, min(share, profile.slots))
                share -= profile.slots

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        for worker in view.free:
            job = view.ready.first()
            if job is None or len(view.running) >= self._most:
                return
            yield job, worker


@hookimpl
def ttsflow_policies() -> list[type[Policy]]:
    return [BoundedParallel]
