"""Who is let in where a worker is to call."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Thread

import pytest

from ttsflow.cluster import door as at_door
from ttsflow.cluster.door import TICKET_BYTES, Door

HOST = "127.0.0.1"


def test_who_shows_the_ticket_is_connected() -> None:
    with Door(HOST) as door, socket.create_connection(door.address) as worker:
        worker.sendall(door.ticket)
        while (wire := door.open()) is None:
            pass
        with wire:
            worker.sendall(b"\0\0\0\5hello")
            assert wire.recv_bytes() == b"hello"


@pytest.mark.parametrize("shown", [b"", bytes(5), bytes(TICKET_BYTES)])
def test_who_shows_another_or_goes_is_not(shown: bytes) -> None:
    with Door(HOST) as door:
        with socket.create_connection(door.address) as stranger:
            stranger.sendall(shown)
        assert door.open() is None


def test_who_shows_it_byte_by_byte_does_not_hold_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_door, "TICKET_S", 0.2)
    seen_off = Event()

    def drip() -> None:
        with socket.create_connection(door.address) as caller, suppress(OSError):
            for byte in door.ticket:
                caller.sendall(bytes([byte]))
                seen_off.wait(0.15)

    with Door(HOST) as door:
        caller = Thread(target=drip)
        caller.start()
        assert door.open() is None
        seen_off.set()
        caller.join()
