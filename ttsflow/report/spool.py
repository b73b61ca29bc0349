"""Records that wait on the disk until they are written: by number, or one after the other."""

from __future__ import annotations

import json
import os
import tempfile
from array import array
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any


class Spool:
    """JSON objects by number, in a file without a name, which the system removes whatever happens.

    Eight bytes a number stay in memory. `put` and `get` raise OSError where the disk refuses.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
        self._starts = array("q")

    def put(self, number: int, record: Mapping[str, object]) -> None:
        """Keep a record; it takes the place of an earlier one of this number."""
        self._starts.extend([-1] * (number + 1 - len(self._starts)))
        self._starts[number] = self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(record, default=str).encode("ascii") + b"\n")

    def get(self, number: int) -> dict[str, Any] | None:
        """The record of this number; None where there is none."""
        if number >= len(self._starts) or self._starts[number] < 0:
            return None
        self._file.seek(self._starts[number])
        return dict(json.loads(self._file.readline()))

    def numbers(self) -> Iterator[int]:
        """The numbers of all records, rising."""
        return (number for number, start in enumerate(self._starts) if start >= 0)

    def close(self) -> None:
        """Remove the file."""
        with suppress(OSError):  # that the last of it cannot be written is no loss now
            self._file.close()


class Tape:
    """JSON objects in the order in which they come, in a file without a name; none of it stays in memory.

    Any thread may append. What comes after `close` is dropped: a run that is cut off goes on for a moment.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
        self._lock = Lock()

    def append(self, record: Mapping[str, object]) -> None:
        """Keep a record behind the others. Raises OSError where the disk refuses."""
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(record, default=str).encode("ascii") + b"\n")

    def records(self) -> Iterator[dict[str, Any]]:
        """All of them, in order. Raises OSError as `append`; nothing may be appended meanwhile."""
        self._file.seek(0)
        return map(json.loads, self._file)

    def close(self) -> None:
        """Remove the file."""
        with self._lock, suppress(OSError):  # as above
            self._file.close()
