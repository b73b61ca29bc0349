"""Encoders: 16-bit samples to the bytes of a file or a stream."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from ttsflow.output.about import About
from ttsflow.output.tag import Tag
from ttsflow.output.wav import file_header, stream_header


class Target(Protocol):
    """A binary file object that an encoder writes to; a pipe or a socket is not `seekable`."""

    def write(self, data: bytes, /) -> int: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...
    def seekable(self) -> bool: ...

    def beside(self) -> BinaryIO:
        """An empty file for what has to wait, on the same disk; nobody else sees it, and it goes when closed.

        Raises OSError, also where the target is not seekable.
        """


class Encoder(Protocol):
    """Writes one stream's audio to a target. What the target raises passes through."""

    def write(self, samples: bytes) -> None:
        """Add mono samples, little-endian 16-bit. What a live listener should hear is written at once."""

    def finish(self, about: About) -> None:
        """There are no more samples: complete what was written, which tells what is in `about`."""

    def drop(self) -> None:
        """Give back what it holds, before the end of the audio: what was written is of no use any more."""


class PcmEncoder:
    """The samples as they are."""

    def __init__(self, target: Target, sample_rate: int, tag: Tag | None) -> None:
        self._target = target

    def write(self, samples: bytes) -> None:
        self._target.write(samples)

    def finish(self, about: About) -> None:
        """Nothing is left to do."""

    def drop(self) -> None:
        """It holds nothing."""


class WavEncoder:
    """The samples behind a header: in a file with the tag and the length, in a stream with neither."""

    def __init__(self, target: Target, sample_rate: int, tag: Tag | None) -> None:
        self._target = target
        self._sample_rate = sample_rate
        self._tag = tag
        self._data_bytes = 0
        target.write(self._header())

    def write(self, samples: bytes) -> None:
        self._target.write(samples)
        self._data_bytes += len(samples)

    def finish(self, about: About) -> None:
        """Put the length in its place."""
        if self._target.seekable():
            self._target.seek(0)
            self._target.write(self._header())

    def drop(self) -> None:
        """It holds nothing."""

    def _header(self) -> bytes:
        if not self._target.seekable():
            return stream_header(self._sample_rate)
        info = {} if self._tag is None else {"ISFT": self._tag.software, "ICMT": self._tag.comment}
        return file_header(self._sample_rate, self._data_bytes, info)
