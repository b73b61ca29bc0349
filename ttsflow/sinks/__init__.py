"""Ordered outputs: where the audio of one stream goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ttsflow.jobs import AudioPiece, Outcome
from ttsflow.sinks.file import FileSink
from ttsflow.sinks.iterator import IteratorSink
from ttsflow.sinks.mark import Mark, read_mark
from ttsflow.sinks.pcm import Format
from ttsflow.sinks.stdout import StreamSink

__all__ = ["FileSink", "Format", "IteratorSink", "Mark", "Sink", "StreamSink", "read_mark"]


class Sink(Protocol):
    """Takes one stream's audio in text order, on a thread of its own; any call may block.

    Whatever it raises (SinkError, BrokenPipeError) ends the stream.
    """

    def open(self) -> None:
        """Called once, first: make what can be made before any worker starts. Raises OutputError."""

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        """Take the next pieces of the current chunk; what a live listener should hear goes out at once."""

    def end_chunk(self, outcome: Outcome) -> None:
        """The current chunk is whole, or failed (`outcome.status`): add the pause that follows it."""

    def finish(self) -> None:
        """Every chunk is accounted for: complete the output and put it in its place."""

    def abort(self) -> None:
        """The stream ended early: leave nothing half-written under the final name."""
