"""The body of a request, as it comes: of which kind it is, and never more than is allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.requests import Request

from ttsflow.server.errors import Refused


def kind_of(request: Request) -> str:
    """The media type of a body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def other_kind(kind: str, send: str) -> Refused:
    """The refusal (415) of a body of this kind; `send` is what to send instead."""
    return Refused(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"the content-type is {kind or 'missing'!r}; send {send}",
        code="unsupported_content_type",
    )


async def parts_of(request: Request, most: int, too_large: str) -> AsyncIterator[bytes]:
    """The parts of a body. Raises Refused (413), which says `too_large`, where it has more than `most` bytes.

    No more than that is read, whatever its header says.
    """
    refusal = Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large, code="body_too_large")
    said, came = request.headers.get("content-length", ""), 0
    if said.isdecimal() and int(said) > most:
        raise refusal
    async for part in request.stream():
        came += len(part)
        if came > most:
            raise refusal
        yield part
