"""Why a request is not answered as it asks, in the shape in which OpenAI's programs expect it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from ttsflow.errors import Closed, NothingSpoken, RunError, TtsflowError, UnknownNameError, UsageError
from ttsflow.session.streams import ChunksFailed

_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


SERVER_ENDS = "the server ends, and the rest of this is not spoken; ask again when it is back"
"""what a client is told whose audio is cut for that"""


class Refused(HTTPException):
    """A request is refused, or breaks off: the HTTP status, and what OpenAI's error object says.

    `code` is a word for programs, `param` the field of the request that is wrong.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.message, self.code, self.param = message, code, param

    @property
    def result(self) -> str:
        """What became of the request, as it is counted."""
        if self.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            return "busy"
        return "failed" if self.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"

    def tell(self, logger: logging.Logger, name: str) -> None:
        """Leave a line of the request of this name, without words of its text: what a person should see to is
        a warning."""
        level = logging.WARNING if self.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
        logger.log(level, "%s: %d %s", name, self.status_code, self.code or "")

    def content(self) -> dict[str, Any]:
        """The error object."""
        usual = "server_error" if self.status_code >= 500 else "invalid_request_error"
        kind = _TYPES.get(HTTPStatus(self.status_code), usual)
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def refusal_of(error: TtsflowError) -> Refused:
    """How one of this program's own errors is told to a client."""
    match error:
        case UnknownNameError():
            return Refused(HTTPStatus.BAD_REQUEST, str(error), code=f"unknown_{error.kind}", param=error.kind)
        case UsageError():
            return Refused(HTTPStatus.BAD_REQUEST, str(error), code="invalid_value")
        case ChunksFailed() | NothingSpoken():
            return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), code="chunks_failed")
        case Closed():
            return Refused(HTTPStatus.SERVICE_UNAVAILABLE, SERVER_ENDS, code="server_ends")
        case RunError():
            return Refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error), code="engine_stopped")
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that was refused: by a part of this server, or by its framework."""
    if not isinstance(error, Refused):
        assert isinstance(error, HTTPException)
        where = f"{request.method} {request.url.path}"
        error = Refused(HTTPStatus(error.status_code), f"{where}: {error.detail}", headers=error.headers)
    return JSONResponse(error.content(), error.status_code, error.headers)


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that this program's own errors ended before it began to be answered."""
    assert isinstance(error, TtsflowError)
    return await answer_refusal(request, refusal_of(error))


async def answer_bug(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that a mistake in this program ended."""
    return await answer_refusal(request, bug(error))


def bug(error: Exception) -> Refused:
    """How a mistake in this program is told to a client."""
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"the server failed: {type(error).__name__}")
