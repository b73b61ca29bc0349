"""Why a request is not answered as it asks, in the shape in which OpenAI's programs expect it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from ttsflow.errors import (
    Closed,
    NothingSpoken,
    RunError,
    TtsflowError,
    UnknownNameError,
    UsageError,
    WorkerError,
)
from ttsflow.report.excerpt import printable
from ttsflow.server.discretion import without_words
from ttsflow.server.naming import HEADER, name_of
from ttsflow.session.streams import ChunksFailed

logger = logging.getLogger(__name__)

_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


SERVER_ENDS = "the server ends, and the rest of this is not spoken; ask again when it is back"
"""what a client is told whose audio is cut for that"""


WHEN = {
    HTTPStatus.BAD_REQUEST: "the request cannot be spoken",
    HTTPStatus.UNAUTHORIZED: "no valid API key was sent",
    HTTPStatus.FORBIDDEN: "pages of this origin may not ask",
    HTTPStatus.NOT_FOUND: "there is nothing of this name",
    HTTPStatus.CONFLICT: "the audio of the job is not there yet",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is of a kind that is not read here",
    HTTPStatus.TOO_MANY_REQUESTS: "refused for now; Retry-After says for how many seconds",
    HTTPStatus.INTERNAL_SERVER_ERROR: "chunks could not be spoken, or the server failed",
    HTTPStatus.SERVICE_UNAVAILABLE: "nothing can be spoken now",
    HTTPStatus.GATEWAY_TIMEOUT: "it was not spoken in time",
    HTTPStatus.INSUFFICIENT_STORAGE: "the disk of the server has no room",
}
"""When each status is the answer."""


class ErrorObject(BaseModel):
    """What went wrong."""

    message: str
    """what is wrong, and what there is instead, for people"""
    type: str
    """the kind of error, as OpenAI has it"""
    param: str | None
    """the field of the request that is wrong, where it is one"""
    code: str | None
    """a word for programs"""


class ErrorAnswer(BaseModel):
    """The body of an answer that is an error."""

    error: ErrorObject


def described(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The errors with which an address answers, as OpenAPI has them."""
    usual = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    told: dict[int | str, dict[str, Any]] = {
        int(status): {"model": ErrorAnswer, "description": WHEN[status]}
        for status in sorted((*usual, *statuses))
    }
    return told | {"default": {"model": ErrorAnswer, "description": "any other error"}}


class Refused(HTTPException):
    """A request is refused, or breaks off: the HTTP status, and what OpenAI's error object says.

    `code` is a word for programs, `param` the field of the request that is wrong. `reason` is what the log
    says in place of the message, where that may have words of a text.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.message, self.code, self.param = message, code, param
        self.reason = message if reason is None else reason

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
        why = printable(self.reason)
        logger.log(level, "%s: %d %s: %s", name, self.status_code, self.code or "error", why)
        logger.debug("%s: %s", name, printable(self.message))

    def content(self) -> dict[str, Any]:
        """The error object."""
        usual = "server_error" if self.status_code >= 500 else "invalid_request_error"
        kind = _TYPES.get(HTTPStatus(self.status_code), usual)
        told = ErrorObject(message=self.message, type=kind, param=self.param, code=self.code)
        return ErrorAnswer(error=told).model_dump()


@contextmanager
def blaming(field: str, kind: type[UsageError] = UsageError) -> Iterator[None]:
    """Have an error of this kind say that this field of the request is wrong, unless it says another one."""
    try:
        yield
    except kind as error:
        error.field = error.field or field
        raise


BROKE_DOWN = "no worker is left to speak with: the engine broke down"


def refusal_of(error: TtsflowError) -> Refused:
    """How one of this program's own errors is told to a client."""
    status, code, message = HTTPStatus.BAD_REQUEST, "invalid_value", str(error)
    match error:
        case UnknownNameError():
            code = f"unknown_{error.kind}"
        case ChunksFailed() | NothingSpoken():
            status, code = HTTPStatus.INTERNAL_SERVER_ERROR, "chunks_failed"
        case Closed():
            status, code, message = HTTPStatus.SERVICE_UNAVAILABLE, "server_ends", SERVER_ENDS
        case RunError():
            status, code = HTTPStatus.SERVICE_UNAVAILABLE, "engine_stopped"
            if isinstance(error, WorkerError) and error.quoted:
                message = BROKE_DOWN  # it was not this client's text that the engine had
    param = error.field if isinstance(error, UsageError) else None
    return Refused(status, message, code=code, param=param, reason=_reason(error))


def _reason(error: TtsflowError) -> str:
    """Why, without words of a text."""
    match error:
        case ChunksFailed():
            first, account = error.outcomes[0], error.account
            why = without_words(first.why or "", f"{first.job.text}\n{first.job.shown}")
            lost = f"{account.failed} of {account.submitted} chunks failed"
            return f"{lost}; the first is chunk {first.job.index}: {why}"
        case NothingSpoken():
            return "the first chunks failed, all alike; --verbose tells why"
        case Closed():
            return "the server ends"
        case WorkerError():
            return f"{BROKE_DOWN}; --verbose tells how" if error.quoted else str(error)
    return f"{type(error).__name__}; --verbose tells more"


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that was refused: by a part of this server, or by its framework."""
    if not isinstance(error, Refused):
        assert isinstance(error, HTTPException)
        where = f"{request.method} {request.url.path}"
        error = Refused(HTTPStatus(error.status_code), f"{where}: {error.detail}", headers=error.headers)
    error.tell(logger, name_of(request.scope))
    return JSONResponse(error.content(), error.status_code, error.headers)


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that this program's own errors ended before it began to be answered."""
    assert isinstance(error, TtsflowError)
    return await answer_refusal(request, refusal_of(error))


async def answer_bug(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that a mistake in this program ended; it goes past whoever names answers."""
    answer = await answer_refusal(request, bug(error))
    answer.headers[HEADER] = name_of(request.scope)
    return answer


def bug(error: Exception) -> Refused:
    """How a mistake in this program is told to a client."""
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"the server failed: {type(error).__name__}")
