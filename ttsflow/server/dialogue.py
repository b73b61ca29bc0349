"""WS /v1/audio/stream: text comes as a language model writes it, and its audio goes as it is made."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from ttsflow.server import messages
from ttsflow.server.errors import Refused, bug
from ttsflow.server.messages import ClientMessage
from ttsflow.server.naming import name_of
from ttsflow.server.schema import SpeechSettings
from ttsflow.server.service import Service
from ttsflow.server.utterance import Utterance

logger = logging.getLogger(__name__)


def dialogue_router(service: Service) -> APIRouter:
    """The endpoint, which speaks with the service's engine."""
    router = APIRouter()

    @router.websocket("/v1/audio/stream")
    async def stream(socket: WebSocket, frames: str = "json") -> None:
        client = service.clients.name(socket)
        service.lifecycle.check()
        if frames not in ("json", "binary"):
            why = f"frames is {frames!r}; it may be json or binary"
            raise Refused(HTTPStatus.BAD_REQUEST, why, code="invalid_value", param="frames")
        await Dialogue(service, socket, client, binary=frames == "binary").run()

    return router


class Dialogue:
    """One connection: a client says texts one after the other, and each is spoken.

    Settings hold from the message that brings them on, for texts that begin later.
    """

    def __init__(self, service: Service, socket: WebSocket, client: str, *, binary: bool) -> None:
        self._service, self._socket, self._binary = service, socket, binary
        self._name, self._client = name_of(socket.scope), client
        self._settings = SpeechSettings()
        self._numbers = itertools.count(1)
        self._utterance: Utterance | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._active_s = time.monotonic()  # when somebody said something

    async def run(self) -> None:
        """Answer until the client ends it, or leaves, or says what cannot be."""
        await self._socket.accept()
        with suppress(WebSocketDisconnect):
            try:
                await self._converse()
            except Refused as refusal:
                refusal.tell(logger, self._name)
                await self._end(messages.error(refusal), messages.close_code(refusal))
            except WebSocketDisconnect:
                raise
            except Exception as error:  # a mistake in this program: the client is told all the same
                logger.exception("%s failed", self._name)
                await self._end(messages.error(bug(error)), messages.FAILED)
            else:
                await self._end(messages.FINAL, messages.NORMAL)

    async def _end(self, message: str, code: int) -> None:
        """The last message, and the end of the connection."""
        await self._socket.send_text(message)
        await self._socket.close(code)

    async def _converse(self) -> None:
        """Obey the client until all that it wanted is spoken. Raises Refused, and WebSocketDisconnect."""
        listening = asyncio.create_task(self._next_message())
        try:
            while True:
                tasks = [listening] if self._speaking is None else [listening, self._speaking]
                done, _ = await asyncio.wait(
                    tasks, timeout=self._idle_left_s(), return_when=asyncio.FIRST_COMPLETED
                )
                if self._speaking in done:
                    self._speaking.result()
                    return
                if listening in done:
                    self._active_s = time.monotonic()
                    if await self._obey(listening.result()):
                        return
                    listening = asyncio.create_task(self._next_message())
        finally:
            await _cancel(listening)
            await self._stop()

    def _idle_left_s(self) -> float | None:
        """How long nothing more may be said by anybody; None where the client waits for the rest.

        Raises Refused where it has been too long.
        """
        if self._utterance is not None and self._utterance.text.ended:
            return None
        idle_s = self._service.config.idle_s
        left_s = self._active_s + idle_s - time.monotonic()
        if left_s <= 0.0:
            why = f"nothing was said for {idle_s:g} s (server.idle_s)"
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, why, code="idle")
        return left_s

    async def _next_message(self) -> ClientMessage:
        """Wait for what the client says. Raises Refused, and WebSocketDisconnect."""
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1005))
        text = frame.get("text")
        if text is None:
            raise Refused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "a binary frame came; send text frames of JSON",
                code="unsupported_frame",
            )
        return ClientMessage.of(text)

    async def _obey(self, message: ClientMessage) -> bool:
        """Do what a message says; whether it was the end, and nothing is to be spoken."""
        self._settings = message.over(self._settings)
        if message.clear:
            await self._stop()
            await self._socket.send_text(messages.CLEARED)
        if message.text:
            self._say(message.text)
        if message.flush and self._utterance is not None:
            self._utterance.text.flush()
        if message.text == "":
            if self._utterance is None:
                return True
            self._utterance.text.end()
        return False

    def _say(self, text: str) -> None:
        """Have more of the text spoken; the first words begin one."""
        if self._utterance is None:
            if not text.strip():
                return
            name = f"{self._name}.{next(self._numbers)}"
            self._utterance = Utterance(self._service, self._settings, name, self._client)
            speak = self._utterance.speak(self._send, binary=self._binary)
            self._speaking = asyncio.create_task(speak, name=name)
        self._utterance.text.add(text)

    async def _stop(self) -> None:
        """Stop what is spoken within a step, and drop the text that waits."""
        speaking, self._speaking, self._utterance = self._speaking, None, None
        if speaking is not None:
            await _cancel(speaking)

    async def _send(self, message: str | bytes) -> None:
        self._active_s = time.monotonic()
        if isinstance(message, str):
            await self._socket.send_text(message)
        else:
            await self._socket.send_bytes(message)


async def _cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task, and wait for its end; nobody wants its result any more."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
