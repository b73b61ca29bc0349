"""From the bytes of a server or of a program to samples, as they come: PCM without a header, or WAV."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ttsflow import RunError

Samples = NDArray[np.float32]

PIECE_S = 0.25
"""seconds of a piece. They are alike in each attempt, however the network cuts the bytes, so that a job that
is spoken again can go on where a listener has stopped hearing."""

UNKNOWN_FROM = 0x7FFF_0000
"""bytes of audio in the header of a WAV from which they mean that nobody knows yet; so does 0. Writers that
stream put the greatest number there, signed or not, or one that is rounded down."""

LONGEST_HEAD = 2**20
"""bytes before the audio of a WAV: pictures and notes are in front, in some"""

_TYPES = {(1, 16): "<i2", (1, 32): "<i4", (3, 32): "<f4"}  # by WAVE_FORMAT tag and bits
_EXTENSIBLE = 0xFFFE


class BadSound(RunError, ValueError):  # a ValueError: its message quotes whose sound it is
    """The bytes are no audio that can be read."""


class OtherRate(BadSound):
    """The audio is at `rate` Hz, which is not the rate that was asked for."""

    def __init__(self, message: str, rate: int) -> None:
        super().__init__(message)
        self.rate = rate


@dataclass(frozen=True, slots=True)
class Form:
    """How samples are written: `kind` is numpy's name of the type; `channels` follow one another."""

    kind: str = "<i2"
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return np.dtype(self.kind).itemsize * self.channels

    def samples(self, data: bytes) -> Samples:
        """Whole frames as mono samples in [-1, 1], float32, shape (n,)."""
        values = np.frombuffer(data, self.kind)
        full = 1.0 if values.dtype.kind == "f" else -float(np.iinfo(values.dtype).min)
        mono = values.reshape(-1, self.channels).mean(1) if self.channels > 1 else values
        return (mono / full).astype(np.float32)


class Sound:
    """One piece of speech at `rate` Hz, which messages call `what`: "http://...: the answer".

    What begins as a WAV is read as one, whatever was asked for; else it is PCM of 16 bits, if `raw`. Raises
    BadSound for what is no audio, OtherRate for another rate.
    """

    def __init__(self, what: str, rate: int, *, raw: bool) -> None:
        self.what, self.rate, self._raw = what, rate, raw
        self._held = bytearray()
        self._form: Form | None = None
        self._left: int | None = None  # bytes of audio that a WAV says are still to come

    def take(self, data: bytes) -> Iterator[Samples]:
        """The pieces that are whole now that there are more bytes."""
        self._hold(data)
        if self._form is None and not self._begin():
            return
        assert self._form is not None
        size = self._form.frame_bytes * round(PIECE_S * self.rate)
        while len(self._held) >= size:
            piece = bytes(self._held[:size])
            del self._held[:size]
            yield self._form.samples(piece)

    def end(self) -> Samples:
        """What is left, now that there are no more bytes."""
        if self._form is None:
            raise BadSound(f"{self.what} has no audio")
        if self._left:
            raise BadSound(f"{self.what} broke off, {self._left:,} bytes before its end")
        if len(self._held) % self._form.frame_bytes:
            raise BadSound(f"{self.what} broke off in the middle of a sample")
        return self._form.samples(bytes(self._held))

    def _hold(self, data: bytes) -> None:
        if self._left is not None:
            data = data[: self._left]  # notes may follow the audio
            self._left -= len(data)
        self._held += data

    def _begin(self) -> bool:
        """Find out what the bytes are; False if there are too few of them."""
        if len(self._held) < 4 and b"RIFF".startswith(self._held):
            return False
        if self._held.startswith(b"RIFF"):
            return self._begin_wav()
        if not self._raw:
            raise BadSound(f"{self.what} is not a WAV file")
        self._form = Form()
        return True

    def _begin_wav(self) -> bool:
        """Read the header (RIFF, after Microsoft's "Multimedia Programming Interface", 1991)."""
        held, at, form = self._held, 12, None
        while len(held) >= at + 8:
            name, size = struct.unpack_from("<4sI", held, at)
            at += 8
            if name == b"data":
                if form is None or held[8:12] != b"WAVE":
                    break
                self._form, body = form, bytes(held[at:])
                self._left = None if size == 0 or size >= UNKNOWN_FROM else size
                self._held.clear()
                self._hold(body)
                return True
            if at + size > LONGEST_HEAD:
                break
            if len(held) < at + size:
                return False
            if name == b"fmt " and size >= 16:
                form = self._form_in(bytes(held[at : at + size]))
            at += size + size % 2
        else:
            return False
        raise BadSound(f"{self.what} begins as a WAV file and is none")

    def _form_in(self, chunk: bytes) -> Form:
        """What the chunk `fmt ` says."""
        tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
        if tag == _EXTENSIBLE and len(chunk) >= 26:
            (tag,) = struct.unpack_from("<H", chunk, 24)
        if rate != self.rate:
            raise OtherRate(f"{self.what} is at {rate} Hz, not at {self.rate} Hz", rate)
        kind = _TYPES.get((tag, bits))
        if kind is None or not 1 <= channels <= 8:
            raise BadSound(
                f"{self.what} is a WAV with {channels} channels of {bits} bits and format tag {tag}, "
                f"which is not read; 16 bits are"
            )
        return Form(kind, channels)
