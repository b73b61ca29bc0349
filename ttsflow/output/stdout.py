"""One stream's audio on standard output, or any other byte stream, as soon as it is there."""

from __future__ import annotations

import io
import select
from collections.abc import Sequence
from typing import BinaryIO

from ttsflow.errors import OutputError, SinkError
from ttsflow.interface.jobs import AudioPiece, Outcome
from ttsflow.output.pcm import Format, encode, silence
from ttsflow.output.wav import stream_header


class StreamSink:
    """Writes 16-bit mono audio to a stream, every piece at once; the stream is never closed.

    `stream` is a file descriptor (1 for standard output) or a binary stream that is open for
    writing. Give a descriptor where there is one: Python's own buffer would try to write what a
    reader who left did not take, once more, at exit. `format` is "wav", or "pcm" for samples
    without a header. A reader who closes the pipe shows as BrokenPipeError.
    """

    def __init__(self, stream: int | BinaryIO, *, sample_rate: int, format: Format = "wav") -> None:
        self._given = stream
        self._sample_rate = sample_rate
        self._format = format

    def open(self) -> None:
        """Write the header at once, so that players open their device. Raises OutputError."""
        try:
            self._stream = self._binary()
            if self._stream.isatty():
                raise OutputError(
                    "audio is not written to a terminal; pipe it to a player "
                    "(ttsflow run INPUT -o - | aplay), or name a file with -o"
                )
            if self._format == "wav":
                self._put(stream_header(self._sample_rate))
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"the audio cannot be streamed: {reason}; name a file with -o") from error

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        """Write and flush each piece. Raises SinkError, or BrokenPipeError."""
        for piece in pieces:
            self._send(encode(piece, self._sample_rate))

    def end_chunk(self, outcome: Outcome) -> None:
        """Write the pause after the chunk. Raises SinkError, or BrokenPipeError."""
        for block in silence(outcome.job.pause_s, self._sample_rate):
            self._send(block)

    def finish(self) -> None:
        """Nothing is left to do: everything has been written."""

    def abort(self) -> None:
        """What was heard cannot be taken back."""

    def _binary(self) -> io.FileIO | BinaryIO:
        if isinstance(self._given, int):
            return io.FileIO(self._given, "w", closefd=False)
        return self._given

    def _send(self, data: bytes) -> None:
        try:
            self._put(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or error
            raise SinkError(
                f"the audio could not be streamed any further: {reason}; "
                f"see to what reads it, or name a file with -o, and run again"
            ) from error

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            written: int | None = self._stream.write(left)
            if written is None:  # a non-blocking pipe is full: wait until the reader has made room
                select.select((), (self._stream,), ())
            else:
                left = left[written:]
        self._stream.flush()
