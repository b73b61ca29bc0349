"""Finding the devices of this machine, without importing torch."""

from ttsflow.devices.detection import Detection, detect

__all__ = ["Detection", "detect"]
