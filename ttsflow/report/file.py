"""The file of a run: its JSON, written as the run goes, one line per chunk; or what is drawn from that."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

from ttsflow.errors import OutputError, SinkError
from ttsflow.output.partfile import PartFile
from ttsflow.report.timeline import StoredReport, form_of

ReportPlace = Path | Literal["-"]
"""a file, or standard output"""

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str)


def report_place(name: str) -> ReportPlace:
    """The place that a person names."""
    return "-" if name == "-" else Path(name)


class ReportFile:
    """One JSON object: the keys known at the start, "chunks" and other lists, the keys known at the end.

    It is written beside `place` and renamed by `close`; on standard output it is written as it comes. Where
    the suffix of `place` asks for a picture, the JSON goes to a file without a name, and `close` draws it.
    Trouble in mid-run (a full disk) is kept for `close`: a report is not worth the audio that it reports on.
    """

    def __init__(self, place: ReportPlace) -> None:
        self._place = place
        self._name = "on standard output" if place == "-" else str(place)
        self._part = _StandardOutput() if place == "-" else PartFile(place)
        self._data: IO[bytes] | None = None  # the JSON, where it is not what is published
        self._trouble: OSError | None = None
        self._separator = "\n"

    def open(self, version: str, head: Mapping[str, object]) -> None:
        """Begin the file. Raises OutputError if it cannot be written, or something else is there."""
        self._form = form_of(Path(self._place))
        if isinstance(self._part, PartFile) and self._part.check():
            self._refuse_a_strangers_file()
        self._part.open()
        try:
            if self._form.draw is not None:
                self._data = tempfile.TemporaryFile(dir=Path(self._place).resolve().parent)  # noqa: SIM115  # as below
        except OSError as error:
            self.give_up(error)
        self._write("{" + _members({"ttsflow": version, **head}) + ',\n"chunks": [')
        if self._trouble is not None:
            reason = self._trouble.strerror
            raise OutputError(f"cannot write {self._name}: {reason}; choose another --report")

    def chunk(self, record: Mapping[str, object]) -> None:
        """Append to "chunks"."""
        self._write(self._separator + _json(record))
        self._separator = ",\n"

    def close(self, lists: Mapping[str, Iterable[Mapping[str, object]]], tail: Mapping[str, object]) -> None:
        """Complete the file and put it in its place. Raises SinkError if it could not be written."""
        try:
            for name, records in lists.items():
                self._write(f"\n],\n{_json(name)}: [")
                self._separator = "\n"
                for record in records:
                    self.chunk(record)
            self._write("\n],\n" + _members(tail) + "\n}\n")
            if self._trouble is None:
                self._publish()
        except OSError as error:
            self.give_up(error)
        if self._trouble is not None:
            raise SinkError(
                f"the report {self._name} could not be written: {self._trouble.strerror}; the audio is not "
                f"affected. Free some space or choose another --report, and run again if you need it"
            ) from self._trouble

    def _publish(self) -> None:
        if self._data is not None and self._form.draw is not None:
            with self._data:
                self._form.draw(StoredReport(self._data), self._part.write)
        self._part.publish()

    def _write(self, text: str) -> None:
        if self._trouble is not None:
            return
        try:
            # A lone surrogate, which UTF-8 has no bytes for, becomes a backslash escape: JSON's own.
            (self._data or self._part).write(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            self.give_up(error)

    def give_up(self, error: OSError) -> None:
        """Write no more, because of this; `close` tells."""
        self._trouble = error
        self._part.discard()
        if self._data is not None:
            with suppress(OSError):  # that the last of it cannot be written is no loss now
                self._data.close()

    def _refuse_a_strangers_file(self) -> None:
        try:
            with Path(self._name).open("rb") as file:
                beginning = file.read(len(self._form.beginning))
        except OSError as error:
            raise OutputError(
                f"cannot replace {self._name}: {error.strerror}; choose another --report"
            ) from error
        if beginning not in (self._form.beginning, b""):
            raise OutputError(
                f"{self._name} exists and is not a report; remove it, or choose another --report"
            )


class _StandardOutput:
    """Standard output in the place of a file: what is written is out, and cannot be taken back."""

    def open(self) -> None:
        if sys.__stdout__ is None:
            raise OutputError("standard output is closed; name a file with --report")

    def write(self, data: bytes, /) -> None:
        assert sys.__stdout__ is not None  # `open` has seen to it
        left, own = memoryview(data), sys.__stdout__.fileno()
        while left:  # by its number: `print` of a plugin goes elsewhere
            left = left[os.write(own, left) :]

    def publish(self) -> None:
        """It is there already."""

    def discard(self) -> None:
        """Nobody can."""


def _members(values: Mapping[str, object]) -> str:
    return ",\n".join(f"{_json(key)}: {_json(value)}" for key, value in values.items())


def _json(value: object) -> str:
    try:
        return _ENCODER.encode(value)
    except ValueError:  # a number that is not finite, for which JSON has no word: it becomes a string
        finite = json.loads(json.dumps(value, default=str), parse_constant=str)
        return _ENCODER.encode(finite)
