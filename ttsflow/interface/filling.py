"""How many workers, with how many slots, get the most out of the devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ttsflow.interface.device import Device
from ttsflow.interface.policy import WorkerSpec
from ttsflow.interface.profile import Profile, knee


def fill(devices: Iterable[Device], profile: Profile, most_slots: int | None = None) -> Iterator[WorkerSpec]:
    """The workers that get the most out of each device, as far as its memory holds them; at least one each.

    A GPU has one worker, and a CPU as many as have cores, in half of the memory that is free: other programs
    run there, too. Where it was measured what more workers of a device gain, there are the fewest that gain
    nearly the most, also on a GPU, where each has a model. Each has as many slots as s(k) gains from. A
    policy that tries out whether more gain has up to `most_slots` of them, where half of the memory that is
    left holds these.
    """
    for device in devices:
        specs = list(_fill(device, profile))
        yield from specs if most_slots is None else _spared(specs, profile, most_slots)


def _fill(device: Device, profile: Profile) -> Iterator[WorkerSpec]:
    count = knee(lambda k: profile.beside(k, device), _most_workers(device, profile))
    if device.max_workers is not None:
        count = min(count, device.max_workers)
    most = profile.knee if device.max_slots is None else min(profile.knee, device.max_slots)
    free = _room(device)
    for number in range(count):
        slots = profile.slots_in(free, most)
        if not slots and number:
            return
        yield WorkerSpec(device, max(slots, 1))  # the scheduler says why not even the first one fits
        if free is not None:
            free -= profile.memory(slots)


def _most_workers(device: Device, profile: Profile) -> int:
    if device.kind == "cpu":
        return max(1, (device.cores or 1) // profile.cores)
    return max(1, len(profile.workers))


def _spared(specs: Sequence[WorkerSpec], profile: Profile, most: int) -> Iterator[WorkerSpec]:
    """The same workers of one device, with as many slots more as they have room for."""
    device = specs[0].device
    most = min(most, profile.slots, profile.slots if device.max_slots is None else device.max_slots)
    free = _room(device)
    more = most
    if free is not None and profile.slot_memory_bytes:
        left = free - sum(profile.memory(spec.slots) for spec in specs)
        more = max(0, left) // 2 // profile.slot_memory_bytes // len(specs)
    for spec in specs:
        yield WorkerSpec(device, max(spec.slots, min(most, spec.slots + more)))


def _room(device: Device) -> int | None:
    """Bytes that workers may take."""
    free = device.free_bytes
    return free // 2 if free is not None and device.kind == "cpu" else free
