"""POST /v1/audio/speech: a text in, its audio out as it is made."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from http import HTTPStatus

from fastapi import APIRouter
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ttsflow.errors import TtsflowError
from ttsflow.server.admission import Seat
from ttsflow.server.answer import Answer
from ttsflow.server.checking import checked_request
from ttsflow.server.encoding import MEDIA_TYPES, LiveEncoder
from ttsflow.server.errors import Refused, refusal_of
from ttsflow.server.schema import SpeechBody, read_body
from ttsflow.server.service import Service

logger = logging.getLogger(__name__)

EVENTS = "text/event-stream"
_BODY = {"application/json": {"schema": SpeechBody.model_json_schema()}}
_ANSWERS = {
    media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()
}


def speech_router(service: Service) -> APIRouter:
    """The endpoint, which speaks with the service's engine."""
    router = APIRouter()
    numbers = itertools.count(1)

    @router.post(
        "/v1/audio/speech",
        response_class=Response,
        responses={HTTPStatus.OK: {"content": _ANSWERS | {EVENTS: {}}}},
        openapi_extra={"requestBody": {"required": True, "content": _BODY}},
    )
    async def speech() -> Response:
        """Speak a text; the audio comes as it is made."""
        return SpeechResponse(service, f"speech-{next(numbers)}")

    return router


class SpeechResponse(Response):
    """Reads a request, which is called `name`, has it spoken, and counts what became of it."""

    def __init__(self, service: Service, name: str) -> None:
        super().__init__()
        self._service, self._name = service, name
        self._seat: Seat | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, result = time.monotonic(), "failed"
        try:
            result = await self._speak(scope, receive, send)
        except ClientDisconnect:
            result = "left"
        except Refused as refusal:
            result = refusal.result
            refusal.tell(logger, self._name)
            raise
        except TtsflowError as error:
            told = refusal_of(error)
            result = told.result
            told.tell(logger, self._name)
            raise
        except asyncio.CancelledError:  # the server ends at once
            result = "cut"
            logger.warning("%s was cut: the server ends", self._name)
            raise
        finally:
            playback = None if self._seat is None else self._seat.playback
            self._service.metrics.request(result, playback)
            logger.info("%s: %s after %.3f s", self._name, result, time.monotonic() - began)

    async def _speak(self, scope: Scope, receive: Receive, send: Send) -> str:
        service, config = self._service, self._service.config
        http = Request(scope, receive)
        client = service.clients.name(http)
        service.lifecycle.check()
        body = await read_body(http, SpeechBody, config.max_body_bytes)
        _check_length(body.input, config.max_input_chars)
        request = await checked_request(service, body.input, body, self._name, client)
        text = request.manner.text
        with service.admission.seat(client, body.input, text.language, text.speed) as self._seat:
            format = body.response_format or "mp3"
            as_events = body.stream_format == "sse"
            headers = MutableHeaders({"X-Request-Id": self._name})
            headers["Content-Type"] = EVENTS if as_events else MEDIA_TYPES[format]
            headers["Cache-Control"] = "no-store"
            headers["X-Accel-Buffering"] = "no"  # a proxy such as nginx is to pass it on as it comes
            if body.instructions:
                headers["X-Ttsflow-Ignored"] = "instructions"
            answer = Answer(
                service.engine.play(request),
                self._seat,
                LiveEncoder(format, service.setup.profile.sample_rate),
                headers.raw,
                config.request_s,
                as_events=as_events,
                at_once=scope["http_version"] == "1.0",
            )
            return await answer.send(receive, send)


def _check_length(text: str, most: int) -> None:
    if len(text) > most:
        why = f"input has {len(text):,} characters, and {most:,} are allowed (server.max_input_chars)"
        raise Refused(HTTPStatus.BAD_REQUEST, why, code="input_too_long", param="input")
