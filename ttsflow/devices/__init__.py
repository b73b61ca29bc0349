"""Which devices there are, found without importing torch."""

from ttsflow.devices.detection import Detection, detect

__all__ = ["Detection", "detect"]
