"""A report in its file, of which no list is ever in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any


class Lines:
    """A list of the file, one record a line; each iteration reads it anew, and one at a time."""

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._file, self._start = file, start

    def __iter__(self) -> Iterator[Any]:
        self._file.seek(self._start)
        while (line := self._file.readline()).startswith(b"{"):
            yield json.loads(line.rstrip(b",\n"))


class StoredReport(Mapping[str, Any]):
    """The JSON of a report that ttsflow wrote: its keys, with `Lines` for the long lists.

    It relies on how a report is laid out: each key on a line of its own, and each record of a long list.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._values: dict[str, Any] = {}
        file.seek(0)
        while line := file.readline():
            member = line.strip(b"{,\n") if line.startswith(b'{"ttsflow"') else line.rstrip(b",\n")
            if not member.startswith(b'"'):  # a record, or the end of a list or of all
                continue
            name, _, value = member.partition(b": ")
            self._values[json.loads(name)] = Lines(file, file.tell()) if value == b"[" else json.loads(value)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
