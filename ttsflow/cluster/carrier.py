"""What goes to a worker on a node before its jobs: the recordings that they name."""

from __future__ import annotations

from pathlib import Path

from ttsflow.workers.wire import Carry


class Carrier:
    """Knows which recordings one worker has, and as which they were when it got them."""

    def __init__(self) -> None:
        self._carried: dict[str, tuple[int, ...]] = {}

    def pack(self, path: str) -> Carry | None:
        """What carries a recording, or tells why it cannot be read; None if the worker has it as it is."""
        try:
            stamp = _stamp(path)
            if self._carried.get(path) == stamp:
                return None
            content = Path(path).read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            self._carried.pop(path, None)
            return Carry(path, fault=str(error))
        self._carried[path] = stamp
        return Carry(path, content)


def _stamp(path: str) -> tuple[int, ...]:
    """What changes when a file does. Raises OSError, ValueError."""
    found = Path(path).stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
