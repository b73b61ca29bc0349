"""How much memory of a device is taken."""

from __future__ import annotations

from ttsflow.devices import detect
from ttsflow.interface.device import Device


def taken_bytes(device: Device) -> int | None:
    """Bytes of a GPU's memory that are taken now, by whatever program; None where that is not known.

    A worker on a CPU, or on Apple's GPU, takes memory of the machine, and tells it itself.
    """
    if device.kind != "cuda":
        return None
    now = next((found for found in detect().devices if found.id == device.id), device)
    if now.total_bytes is None or now.free_bytes is None:
        return None
    return now.total_bytes - now.free_bytes
