"""POST /v1/audio/speech: a text in, its audio out as it is made."""

from __future__ import annotations

import asyncio
import logging
import time
from http import HTTPStatus

from fastapi import APIRouter
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ttsflow.errors import InputError, TtsflowError
from ttsflow.server.admission import Seat
from ttsflow.server.answer import Answer
from ttsflow.server.checking import checked_request
from ttsflow.server.encoding import MEDIA_TYPES, LiveEncoder
from ttsflow.server.errors import Refused, blaming, described, refusal_of
from ttsflow.server.naming import name_of
from ttsflow.server.schema import SpeechBody, read_body
from ttsflow.server.service import Service

logger = logging.getLogger(__name__)

EVENTS = "text/event-stream"
_BODY = {"application/json": {"schema": SpeechBody.model_json_schema()}}
_ANSWERS = {
    media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()
}

_ERRORS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


def speech_router(service: Service) -> APIRouter:
    """The endpoint, which speaks with the service's engine."""
    router = APIRouter()

    @router.post(
        "/v1/audio/speech",
        response_class=Response,
        responses={HTTPStatus.OK: {"content": _ANSWERS | {EVENTS: {}}}, **described(*_ERRORS)},
        openapi_extra={"requestBody": {"required": True, "content": _BODY}},
    )
    async def speech() -> Response:
        """Speak a text; the audio comes as it is made."""
        return SpeechResponse(service)

    return router


class SpeechResponse(Response):
    """Reads a request, has it spoken, and counts what became of it."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._seat: Seat | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, result, name = time.monotonic(), "failed", name_of(scope)
        try:
            result = await self._speak(scope, receive, send)
        except ClientDisconnect:
            result = "left"
        except Refused as refused:
            result = refused.result
            raise
        except TtsflowError as error:
            refusal = refusal_of(error)
            result = refusal.result
            raise refusal from error
        except asyncio.CancelledError:  # the server ends at once
            result = "cut"
            logger.warning("%s was cut: the server ends", name)
            raise
        finally:
            playback = None if self._seat is None else self._seat.playback
            self._service.metrics.request(result, playback)
            logger.info("%s: %s after %.3f s", name, result, time.monotonic() - began)

    async def _speak(self, scope: Scope, receive: Receive, send: Send) -> str:
        service, config = self._service, self._service.config
        http = Request(scope, receive)
        client = service.clients.name(http)
        service.lifecycle.check()
        body = await read_body(http, SpeechBody, config.max_body_bytes)
        _check_length(body.input, config.max_input_chars)
        with blaming("input", InputError):
            request = await checked_request(service, body.input, body, name_of(scope), client)
        text = request.manner.text
        with service.admission.seat(client, body.input, text.language, text.speed) as self._seat:
            format = body.response_format or "mp3"
            as_events = body.stream_format == "sse"
            headers = MutableHeaders()
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
