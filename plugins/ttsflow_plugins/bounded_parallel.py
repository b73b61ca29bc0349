"""The policy `bounded-parallel`: a fixed number of chunks at a time, spread over the devices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from ttsflow import ChunkJob, Device, PluginOptions, Policy, Profile, View, WorkerSpec, WorkerView, hookimpl


class BoundedParallel(Policy):
    """At most `max_concurrent` chunks at a time, spread over the devices."""

    name = "bounded-parallel"

    class Options(PluginOptions):
        max_concurrent: PositiveInt | Literal["auto"] = Field(
            "auto", description="chunks at a time over all devices; auto: one per device"
        )

    options: Options

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        """Divide the chunks among the devices: as slots if the backend has several, otherwise as workers."""
        wanted = self.options.max_concurrent
        self._most = len(devices) if wanted == "auto" else wanted
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
