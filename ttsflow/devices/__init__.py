"""Which devices there are, found without importing torch."""

from ttsflow.devices.detection import Binding, Detection, Device, detect

__all__ = ["Binding", "Detection", "Device", "detect"]
