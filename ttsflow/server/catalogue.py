"""GET /v1/models and /v1/audio/voices: what can be asked for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter

from ttsflow.server.errors import Refused, described
from ttsflow.server.service import Service
from ttsflow.session.setup import spoken_language


def catalogue_router(service: Service) -> APIRouter:
    """The lists of models and voices."""
    router = APIRouter()

    @router.get("/v1/models", responses=described())
    async def models() -> dict[str, Any]:
        """The names by which the engine may be asked for; the first is its own."""
        return {"object": "list", "data": list(map(_model, service.models))}

    @router.get("/v1/models/{name}", responses=described(HTTPStatus.NOT_FOUND))
    async def model(name: str) -> dict[str, Any]:
        """One of them."""
        if name not in service.models:
            known = ", ".join(service.models)
            why = f"unknown model {name!r}; known: {known}"
            raise Refused(HTTPStatus.NOT_FOUND, why, code="model_not_found", param="model")
        return _model(name)

    @router.get("/v1/audio/voices", responses=described(HTTPStatus.BAD_REQUEST))
    async def voices(language: str | None = None) -> dict[str, Any]:
        """The voices, each with the languages that it speaks (none: all); of one `language` only if asked."""
        profile = service.setup.profile
        found = service.voices
        if language is not None:
            spoken = spoken_language(language, profile)
            found = [voice for voice in found if not voice.languages or spoken in voice.languages]
        listed = [
            {
                "id": voice.name,
                "name": voice.name,
                "languages": list(voice.languages),
                "description": voice.description,
            }
            for voice in found
        ]
        return {
            "voices": listed,
            "languages": None if profile.languages is None else list(profile.languages),
            "other_names": service.config.voices,
        }

    return router


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "ttsflow"}
