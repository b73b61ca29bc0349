"""The audio of a request on its way to the client: part by part, and never a part for the whole."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Any, Literal

from starlette.types import Message, Receive, Send

from ttsflow.errors import InputError, TtsflowError
from ttsflow.interface.jobs import AudioPiece
from ttsflow.server.admission import Seat
from ttsflow.server.encoding import LiveEncoder
from ttsflow.server.errors import Refused, blaming, refusal_of
from ttsflow.session.playback import Playback

logger = logging.getLogger(__name__)

IN_MEMORY_BYTES, BLOCK_BYTES = 2**20, 2**16
"""of an answer that is kept until it is whole, the rest of which is on the disk; and how it is sent then"""

End = Literal["spoken", "cut", "left"]
"""How an answer that had begun ended: whole, broken off by the server, or by the client"""


@dataclass(frozen=True, slots=True)
class Answer:
    """Sends what is played in an audio format, as bytes or `as_events`, within `limit_s` seconds.

    Nothing is sent before there is audio: what goes wrong until then is raised. After that the answer is left
    incomplete, on which the server closes the connection, and the client sees an error. Where the protocol
    cannot tell a part from the whole (`at_once`), all of it is kept until it is there, and sent then.
    """

    playback: Playback
    seat: Seat
    encoder: LiveEncoder
    headers: list[tuple[bytes, bytes]]
    limit_s: float
    as_events: bool = False
    at_once: bool = False

    async def send(self, receive: Receive, send: Send) -> End:
        """Send it until the client leaves, whose request has been read. Raises Refused."""
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait((sending, leaving))
        return "left" if sending.cancelled() else sending.result()

    async def _send(self, send: Send) -> End:
        begun = False
        try:
            async with asyncio.timeout(self.limit_s), aclosing(self._parts()) as parts:
                async for part in self._kept(parts) if self.at_once else parts:
                    if not begun:
                        begun = True
                        await send(
                            {"type": "http.response.start", "status": HTTPStatus.OK, "headers": self.headers}
                        )
                    await send(_body(part))
                await send(_body(b"", more=False))
            return "spoken"
        except (TtsflowError, TimeoutError) as error:
            refusal = self._refusal(error)
            if not begun:
                raise refusal from error
            logger.warning("%s was cut: %s: %s", self.playback.name, refusal.code, refusal.reason)
            if self.as_events:
                await send(_body(_event(refusal.content())))
            return "cut"

    def _refusal(self, error: TtsflowError | TimeoutError) -> Refused:
        if isinstance(error, TtsflowError):
            return refusal_of(error)
        why = f"it was not spoken within {self.limit_s:g} s (server.request_s)"
        return Refused(HTTPStatus.GATEWAY_TIMEOUT, why, code="timeout")

    async def _kept(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same, when all of it is there; the headers tell its length then."""
        with SpooledTemporaryFile(IN_MEMORY_BYTES) as kept:
            async for part in parts:
                kept.write(part)
            self.headers.append((b"content-length", b"%d" % kept.tell()))
            kept.seek(0)
            yield kept.read(BLOCK_BYTES)
            while block := kept.read(BLOCK_BYTES):
                yield block

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._encoded()) as encoded:
            async for data in encoded:
                if self.as_events and data:
                    audio = base64.b64encode(data).decode("ascii")
                    yield _event({"type": "speech.audio.delta", "audio": audio})
                elif not self.as_events:
                    yield data
        if self.as_events:
            yield _event({"type": "speech.audio.done"})

    async def _encoded(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the audio, as they are there; what encodes them runs on other threads."""
        with blaming("input", InputError):
            async with self.encoder as encoder:
                async with self.playback, aclosing(_from_the_first_sound(self.playback)) as pieces:
                    async for piece in pieces:
                        self.seat.heard(len(piece.samples) / piece.sample_rate)
                        if data := await asyncio.to_thread(encoder.add, piece):
                            yield data
                yield await asyncio.to_thread(encoder.finish)


async def _from_the_first_sound(pieces: AsyncIterator[AudioPiece]) -> AsyncGenerator[AudioPiece, None]:
    """The pieces, none of them before one is there that is not silent: a chunk may fail before its pause."""
    held: list[AudioPiece] | None = []
    async for piece in pieces:
        if held is None:
            yield piece
            continue
        held.append(piece)
        if piece.samples.any():
            for earlier in held:
                yield earlier
            held = None
    for silence in held or ():
        yield silence


async def _left(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _event(data: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: %s\n\n" % json.dumps(data).encode("ascii")
