"""What client and server say on a WebSocket, by the names of the protocol stream-input of ElevenLabs."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from typing import Any

from pydantic import PositiveFloat

from ttsflow.interface.jobs import Outcome
from ttsflow.server.errors import Refused
from ttsflow.server.schema import Body, SpeechSettings, parsed

NORMAL = 1000
"""the close code of a dialogue that has come to its end"""

CODES = {
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: 1003,
    HTTPStatus.BAD_REQUEST: 1007,
    HTTPStatus.REQUEST_TIMEOUT: 1008,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 1009,
    HTTPStatus.TOO_MANY_REQUESTS: 1013,
    HTTPStatus.SERVICE_UNAVAILABLE: 1013,
}
"""The close codes of errors by the status that they have in HTTP"""

RESTARTS = 1012
"""that of a dialogue that is cut because the server ends"""

FAILED = 1011
"""that of all other errors"""


class VoiceSettings(Body):
    """How a voice speaks; of what other servers have here, only the speed."""

    speed: PositiveFloat | None = None
    """1 is the normal speed, 2 is twice as fast"""


class ClientMessage(SpeechSettings):
    """What a client says: how it wants what comes next to be spoken, and more of the text."""

    text: str | None = None
    """more of the text; empty at its end"""
    flush: bool = False
    """all text so far is to be spoken now, as it is"""
    clear: bool = False
    """what is spoken is to stop, and the text that waits is dropped; before `text` of the same message"""
    voice_settings: VoiceSettings = VoiceSettings()

    @classmethod
    def of(cls, text: str) -> ClientMessage:
        """The message in a text frame. Raises Refused."""
        return parsed(text, cls, "the message")

    def over(self, settings: SpeechSettings) -> SpeechSettings:
        """The settings, where this message says no others."""
        said = {name: getattr(self, name) for name in SpeechSettings.model_fields}
        said["speed"] = self.speed or self.voice_settings.speed
        return settings.model_copy(update={name: value for name, value in said.items() if value is not None})


def audio(data: bytes) -> str:
    """More of the audio."""
    return json.dumps({"audio": base64.b64encode(data).decode("ascii"), "isFinal": False})


def chunk(outcome: Outcome, start_s: float, end_s: float) -> str:
    """A chunk of the text was spoken, and its audio sent: from when to when, in seconds of the audio."""
    told: dict[str, Any] = {
        "index": outcome.job.index,
        "text": outcome.job.shown,
        "start_s": round(start_s, 3),
        "end_s": round(end_s, 3),
        "status": outcome.status,
    }
    return json.dumps({"chunk": told})


FINAL = json.dumps({"isFinal": True})
"""All of the text was spoken."""

CLEARED = json.dumps({"cleared": True})
"""What comes after this is of the text after `clear`."""


def error(refusal: Refused) -> str:
    """What went wrong, as HTTP would say it; then the connection is closed."""
    return json.dumps(refusal.content())


def close_code(refusal: Refused) -> int:
    """With which code it is closed."""
    if refusal.code == "server_ends":
        return RESTARTS
    return CODES.get(HTTPStatus(refusal.status_code), FAILED)
