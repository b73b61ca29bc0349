"""What the coordinator makes of the nodes: their names, their devices, and which of them cannot be used."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pickle import loads
from typing import Any

from ttsflow.cluster.messages import Found
from ttsflow.interface.device import Device
from ttsflow.version import __version__


@dataclass(frozen=True, slots=True)
class Node:
    """A node under the name that it has in this run; `why` says, if it cannot be used, what is in the way."""

    id: str
    name: str
    devices: tuple[Device, ...] = ()
    why: str | None = None

    @classmethod
    def of(cls, found: Found, name: str) -> Node:
        """What a node told of itself, in the coordinator's terms."""
        why = _objection(found.told)
        return cls(found.id, name, () if why else tuple(_devices(found, name)), why)


def _objection(told: Mapping[str, Any]) -> str | None:
    """Why a node cannot be used, in words; None where nothing is in the way."""
    here = {"Python": _minor(platform.python_version()), "ttsflow": __version__}
    there = {"Python": _minor(str(told.get("python", ""))), "ttsflow": told.get("ttsflow")}
    if "python" in told:
        if there["ttsflow"] is None:
            return f"ttsflow is not installed there; install ttsflow {__version__}"
        for what, version in here.items():
            if there[what] != version:
                return f"it has {what} {there[what]}, and this machine {version}; they must be the same"
    return told.get("why")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _devices(found: Found, name: str) -> list[Device]:
    """The devices that Ray offers there, with what the node itself knows of them.

    Ray numbers GPUs as CUDA does there. It may offer fewer than there are, and in tests more.
    """
    own: tuple[Device, ...] = loads(found.told["devices"])
    known = [device for device in own if device.kind == "cuda"][: found.gpus]
    pretended = [Device(f"cuda:{number}", "cuda") for number in range(len(known), found.gpus)]
    # Which GPU it is, Ray decides, and tells the worker in this variable.
    offered = [
        replace(device, binding=tuple(pair for pair in device.binding if pair[0] != "CUDA_VISIBLE_DEVICES"))
        for device in (*known, *pretended)
    ]
    if found.cpus:
        offered += [replace(device, cores=found.cpus) for device in own if device.kind == "cpu"]
    return [replace(device, id=f"{name}/{device.id}", host=name) for device in offered]
