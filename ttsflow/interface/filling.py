"""How many workers, with how many slots, get the most out of the devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ttsflow.interface.device import Device
from ttsflow.interface.policy import WorkerSpec
from ttsflow.interface.profile import Profile


def fill(devices: Iterable[Device], profile: Profile) -> Iterator[WorkerSpec]:
    """The workers that get the most out of each device, as far as its memory holds them; at least one each.

    A GPU has one worker, and a CPU as many as have cores, in half of the memory that is free: other programs
    run there, too. Each has as many slots as s(k) gains from.
    """
    for device in devices:
        yield from _fill(device, profile)


def _fill(device: Device, profile: Profile) -> Iterator[WorkerSpec]:
    count = 1 if device.kind != "cpu" else max(1, (device.cores or 1) // profile.cores)
    if device.max_workers is not None:
        count = min(count, device.max_workers)
    most = profile.knee if device.max_slots is None else min(profile.knee, device.max_slots)
    free = device.free_bytes
    if free is not None and device.kind == "cpu":
        free //= 2
    for number in range(count):
        slots = profile.slots_in(free, most)
        if not slots and number:
            return
        yield WorkerSpec(device, max(slots, 1))  # the scheduler says why not even the first one fits
        if free is not None:
            free -= profile.memory(slots)
