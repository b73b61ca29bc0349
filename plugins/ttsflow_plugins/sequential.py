"""One chunk at a time, on the best device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttsflow import Device, Policy, Profile, WorkerSpec, hookimpl


class Sequential(Policy):
    """One chunk at a time, on the best device: predictable, and the first audio as soon as can be."""

    name = "sequential"

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return [WorkerSpec(devices[0])]


@hookimpl
def ttsflow_policies() -> list[type[Policy]]:
    return [Sequential]
