"""Pieces of audio in, the bytes of a format out, as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from threading import Lock
from types import TracebackType
from typing import Self

from ttsflow.interface.jobs import AudioPiece
from ttsflow.output import FORMATS, About, Encoding
from ttsflow.output.pcm import encode
from ttsflow.output.placeless import Placeless
from ttsflow.output.pool import EncoderPool

PCM_RATE = 24_000
"""Hz of raw samples, which have no header that could say another rate: what OpenAI's clients expect"""

MEDIA_TYPES: Mapping[str, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": f"audio/pcm; rate={PCM_RATE}",
}
"""The media type of each format that can be asked for"""


class LiveEncoder:
    """Encodes the pieces of one stream at `sample_rate` Hz; the methods take CPU time.

    Any thread may call them: each waits for the one before. `drop` may come at any time.
    """

    def __init__(self, format: str, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._target = _Gathered()
        self._lock, self._dropped = Lock(), False
        encoding = Encoding(sample_rate=PCM_RATE if format == "pcm" else None)
        self._encoder = FORMATS.named(format).open(self._target, sample_rate, None, encoding, EncoderPool())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what ended early, on another thread: a task may be cancelled while one encodes."""
        if error is not None:
            asyncio.get_running_loop().run_in_executor(None, self.drop)

    def add(self, piece: AudioPiece) -> bytes:
        """The bytes that are there once a piece has come; maybe none."""
        with self._lock:
            if not self._dropped:
                self._encoder.write(encode(piece, self._sample_rate))
            return self._target.take()

    def finish(self) -> bytes:
        """The bytes at the end of the audio."""
        with self._lock:
            if not self._dropped:
                self._encoder.finish(About())
            return self._target.take()

    def drop(self) -> None:
        """Give back what it holds, where the audio ends early."""
        with self._lock:
            self._dropped = True
            self._encoder.drop()


class _Gathered(Placeless):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken

    def write(self, data: bytes, /) -> int:
        self._bytes += data
        return len(data)
