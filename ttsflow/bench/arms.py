"""What is measured: the arms, each a number of workers with a number of slots, all of them on one device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ttsflow.interface.device import Device
from ttsflow.interface.profile import Profile


class Arm(NamedTuple):
    """So many workers, each with so many chunks at a time."""

    workers: int
    slots: int

    @property
    def at_once(self) -> int:
        """Chunks at a time."""
        return self.workers * self.slots

    def __str__(self) -> str:
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        slots = "1 slot" if self.slots == 1 else f"{self.slots} slots"
        return f"{workers}, {slots} each" if self.workers > 1 else f"{workers}, {slots}"


ALONE = Arm(1, 1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants: seconds for all of it, and the most workers (None: as the device has room for)."""

    budget_s: float
    workers: int | None = None


def ladder(most: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, 16 ... as far as `most`, which is in it: every half and every whole doubling.

    >>> ladder(10)
    [1, 2, 3, 4, 6, 8, 10]
    """
    return [*(step for step in _steps(most) if step < most), most]


def _steps(most: int) -> Iterator[int]:
    yield 1
    power = 2
    while power <= most:
        yield power
        yield power + power // 2
        power *= 2


def most_slots(device: Device, profile: Profile) -> int:
    """The most slots of one worker that the free memory of a device holds, by the engine's own figures."""
    return max(1, profile.slots_in(room(device), profile.slots))


def most_workers(device: Device, profile: Profile, wanted: int | None) -> int:
    """How many workers are measured: by default as many as a CPU has cores for, one on a GPU."""
    if wanted is not None:
        return wanted
    return max(1, (device.cores or 1) // profile.cores) if device.kind == "cpu" else 1


def room(device: Device) -> int | None:
    """Bytes that workers may take on a device; None where unknown. On a CPU other programs run, too."""
    free = device.free_bytes
    return free // 2 if free is not None and device.kind == "cpu" else free
