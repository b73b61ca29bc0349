"""What the bodies of requests say, and how they are read: bounded, and with one clear line for a mistake."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat
from starlette.requests import Request

from ttsflow.errors import ConfigError
from ttsflow.interface.validation import KeyPath, validate
from ttsflow.server.body import kind_of, other_kind, parts_of
from ttsflow.server.errors import Refused

M = TypeVar("M", bound=BaseModel)
Name = Annotated[str, Field(min_length=1)]
AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


class Body(BaseModel):
    """The body of a request: types are strict; what it has besides is ignored, as programs send extras."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _named(voice: Any) -> Any:
    """The name of a voice, of which newer clients make an object."""
    return voice["id"] if isinstance(voice, dict) and "id" in voice else voice


class VoiceSettings(Body):
    """Who is to speak a text, and how."""

    model: Name | None = None
    """a name of `GET /v1/models`"""
    voice: Annotated[Name | None, BeforeValidator(_named)] = None
    """a name of `GET /v1/audio/voices`, or {"id": name}; without one the usual voice speaks"""
    speed: PositiveFloat | None = None
    """1 is the normal speed, 2 is twice as fast"""
    language: Name | None = None
    """tag of the text's language, such as de; an extension of ttsflow"""


class SpeechSettings(VoiceSettings):
    """How a text is to be spoken, and in which format its audio is sent."""

    response_format: AudioFormat | None = None
    """format of the audio; pcm is 16-bit little-endian mono at 24,000 Hz"""


class SpeechBody(SpeechSettings):
    """A text to be spoken; where no format of the audio is said it is mp3."""

    input: Name
    """the text"""
    stream_format: Literal["audio", "sse"] | None = None
    """audio: the bytes of the audio; sse: server-sent events with base64 of them"""
    instructions: str | None = None
    """ignored: the header X-Ttsflow-Ignored says so"""


async def read_body(request: Request, model: type[M], max_bytes: int) -> M:
    """The body of a request, of `max_bytes` at most. Raises Refused for one that cannot be.

    No more than that is read, whatever its header says.
    """
    if (kind := kind_of(request)) != "application/json":
        raise other_kind(kind, "application/json")
    too_large = f"the body has more than {max_bytes:,} bytes (server.max_body_bytes); send less at a time"
    body = b"".join([part async for part in parts_of(request, max_bytes, too_large)])
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad_body(f"the body is not UTF-8: byte {error.start} cannot be") from error
    return parsed(text, model, "the body")


def parsed(text: str, model: type[M], whole: str) -> M:
    """What a text of JSON says, which messages call `whole`. Raises Refused for one that cannot be."""
    try:
        data = json.loads(text, parse_constant=_no_json)
    except ValueError as error:
        raise _bad_body(f"{whole} is not JSON: {error}") from error
    except RecursionError as error:
        raise _bad_body(f"{whole} is nested too deeply") from error
    return checked(data, model, "the request", whole, "invalid_body")


def checked(data: object, model: type[M], where: str, whole: str, code: str) -> M:
    """Data as a model; messages call it `whole`, and the place of its fields `where`. Raises Refused, with
    this code, for what cannot be."""
    wrong: list[KeyPath] = []

    def place(path: KeyPath) -> str:
        wrong.append(path)
        return where

    try:
        return validate(model, data, place, whole=whole, in_yaml=False)
    except ConfigError as error:
        why, param = "; ".join(str(error).splitlines()), str(wrong[0][0]) if wrong[0] else None
        raise Refused(HTTPStatus.BAD_REQUEST, why, code=code, param=param) from error


def _bad_body(message: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, message, code="invalid_body")


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
