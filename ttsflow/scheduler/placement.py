"""From a policy's wish to workers that can be: usable devices, learnt caps, memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from ttsflow.errors import DeviceError
from ttsflow.interface.device import Device
from ttsflow.interface.policy import WorkerSpec
from ttsflow.interface.profile import Profile

GIB = 1024**3

WORKERS_A_CORE = 8
"""processes that share a core of a CPU, at most: with more of them each gets next to nothing of it"""


def usable(devices: Sequence[Device], profile: Profile) -> list[Device]:
    """The devices of the best kind that the backend can use and the machine has, in the order found.

    One kind alone: beside a GPU a worker on the CPU would hold up every stream whose chunk it got.
    Raises DeviceError where there is none.
    """
    for kind in profile.device_kinds:
        if fitting := [device for device in devices if device.kind == kind]:
            return fitting
    found = ", ".join(device.id for device in devices) or "none"
    raise DeviceError(
        f"backend {profile.backend!r} needs a device of kind {' or '.join(profile.device_kinds)}; "
        f"found: {found}. `ttsflow devices` shows why"
    )


def place(
    devices: Sequence[Device],
    profile: Profile,
    wish_for: Callable[[Sequence[Device], Profile], list[WorkerSpec]],
) -> tuple[list[WorkerSpec], list[str]]:
    """The workers that can be of those that a policy wishes for; and, in words, what a person should know.

    The policy is asked again without the devices on which nothing fits, so that it gives their work
    to others. Raises DeviceError where no worker fits on any.
    """
    refused: Counter[str] = Counter()
    while devices:
        wish = wish_for(devices, profile)
        specs, complaints = fit(wish, profile)
        refused.update(complaints)
        full = {spec.device.id for spec in wish} - {spec.device.id for spec in specs}
        if not full:
            return specs, [
                *(_times(text, count) for text, count in refused.items()),
                *_crowded(specs, profile),
            ]
        devices = [device for device in devices if device.id not in full]
    raise DeviceError(f"no worker fits: {'; '.join(refused)}")


def _times(text: str, count: int) -> str:
    return text if count == 1 else f"{text} ({count} times)"


def _crowded(specs: Iterable[WorkerSpec], profile: Profile) -> Iterator[str]:
    """What it means that several workers share a GPU.

    On a CPU each has cores of its own, and the workers of a server have no model.
    """
    counts = Counter(spec.device.id for spec in specs if spec.device.kind not in ("cpu", "remote"))
    for device, count in counts.items():
        if count > 1:
            yield (
                f"{count} workers share {device}, each with a model of its own in its memory: one worker of "
                f"backend {profile.backend!r} speaks at most {profile.slots} at a time"
            )


def fit(wish: Iterable[WorkerSpec], profile: Profile) -> tuple[list[WorkerSpec], list[str]]:
    """Cut a wish down to what the devices can hold; gives the workers and, in words, what was refused.

    A worker gets no more slots than the backend offers and its device allows, and fewer where the
    device's free memory does not hold them all; a worker that does not fit with one slot is refused.
    """
    specs: list[WorkerSpec] = []
    refused: list[str] = []
    taken: Counter[str] = Counter()
    workers: Counter[str] = Counter()
    for spec in wish:
        device = spec.device
        if (held := _held(device)) is not None and workers[device.id] >= held:
            refused.append(f"{device.id} holds {held} workers, {WORKERS_A_CORE} a core; one was refused")
            continue
        if device.max_workers is not None and workers[device.id] >= device.max_workers:
            refused.append(f"{device.id} is limited to {device.max_workers} workers now; one was refused")
            continue
        most = min(spec.slots, profile.slots, spec.slots if device.max_slots is None else device.max_slots)
        if most == profile.slots < spec.slots:
            refused.append(_too_many(spec, profile))
        free = None if device.free_bytes is None else device.free_bytes - taken[device.id]
        slots = profile.slots_in(free, most)
        if slots < most:
            refused.append(_short_of_memory(most, slots, device, taken[device.id], profile))
        if slots:
            workers[device.id] += 1
            taken[device.id] += profile.memory(slots)
            specs.append(WorkerSpec(device, slots))
    return specs, refused


def _held(device: Device) -> int | None:
    """How many workers a CPU holds; None where its cores are not known, or it is none."""
    return WORKERS_A_CORE * device.cores if device.kind == "cpu" and device.cores else None


def _too_many(spec: WorkerSpec, profile: Profile) -> str:
    """A cap of the device itself was told when memory ran out there."""
    wanted = f"a worker with {spec.slots} slots was wanted on {spec.device.id}"
    return f"{wanted}, and backend {profile.backend!r} has {profile.slots}: {profile.slots} instead"


def _short_of_memory(most: int, slots: int, device: Device, taken: int, profile: Profile) -> str:
    needs = f"{profile.memory(most) / GIB:.2f} GiB"
    free = f"{((device.free_bytes or 0) - taken) / GIB:.2f} GiB"
    left = f"{free} of its memory free" + (" beside the other workers" if taken else "")
    if slots:
        return f"a worker with {most} slots needs {needs}, and {device.id} has {left}: {slots} slots instead"
    return f"a worker needs {needs}, and {device.id} has {left}: refused"
