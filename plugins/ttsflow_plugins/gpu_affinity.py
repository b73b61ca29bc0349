"""The policy `gpu-affinity`: one worker per GPU; each chunk, voice or stream is assigned to one GPU."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from ttsflow import (
    ChunkJob,
    ConfigError,
    Device,
    PluginOptions,
    Policy,
    Profile,
    View,
    WorkerSpec,
    WorkerView,
    fill,
    hookimpl,
    soonest,
)

REMEMBERED = 10_000
"""most voices or streams whose device is remembered; beyond it the oldest is forgotten and assigned again"""


class GpuAffinity(Policy):
    """One worker per GPU; each chunk, voice or stream is assigned to one GPU, and idle GPUs may help."""

    name = "gpu-affinity"

    class Options(PluginOptions):
        key: Literal["chunk", "voice", "stream"] = Field(
            "chunk", description="what is assigned to the devices, one after the other, as it first appears"
        )
        slots: PositiveInt | Literal["auto"] = Field(
            "auto", description="chunks at a time on a device; auto: as many as it gains from"
        )
        pin: dict[str, str] = Field(
            default_factory=dict,
            description="maps a voice, a recording's path or a stream to the only device that may speak it",
        )
        steal: bool = Field(
            True, description="an idle device takes another device's work, but no pinned work"
        )

    options: Options
    _devices: Sequence[str] = ()

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        first_time = not self._devices
        self._devices = [device.id for device in devices]
        self._dealt: dict[Hashable, str] = {}
        self._deals = 0
        for what, device in self.options.pin.items():
            if first_time and device not in self._devices:
                raise ConfigError(
                    f"policy 'gpu-affinity' pins {what!r} to {device!r}, which the backend cannot use; "
                    f"it can use {', '.join(self._devices)}"
                )
        slots = self.options.slots
        if slots == "auto":
            return fill(devices, profile)
        return [WorkerSpec(device, slots) for device in devices]

    def lane(self, job: ChunkJob) -> tuple[str, bool]:
        """The id of the device that `job` is assigned to, and whether only that device may speak the job."""
        names = (job.stream, job.voice, *job.references)
        pinned = next((self.options.pin[name] for name in names if name in self.options.pin), None)
        if pinned and pinned in self._devices:  # a pin to a device that was lost has no effect any more
            return pinned, True
        if self.options.key == "chunk":
            return self._devices[job.index % len(self._devices)], False
        key = job.stream if self.options.key == "stream" else (job.voice, job.references)
        if key not in self._dealt:
            self._dealt[key] = self._devices[self._deals % len(self._devices)]
            self._deals += 1
            if len(self._dealt) > REMEMBERED:
                del self._dealt[next(iter(self._dealt))]
        return self._dealt[key], False

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        for worker in view.free:
            if not view.ready:
                return
            device = worker.device.id
            if self._by_speed and view.costs.uneven:
                job = view.ready.first((device, True)) or soonest(view, worker, self._unpinned(view))
            else:
                job = view.ready.first((device, True), (device, False))
                if job is None and self.options.steal:
                    job = self._anybodys(view)
            if job is not None:
                yield job, worker

    @property
    def _by_speed(self) -> bool:
        """Whether unlike devices share the work by their speed: where any of them may speak any chunk."""
        return self.options.steal and self.options.key == "chunk"

    def _unpinned(self, view: View) -> Iterable[ChunkJob]:
        return (job for job in view.ready if not self.lane(job)[1])

    def _anybodys(self, view: View) -> ChunkJob | None:
        """The next job that is not pinned."""
        if not self.options.pin:
            return view.ready.first()
        lanes = [(device, False) for device in self._devices]
        return view.ready.first(*lanes)


@hookimpl
def ttsflow_policies() -> list[type[Policy]]:
    return [GpuAffinity]
