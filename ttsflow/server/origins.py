"""Whose pages may ask: browsers send what any page wants, and leave it to the server to refuse it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ttsflow.server.errors import Refused


class OriginGuard:
    """ASGI middleware: refuses (403) scripts of pages whose origin is neither the server's own nor `allowed`.

    Where it is `local`, it also refuses a host that is no name of this machine: a page of another site can
    have its own name lead here, and would then have the server's origin.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str], *, local: bool) -> None:
        self._app, self._allowed, self._local = app, allowed, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse(refusal.content(), refusal.status_code)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Refused | None:
        origin, host = headers.get("origin"), headers.get("host")
        if "*" in self._allowed:
            return None
        if self._local and host is not None and not _is_local(host) and host not in self._hosts:
            return Refused(
                HTTPStatus.FORBIDDEN,
                f"a server without keys is not asked as {host}: ask 127.0.0.1, or set server.api_keys_file, "
                f"or list http://{host} in server.cors_origins",
                code="host_not_allowed",
            )
        if origin is None or origin in self._allowed or _host_of(origin) == host:
            return None
        return Refused(
            HTTPStatus.FORBIDDEN,
            f"scripts of {origin} may not ask; `server.cors_origins` in the configuration allows it",
            code="origin_not_allowed",
        )

    @property
    def _hosts(self) -> list[str]:
        """The hosts of the origins that are allowed: a proxy may pass on its own."""
        return [_host_of(origin) for origin in self._allowed]


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _host_of(origin: str) -> str:
    return origin.partition("://")[2]


def _is_local(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or is_loopback(name)
