"""One stream's audio on standard output, or any other byte stream, as soon as it is there."""

from __future__ import annotations

import io
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from ttsflow.errors import OutputError, SinkError
from ttsflow.interface.jobs import AudioPiece, Outcome
from ttsflow.output.about import About
from ttsflow.output.encoders import Encoder
from ttsflow.output.encoding import USUAL, Encoding
from ttsflow.output.formats import WAV, Format
from ttsflow.output.pcm import encode, silence
from ttsflow.output.placeless import Placeless
from ttsflow.output.pool import EncoderPool


class StreamSink:
    """Writes 16-bit mono audio to a stream, every piece at once; the stream is never closed.

    `stream` is a file descriptor (1 for standard output) or a binary stream that is open for
    writing. Give a descriptor where there is one: Python's own buffer would try to write what a
    reader who left did not take, once more, at exit. `sample_rate` is in Hz, and `encoding` is the stream's.
    A reader who closes the pipe shows as BrokenPipeError. Raises OutputError for a format that cannot be
    streamed.
    """

    def __init__(
        self,
        stream: int | BinaryIO,
        *,
        sample_rate: int,
        format: Format = WAV,
        encoding: Encoding = USUAL,
    ) -> None:
        self._given = stream
        self._sample_rate = sample_rate
        self._format, self._encoding = format, encoding
        self._encoder: Encoder | None = None
        if not self._format.streamed:
            raise OutputError(f"{self._format.name} audio cannot be streamed; name a file with -o")
        if encoding.loudness is not None:
            raise OutputError(
                "the loudness of audio that is streamed is known at its end only; leave `output.loudness` "
                "out, or name a file with -o"
            )

    def open(self) -> None:
        """Write the header at once, so that players open their device. Raises OutputError."""
        try:
            stream = self._stream = self._binary()
            if stream.isatty():
                raise OutputError(
                    "audio is not written to a terminal; pipe it to a player "
                    "(ttsflow run INPUT -o - | aplay), or name a file with -o"
                )
            self._encoder = self._format.open(
                _Live(stream), self._sample_rate, None, self._encoding, EncoderPool()
            )
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"the audio cannot be streamed: {reason}; name a file with -o") from error
        except SinkError as error:
            raise OutputError(f"the audio cannot be streamed: {error}") from error

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        """Write and flush each piece. Raises SinkError, or BrokenPipeError."""
        for piece in pieces:
            self._send(encode(piece, self._sample_rate))

    def end_chunk(self, outcome: Outcome) -> None:
        """Write the pause after the chunk. Raises SinkError, or BrokenPipeError."""
        for block in silence(outcome.job.pause_s, self._sample_rate):
            self._send(block)

    def finish(self) -> None:
        """Write what the format has at the end. Raises SinkError, or BrokenPipeError."""
        with _streaming():
            self._opened().finish(About())
        if _has_no_reader(self._stream):  # who has left with the rest in the pipe has not heard it
            raise BrokenPipeError

    def abort(self) -> None:
        """What was heard cannot be taken back."""
        if self._encoder is not None:
            self._encoder.drop()

    def _binary(self) -> io.FileIO | BinaryIO:
        if isinstance(self._given, int):
            return io.FileIO(self._given, "w", closefd=False)
        return self._given

    def _send(self, samples: bytes) -> None:
        with _streaming():
            self._opened().write(samples)

    def _opened(self) -> Encoder:
        if self._encoder is None:
            raise ValueError("the sink is not open")
        return self._encoder


def _has_no_reader(stream: io.FileIO | BinaryIO) -> bool:
    """Whether a stream is a pipe or a socket whose other end is closed."""
    try:
        ends = select.poll()
        ends.register(stream, 0)
        return any(state & (select.POLLERR | select.POLLHUP) for _, state in ends.poll(0))
    except (OSError, ValueError):  # a stream in memory, or a file that another thread has closed
        return False


@contextmanager
def _streaming() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise SinkError(
            f"the audio could not be streamed any further: {reason}; "
            f"see to what reads it, or name a file with -o, and run again"
        ) from error


class _Live(Placeless):
    """A stream in which all of what is written is on its way at once, and nothing is written over."""

    def __init__(self, stream: io.FileIO | BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes, /) -> int:
        left = memoryview(data)
        while left:
            written: int | None = self._stream.write(left)
            if written is None:  # a non-blocking pipe is full: wait until the reader has made room
                select.select((), (self._stream,), ())
            else:
                left = left[written:]
        self._stream.flush()
        return len(data)
