"""GPUs that are made up for a plan: how many, and how quick."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ttsflow.errors import UsageError
from ttsflow.interface.device import Device
from ttsflow.interface.profile import Profile

MOST_GPUS = 10_000

SLOWEST, QUICKEST = 0.01, 100.0
"""speeds that a plan takes for a GPU's, and not for a slip of the pen"""


def speeds_of(gpus: str) -> tuple[float, ...]:
    """The speed of each GPU of a text such as "4", or "2,1x0.2": two, and one of a fifth of their speed.

    Raises UsageError.
    """
    speeds: list[float] = []
    for some in gpus.split(","):
        found = re.fullmatch(r"\s*(-?\d+)\s*(?:x\s*(\d*\.?\d+)\s*)?", some)
        if found is None:
            raise UsageError(
                f"--gpus is {gpus!r}, and must be a number of GPUs, or several with the speed of each: "
                f"--gpus 2,1x0.2 is two, and one of a fifth of their speed"
            )
        count, speed = int(found[1]), float(found[2] or 1.0)
        if not 1 <= count <= MOST_GPUS - len(speeds):
            raise UsageError(
                f"--gpus is {count:,}, but must be from 1 to {MOST_GPUS:,}; "
                f"leave it out to plan for this machine"
            )
        if not SLOWEST <= speed <= QUICKEST:
            raise UsageError(
                f"--gpus has the speed {speed:g}, and must have one from {SLOWEST:g} to {QUICKEST:g}"
            )
        speeds += [speed] * count
    return tuple(speeds)


def gpus_of(count: int, profile: Profile) -> tuple[Device, ...]:
    """So many GPUs that nobody else uses. Raises UsageError for an engine without."""
    kind = next((kind for kind in profile.device_kinds if kind != "cpu"), None)
    if kind is None:
        raise UsageError(
            f"backend {profile.backend} uses no GPU; leave --gpus out to plan for this machine's cores, "
            f"or choose another --backend"
        )
    return tuple(Device(f"{kind}:{number}", kind) for number in range(count))


def on_nodes(nodes: int, gpus: Sequence[Device]) -> tuple[Device, ...]:
    """So many nodes, each with these GPUs. Raises UsageError for too many or none."""
    most = MOST_GPUS // len(gpus)
    if not 1 <= nodes <= most:
        raise UsageError(
            f"--nodes is {nodes:,}, and must be from 1 to {most:,} with {len(gpus):,} GPUs each: "
            f"a plan has {MOST_GPUS:,} GPUs at most"
        )
    names = [f"node{number}" for number in range(nodes)]
    return tuple(replace(device, id=f"{name}/{device.id}", host=name) for name in names for device in gpus)


def in_words(speeds: Mapping[str, float]) -> str:
    """Unusual speeds, for a person: "1 of 0.2 times the speed"; empty where there are none."""
    unusual = sorted({speed for speed in speeds.values() if not math.isclose(speed, 1.0)})
    counts = {speed: sum(math.isclose(speed, each) for each in speeds.values()) for speed in unusual}
    return ", ".join(f"{count:,} of {speed:g} times the speed" for speed, count in counts.items())
