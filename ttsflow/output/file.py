"""One stream's audio in a file that is complete or absent."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ttsflow.errors import OutputError, SinkError
from ttsflow.interface.jobs import AudioPiece, Outcome, Status
from ttsflow.output.about import About
from ttsflow.output.encoders import Encoder
from ttsflow.output.encoding import USUAL, Encoding
from ttsflow.output.formats import WAV, Format
from ttsflow.output.loudness import Gain, Levelled
from ttsflow.output.partfile import PartFile
from ttsflow.output.pcm import SAMPLE_BYTES, check_rate, encode, silence
from ttsflow.output.pool import EncoderPool


class FileSink:
    """Writes 16-bit mono audio as it comes; `finish` renames the file into place, over one that is there.

    `sample_rate` is in Hz, and `encoding` is the file's. The file tells what is in `about`, or in what
    `finish` is given instead, as far as the format can. Pauses alone are published only where nothing was to
    be said: a stream all of whose speech failed leaves no file, and `published` stays False.
    """

    def __init__(
        self,
        path: Path,
        *,
        sample_rate: int,
        format: Format = WAV,
        about: About,
        encoding: Encoding = USUAL,
    ) -> None:
        self.path = path
        self.published = False
        self.sample_rate = sample_rate
        self._format = format
        self._about, self._encoding = about, encoding
        self._part = PartFile(path)
        self._pool = EncoderPool()
        self._encoder: Encoder | None = None
        self._data_bytes = 0
        self._statuses: set[Status] = set()

    def open(self) -> None:
        """Check that the file can be written, and begin it under a temporary name. Raises OutputError."""
        self._part.open()
        try:
            self._begin()
        except OSError as error:
            self._part.discard()
            raise OutputError(f"cannot write {self.path}: {_advice(error)}") from error
        except SinkError as error:
            self._part.discard()
            raise OutputError(f"cannot write {self.path}: {error}") from error

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        """Append the pieces. Raises SinkError."""
        for piece in pieces:
            self._append(encode(piece, self.sample_rate))

    def write_encoded(self, samples: bytes, sample_rate: int) -> None:
        """Append samples that `encode` has encoded. Raises SinkError, also for another sample rate."""
        check_rate(sample_rate, self.sample_rate)
        self._append(samples)

    def end_chunk(self, outcome: Outcome) -> None:
        """Append the pause after the chunk. Raises SinkError."""
        self._statuses.add(outcome.status)
        for block in silence(outcome.job.pause_s, self.sample_rate):
            self._append(block)

    def restart(self, gain: Gain | None = None, *, alone: bool = False) -> None:
        """Drop the written audio and begin again; the file stays locked. Raises SinkError.

        What is written then becomes louder by the `gain`. With `alone`, a format that is compressed is so on
        the thread that writes, until `hurry` is called.
        """
        self._statuses.clear()
        self._drop()
        try:
            self._part.restart()
            self._begin(gain, alone=alone)
        except OSError as error:
            raise self._failed(error) from error

    @property
    def is_compressed(self) -> bool:
        """Whether writing takes time: a codec is at work."""
        return not self._format.is_plain

    @property
    def written_s(self) -> float:
        """Seconds of audio that have been written."""
        return self._data_bytes / SAMPLE_BYTES / self.sample_rate

    def interrupt(self) -> None:
        """Have a `write` that compresses alone return soon; for any thread. `hurry` or an end must follow."""
        self._pool.interrupt()

    def hurry(self) -> None:
        """From now on all cores may compress, at first what `interrupt` has left."""
        self._pool.use_all_cores()

    def finish(self, about: About | None = None) -> None:
        """Complete the file and rename it to its final name, if it has any audio. Raises SinkError."""
        if not self._statuses & {"ok", "flagged"} and self._statuses != {"pause"}:
            self.abort()
            return
        try:
            told = about or self._about
            self._opened().finish(told if told.length_s else replace(told, length_s=self.written_s))
            self._encoder = None
            self._part.publish()
        except OSError as error:
            self.abort()
            raise self._failed(error) from error
        except SinkError:
            self.abort()
            raise
        self.published = True

    def abort(self) -> None:
        """Remove the written part; an earlier file under the final name is not changed."""
        self._drop()
        self._part.discard()

    def _begin(self, gain: Gain | None = None, *, alone: bool = False) -> None:
        self._data_bytes = 0
        self._pool = EncoderPool(alone=alone)
        self._encoder = self._format.open(
            self._part, self.sample_rate, self._about.tag, self._encoding, self._pool
        )
        if gain is not None:
            self._encoder = Levelled(self._encoder, self.sample_rate, gain)

    def _drop(self) -> None:
        if self._encoder is not None:
            self._encoder.drop()
            self._encoder = None

    def _opened(self) -> Encoder:
        if self._encoder is None:
            raise ValueError(f"the sink of {self.path} is not open")
        return self._encoder

    def _append(self, samples: bytes) -> None:
        try:
            self._opened().write(samples)
        except OSError as error:
            raise self._failed(error) from error
        self._data_bytes += len(samples)

    def _failed(self, error: OSError) -> SinkError:
        return SinkError(
            f"{self.path} could not be completed: {_advice(error)}. {self.written_s:.1f} s of audio "
            f"({self._data_bytes:,} bytes) had been written; nothing is put in place of {self.path.name}"
        )


def _advice(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{reason}; free some space, or choose a place on another disk with -o, and run again"
    if error.errno == errno.EFBIG:
        return f"{reason}; raise the limit (ulimit -f) or choose another file system with -o, and run again"
    return f"{reason}; choose another place with -o, and run again"
