"""From what a client asks for to a request of the engine: names are known, and values can be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from http import HTTPStatus

from ttsflow.errors import UnknownNameError
from ttsflow.server.errors import Refused
from ttsflow.server.schema import VoiceSettings
from ttsflow.server.service import Service
from ttsflow.session.request import Request
from ttsflow.text import Document, Flush


async def checked_request(
    service: Service,
    text: str | Document | AsyncIterable[str | Flush],
    settings: VoiceSettings,
    name: str,
    client: str,
    text_field: str | None = "input",
) -> Request:
    """The engine's request, called `name`, for a text of a client, which came in this field of its request.

    Raises UsageErrors and Refused.
    """
    if settings.model is not None and settings.model not in service.models:
        raise UnknownNameError("model", settings.model, service.models)
    voice, names = settings.voice, service.config.voices
    hint = "GET /v1/audio/voices lists them; `server.voices` in the configuration gives them other names"
    if voice is not None and names.get(voice, voice) in service.unusable:
        usable = {name for name, meant in names.items() if meant not in service.unusable}
        raise UnknownNameError("voice", voice, {*usable, *(known.name for known in service.voices)}, hint)
    try:
        request = await service.engine.request(
            text,
            voice=None if voice is None else names.get(voice, voice),
            language=settings.language,
            speed=settings.speed,
            name=name,
            group=client,
        )
    except UnknownNameError as error:
        if error.kind != "voice" or voice is None:
            raise
        raise UnknownNameError("voice", voice, {*error.known, *names} - service.unusable, hint) from error
    if isinstance(request.text, Document):
        await asyncio.to_thread(_check_silence, request.text, service.config.max_silence_s, text_field)
    return request


def _check_silence(text: Document, most_s: float, text_field: str | None) -> None:
    """Raise Refused for a text whose marks ask for more silence: a few characters may ask for hours."""
    silence_s = sum(block.pause_s or 0.0 for block in text.blocks())
    if silence_s > most_s:
        allowed = f"{most_s:g} are allowed (server.max_silence_s)"
        why = f"the marks of the text ask for {silence_s:,.0f} s of pauses, and {allowed}"
        raise Refused(HTTPStatus.BAD_REQUEST, why, code="too_much_silence", param=text_field)
