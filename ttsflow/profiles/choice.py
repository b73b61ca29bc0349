"""Finds what a profile file says of an engine on a device, and puts it in the place of the first guesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ttsflow.interface.device import Device
from ttsflow.interface.profile import Profile
from ttsflow.profiles.file import Costs, Measured, ProfileFile

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an engine on a device beside the engine's own profile.

    `source` says where the numbers are from, in words; empty where the file has none. `notice` says that they
    may not fit this machine.
    """

    costs: Costs = field(default_factory=Costs)
    source: str = ""
    notice: str | None = None


def known(file: ProfileFile, label: str, backend: str, device: Device) -> Known:
    """What a file, which messages call `label`, says of a backend on a device: by name, else by kind.

    A device without a name is made up, and of whatever kind the file is about.
    """
    of_kind = [each for each in file.profiles if (each.backend, each.device) == (backend, device.kind)]
    if not of_kind:
        has = ", ".join(f"{each.backend} on {each.device}" for each in file.profiles)
        return Known(
            notice=f"{label} has nothing about {backend} on {device.kind}, only {has}: the engine's own "
            f"figures count. To measure it here: ttsflow bench"
        )
    found = next((each for each in of_kind if each.name == device.name), of_kind[0])
    return Known(found.costs, f"{label} ({found.source})", _other_machine(found, label, device))


def _other_machine(found: Measured, label: str, device: Device) -> str | None:
    if not (found.name and device.name) or found.name == device.name:
        return None
    return (
        f"{label} was measured on {found.name}, this is {device.name}: predictions start from it, and the "
        f"run learns its own. To measure it here: ttsflow bench"
    )


def profiled(profile: Profile, costs: Costs) -> Profile:
    """An engine's profile with the costs that are known in the place of its first guesses."""
    rates: float | Mapping[str, float] = profile.chars_per_s
    if costs.chars_per_s is not None:
        rest = rates if isinstance(rates, Mapping) else {}
        rates = {**rest, **costs.chars_per_s}
    given: dict[str, Any] = {
        "rtf": costs.rtf,
        "slowdown": costs.slowdown,
        "slots": None if costs.slots is None else min(costs.slots, profile.slots),
        "memory_bytes": _bytes(costs.memory_mb),
        "slot_memory_bytes": _bytes(costs.slot_memory_mb),
        "cores": costs.cores,
        "workers": costs.workers,
    }
    return replace(
        profile, chars_per_s=rates, **{key: value for key, value in given.items() if value is not None}
    )


def _bytes(megabytes: float | None) -> int | None:
    return None if megabytes is None else round(megabytes * MB)
