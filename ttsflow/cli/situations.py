"""What the rules of a policy file are asked about on this machine: a file, and a listener."""

from __future__ import annotations

from ttsflow.config import Settings, Situation, resolve_backend
from ttsflow.devices import detect
from ttsflow.errors import UsageError
from ttsflow.registry import Registry, describe
from ttsflow.scheduler.placement import usable
from ttsflow.session.setup import detect_for


def situations(settings: Settings, registry: Registry) -> tuple[Situation, Situation]:
    """Somebody waits for a file, and somebody listens.

    Where no backend can speak yet, all GPUs of the machine count, and one slot.
    """
    try:
        backend = resolve_backend(settings, registry, fallback_allowed=True)
        profile = describe(backend.plugin, backend.options)
        devices, slots = tuple(usable(detect_for(backend).devices, profile)), profile.slots
    except UsageError:
        devices, slots = detect().devices, 1
    return Situation.on(devices, False, slots), Situation.on(devices, True, slots)
