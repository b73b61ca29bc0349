"""Each request has a name: the log calls it so, and every answer over HTTP has it as X-Request-Id."""

from __future__ import annotations

import itertools
from collections import defaultdict

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"

_KINDS = {"http": "request", "websocket": "socket"}


class Naming:
    """ASGI middleware: names the requests that it passes on. `request-1` is the server's first over HTTP."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers: defaultdict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = _KINDS[scope["type"]]
        name = scope["state"]["name"] = f"{kind}-{next(self._numbers[kind])}"

        async def send_named(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        await self._app(scope, receive, send_named)


def name_of(scope: Scope) -> str:
    """The name of a request."""
    return str(scope["state"]["name"])
