"""Clients that leave, that never read, and that come in crowds."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest

from tests.cli.program import paragraphs, sim
from tests.server.conftest import Serve
from tests.server.world import Server, request

LONG = json.dumps({"input": paragraphs(400), "response_format": "wav"})


@pytest.fixture(scope="module")
def slow(serve_module: Serve) -> Server:
    """An engine that takes an hour for a chunk."""
    return serve_module(*sim(chunk_s=3600, slots=2), "--policy", "sequential")


@pytest.fixture(scope="module")
def quick(serve_module: Serve) -> Server:
    return serve_module(*sim(rtf=0.002, slots=4), "--set", "server.max_streams_per_client=64")


def until_free(server: Server) -> None:
    """Wait until no request is spoken, and no slot is at work."""
    names = ("ttsflow_open_requests", "ttsflow_slots used")
    server.program.until(lambda: not any(server.figures()[name] for name in names))


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_client_that_leaves_before_the_first_byte(slow: Server, reset: bool) -> None:
    left = slow.figure("ttsflow_requests_total left")
    with slow.connect() as connection:
        connection.sendall(request('{"input": "Hi."}'))
        slow.program.until(lambda: slow.figure("ttsflow_slots used"))
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until_free(slow)
    assert slow.figure("ttsflow_requests_total left") == left + 1
    assert slow.figure("ttsflow_worker_deaths_total") == 0


@pytest.mark.parametrize("behind", [b"\r\n", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_a_client_that_leaves_and_has_sent_more(slow: Server, behind: bytes) -> None:
    left = slow.figure("ttsflow_requests_total left")
    with slow.connect() as connection:
        connection.sendall(request('{"input": "Hi."}') + behind)
        slow.program.until(lambda: slow.figure("ttsflow_slots used"))
    until_free(slow)
    assert slow.figure("ttsflow_requests_total left") == left + 1


def test_a_client_that_sends_without_end_behind_its_request_is_cut(slow: Server) -> None:
    with slow.connect() as connection:
        connection.sendall(request('{"input": "Hi."}'))
        slow.program.until(lambda: slow.figure("ttsflow_slots used"))
        with suppress(ConnectionError):
            while True:
                connection.sendall(b"x" * 65_536)
    until_free(slow)


def test_a_client_that_leaves_in_the_middle(quick: Server) -> None:
    left = quick.figure("ttsflow_requests_total left")
    with quick.speaking(paragraphs(400)) as (_, parts):
        next(parts)
    until_free(quick)
    assert quick.figure("ttsflow_requests_total left") == left + 1


def test_a_client_that_never_reads_holds_back_itself_alone(quick: Server) -> None:
    """Others are spoken meanwhile."""
    with quick.connect() as connection:
        connection.sendall(request(LONG))
        quick.program.until(lambda: quick.figure("ttsflow_audio_seconds_total") > 60)
        assert quick.speak("Hello.").status_code == 200
        assert quick.figure("ttsflow_open_requests") == 1
    until_free(quick)


def test_a_client_that_never_reads_is_given_up(serve: Serve) -> None:
    """It has not left, and takes nothing for `server.client_s`."""
    server = serve(*sim(rtf=0.002, slots=4), "--set", "server.client_s=1")
    with server.connect() as connection:
        connection.sendall(request(LONG))
        server.program.until(lambda: server.figure("ttsflow_requests_total left"))
        until_free(server)


def test_streams_cost_no_thread(quick: Server) -> None:
    with ExitStack() as clients:
        for number in range(1, 41):
            connection = clients.enter_context(quick.connect())
            connection.sendall(request(LONG))
            quick.program.until(lambda number=number: quick.figure("ttsflow_open_requests") == number)
        assert psutil.Process(quick.process.pid).num_threads() < 40
    until_free(quick)


def test_hundreds_at_once(quick: Server) -> None:
    """Each is spoken whole, or told to come again; and idle connections are in nobody's way."""

    async def speak_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=quick.url, timeout=None, limits=limits) as client:
            said = {"input": "Hello there.", "response_format": "pcm"}
            return await asyncio.gather(*(client.post("/v1/audio/speech", json=said) for _ in range(300)))

    alone = quick.speak("Hello there.", response_format="pcm").content
    with ExitStack() as idle:
        for _ in range(200):
            idle.enter_context(quick.connect())
        answers = asyncio.run(speak_all())
    spoken = [answer.content for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(spoken) >= 32
    assert set(spoken) == {alone}
    assert {answer.status_code for answer in refused} <= {429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    until_free(quick)
