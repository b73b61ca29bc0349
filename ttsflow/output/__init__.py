"""Ordered outputs: sinks for the audio of one stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ttsflow.interface.jobs import AudioPiece, Outcome
from ttsflow.output.about import About, Chapter
from ttsflow.output.encoding import Encoding
from ttsflow.output.file import FileSink
from ttsflow.output.formats import FORMATS, WAV, Format, Formats, read_tag
from ttsflow.output.iterator import IteratorSink
from ttsflow.output.lease import Lease
from ttsflow.output.player import PlayerSink
from ttsflow.output.stdout import StreamSink
from ttsflow.output.tag import Tag

__all__ = [
    "FORMATS",
    "WAV",
    "About",
    "Chapter",
    "Encoding",
    "FileSink",
    "Format",
    "Formats",
    "IteratorSink",
    "Lease",
    "PlayerSink",
    "Sink",
    "StreamSink",
    "Tag",
    "read_tag",
]


class Sink(Protocol):
    """Takes one stream's audio in text order, on a thread of its own; any call may block.

    Whatever it raises (SinkError, BrokenPipeError) ends the stream.
    """

    def open(self) -> None:
        """Called once, first: prepare the output before any worker starts. Raises OutputError."""

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        """Take the next pieces of the current chunk; what a live listener should hear goes out at once."""

    def end_chunk(self, outcome: Outcome) -> None:
        """The current chunk is complete, or failed (`outcome.status`): add the pause after it."""

    def finish(self) -> None:
        """Every chunk is accounted for: complete the output and publish it under its final name."""

    def abort(self) -> None:
        """The stream ended early: leave nothing half-written under the final name."""
