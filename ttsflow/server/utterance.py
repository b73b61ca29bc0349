"""One text of a dialogue: it comes bit by bit, and its audio goes back as it is made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus

from fastapi import WebSocketDisconnect

from ttsflow.errors import InputError, TtsflowError
from ttsflow.interface.jobs import AudioPiece, Outcome
from ttsflow.server import messages
from ttsflow.server.admission import Seat
from ttsflow.server.checking import checked_request
from ttsflow.server.encoding import LiveEncoder
from ttsflow.server.errors import Refused, blaming, refusal_of
from ttsflow.server.schema import SpeechSettings
from ttsflow.server.service import Service
from ttsflow.session.playback import Playback
from ttsflow.text import Flush

FORMAT = "pcm"
"""of the audio, where nothing is said"""

Send = Callable[[str | bytes], Awaitable[None]]
"""Sends a message, or bare audio, to the client; it waits while the client takes none."""


class IncomingText:
    """The text on its way from the client; `most` characters of it may wait to be spoken."""

    def __init__(self, most: int) -> None:
        self.ended = False
        self._most, self._waiting = most, 0
        self._pieces: asyncio.Queue[tuple[str | Flush | None, int]] = asyncio.Queue()

    def add(self, piece: str) -> None:
        """More of it has come. Raises Refused where it is too much, or behind its end."""
        self._put(piece, len(piece))

    def flush(self) -> None:
        """What has come is to be spoken now. Raises Refused as `add` does."""
        self._put(Flush(), 1)

    def end(self) -> None:
        """All of it has come."""
        self.ended = True
        self._pieces.put_nowait((None, 0))

    async def __aiter__(self) -> AsyncIterator[str | Flush]:
        while True:
            piece, size = await self._pieces.get()
            if piece is None:
                return
            self._waiting -= size
            yield piece

    def _put(self, piece: str | Flush, size: int) -> None:
        if self.ended:
            why = "text or a flush came after the empty text, which ends it"
            raise Refused(HTTPStatus.BAD_REQUEST, why, code="text_ended", param="text")
        self._waiting += size
        if self._waiting > self._most:
            why = f"more than {self._most:,} characters wait to be spoken (server.max_input_chars)"
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{why}; send them later",
                code="text_too_long",
                param="text",
            )
        self._pieces.put_nowait((piece, size))


class Utterance:
    """A text that a client says, called `name`, and how it is spoken."""

    def __init__(self, service: Service, settings: SpeechSettings, name: str, client: str) -> None:
        self.text = IncomingText(service.config.max_input_chars)
        self._service, self._settings, self._name, self._client = service, settings, name, client
        self._seat: Seat | None = None

    async def speak(self, send: Send, *, binary: bool) -> None:
        """Speak it to its end, and send the audio, in bare frames where it is to be `binary`.

        Raises Refused for what goes wrong. It is stopped within a step when the task is cancelled.
        """
        result, limit_s = "failed", self._service.config.request_s
        try:
            with blaming("text", InputError):
                async with asyncio.timeout(limit_s):
                    await self._speak(send, binary=binary)
            result = "spoken"
        except TimeoutError:
            result = "cut"
            why = f"it was not spoken within {limit_s:g} s (server.request_s)"
            raise Refused(HTTPStatus.GATEWAY_TIMEOUT, why, code="timeout") from None
        except Refused as refused:
            result = refused.result
            raise
        except TtsflowError as error:
            refusal = refusal_of(error)
            result = refusal.result
            raise refusal from error
        except (asyncio.CancelledError, WebSocketDisconnect):
            result = "left"
            raise
        finally:
            self._service.metrics.request(result, None if self._seat is None else self._seat.playback)

    async def _speak(self, send: Send, *, binary: bool) -> None:
        service = self._service
        service.lifecycle.check()
        request = await checked_request(service, self.text, self._settings, self._name, self._client)
        asked = request.manner.text
        encoder = LiveEncoder(self._settings.response_format or FORMAT, service.setup.profile.sample_rate)

        async def send_audio(data: bytes) -> None:
            if data:
                await send(data if binary else messages.audio(data))

        async with encoder:
            with service.admission.seat(self._client, "", asked.language, asked.speed) as self._seat:
                async with service.engine.play(request) as playback:
                    began_s = 0.0
                    while (item := await playback.take()) is not None:
                        if isinstance(item, AudioPiece):
                            self._seat.heard(len(item.samples) / item.sample_rate)
                            await send_audio(await asyncio.to_thread(encoder.add, item))
                        else:
                            await send(_told(item, began_s, playback))
                            began_s = playback.position_s
                await send_audio(await asyncio.to_thread(encoder.finish))


def _told(outcome: Outcome, began_s: float, playback: Playback) -> str:
    return messages.chunk(outcome, began_s, max(began_s, playback.position_s - outcome.job.pause_s))
