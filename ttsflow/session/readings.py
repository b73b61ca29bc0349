"""What an engine has made of files, so that each is read once for many texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

MOST = 1_000
"""things that are kept; then the one that was made first goes"""

Made = TypeVar("Made")

_Stamp = tuple[int, int, int, int] | None


class Readings:
    """Keeps what was made of files as long as these do not change. Any thread may use it."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[tuple[_Stamp, ...], Any]] = {}
        self._lock = Lock()

    def get(self, key: object, files: Sequence[Path], make: Callable[[], Made]) -> Made:
        """What `make` makes of the files; `key` tells it from other things. Raises what `make` raises."""
        stamps = tuple(map(_stamp, files))
        with self._lock:
            kept = self._kept.get(key)
        made: Made = kept[1] if kept is not None and kept[0] == stamps else make()
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (stamps, made)
            if len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        return made


def _stamp(path: Path) -> _Stamp:
    """What changes when a file does; None where it cannot be told, and whoever reads it finds out why."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
