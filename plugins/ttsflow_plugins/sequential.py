"""The policy `sequential`: one chunk at a time, on the first device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttsflow import Device, Policy, Profile, WorkerSpec, hookimpl


class Sequential(Policy):
    """One chunk at a time, on the best device: times are predictable, and the first audio comes early."""

    name = "sequential"

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return [WorkerSpec(devices[0])]


@hookimpl
def ttsflow_policies() -> list[type[Policy]]:
    return [Sequential]
