"""Connections that are not waited for without end: slow headers, slow bodies, and clients that never read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from h11._state import MIGHT_SWITCH_PROTOCOL
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MOST_AHEAD_BYTES = 2**16
"""that a client may send while its request is answered; more is no use to it, and takes memory"""


class TimedProtocol(H11Protocol):
    """HTTP/1.1, as uvicorn speaks it, with a limit of `client_s` seconds for what a client has to do.

    That is to send a request, head and body; and, when more is ready for it than the socket takes, to make
    room for some of it.
    """

    def __init__(self, *args: Any, client_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asks = _Limit(self.loop, client_s, self._abort)
        self._takes = _Limit(self.loop, client_s, self._abort)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def handle_events(self) -> None:
        """As uvicorn does, and read on during an answer: only so is it seen that the client leaves."""
        super().handle_events()
        if self.conn.their_state in (h11.DONE, MIGHT_SWITCH_PROTOCOL):
            if len(self.conn.trailing_data[0]) > MOST_AHEAD_BYTES:
                self._abort()
            else:
                self.flow.resume_reading()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._asks.end()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._takes.begin()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._takes.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._asks.end()
        self._takes.end()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """A request is on its way, or is not any more; or the last of an answer is, before it is closed."""
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY) or self.transport.is_closing():
            self._asks.begin()
        else:
            self._asks.end()

    def _abort(self) -> None:
        self.transport.abort()


class TimedSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets, as uvicorn speaks them, with the same limit for a client that takes nothing of what is
    ready for it."""

    def __init__(self, *args: Any, client_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._takes = _Limit(self.loop, client_s, self._abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._takes.begin()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._takes.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._takes.end()
        super().connection_lost(exc)

    def _abort(self) -> None:
        self.transport.abort()


class _Limit:
    """Calls `act` when what has begun has not ended within so many seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, act: Callable[[], object]) -> None:
        self._loop, self._seconds, self._act = loop, seconds, act
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """It begins, unless it has begun already."""
        self._timer = self._timer or self._loop.call_later(self._seconds, self._act)

    def end(self) -> None:
        """It has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
