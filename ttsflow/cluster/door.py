"""The door of the coordinator at which one worker calls."""

from __future__ import annotations

import hmac
import secrets
import socket
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Self

LOOK_S = 0.2
"""seconds for which somebody is waited for"""

TICKET_S = 5.0
"""seconds for who calls to show a ticket"""

TICKET_BYTES = 32


class Door:
    """Listens on an address of this machine, and opens to who shows its ticket.

    Raises OSError if nobody can call that address.
    """

    def __init__(self, host: str) -> None:
        self.ticket = secrets.token_bytes(TICKET_BYTES)
        self._listener = socket.create_server((host, 0))
        self._listener.settimeout(LOOK_S)
        self.address: tuple[str, int] = self._listener.getsockname()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def open(self) -> Connection | None:
        """The connection of the worker; None if it does not call now. Raises OSError."""
        with suppress(TimeoutError):
            caller, _ = self._listener.accept()
            with caller:
                if self._shows_ticket(caller):
                    caller.settimeout(None)
                    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return Connection(caller.detach())
        return None

    def _shows_ticket(self, caller: socket.socket) -> bool:
        """Whether it is the worker that calls: nobody else knows its ticket. Others are not waited for."""
        until, shown = time.monotonic() + TICKET_S, b""
        with suppress(OSError):
            while len(shown) < TICKET_BYTES and (left_s := until - time.monotonic()) > 0:
                caller.settimeout(left_s)
                if not (more := caller.recv(TICKET_BYTES - len(shown))):
                    break
                shown += more
        return hmac.compare_digest(shown, self.ticket)
