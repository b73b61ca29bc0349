"""GET /: the page on which people speak texts, and see what the server does now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import PurePath

from fastapi import APIRouter
from starlette.responses import Response

MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""of the files of the page, which are those beside this one"""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "media-src blob:",  # what was heard, to be heard again
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""what a browser lets the page do"""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # a server of another version has another page
}


def page_router() -> APIRouter:
    """The page and its files. It asks the server as any other client does, so it needs nothing of it."""
    router = APIRouter(include_in_schema=False)
    for file in files(__name__).iterdir():
        if (media_type := MEDIA_TYPES.get(PurePath(file.name).suffix)) is not None:
            path = "/" if file.name == "index.html" else f"/page/{file.name}"
            router.api_route(path, methods=["GET", "HEAD"], response_class=Response)(
                _giver(file.read_bytes(), media_type)
            )
    return router


def _giver(content: bytes, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def give() -> Response:
        return Response(content, media_type=media_type, headers=HEADERS)

    return give
