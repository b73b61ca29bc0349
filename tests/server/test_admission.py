"""Which requests are taken on, and that clients have equal shares."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import openai
import pytest

from tests.cli.program import ONE_WORKER, paragraphs, sim
from tests.server.conftest import Serve
from tests.server.world import Server, request

FOR_EVER = [*sim(chunk_s=3600, slots=2), "--set", "server.max_late_s=1e6"]


@pytest.fixture
def serve_two(serve: Serve, tmp_path: Path) -> Callable[..., Server]:
    """Starts servers that know the clients "key-of-ann" and "key-of-bob"."""
    keys = tmp_path / "keys.txt"
    keys.write_text("key-of-ann\nkey-of-bob\n")

    def start(*args: str | Path) -> Server:
        server = serve(*args, *ONE_WORKER, "--set", f"server.api_keys_file={keys}")
        server.key = "key-of-ann"
        return server

    return start


@contextmanager
def requests(server: Server, *keys: str, text: str = "Hello.") -> Iterator[None]:
    """Requests that are taken on, one for each of the keys, and that are left at the end."""
    with ExitStack() as connections:
        for number, key in enumerate(keys, 1):
            connection = connections.enter_context(server.connect())
            connection.sendall(request(json.dumps({"input": text}), key))
            server.program.until(lambda number=number: server.figure("ttsflow_open_requests") == number)
        yield
    server.program.until(lambda: not server.figure("ttsflow_open_requests"))


def refused(response: httpx.Response, limit: str) -> int:
    """A request was refused because of a limit; after so many seconds it may come again."""
    assert response.status_code == 429
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert f"server.{limit}" in error["message"]
    return int(response.headers["retry-after"])


def test_a_client_has_so_many_requests_at_a_time(serve_two: Callable[..., Server]) -> None:
    server = serve_two(*FOR_EVER, "--set", "server.max_streams_per_client=2")
    with requests(server, "key-of-ann", "key-of-ann"):
        refused(server.speak(key="key-of-ann"), "max_streams_per_client")
        with server.client("key-of-ann") as client, pytest.raises(openai.RateLimitError):
            client.audio.speech.create(model="tts-1", voice=None, input="Hi.")  # type: ignore[arg-type]  # it may be left out
        with server.connect() as connection:
            connection.sendall(request('{"input": "Hi."}', "key-of-bob"))
            server.program.until(lambda: server.figure("ttsflow_open_requests") == 3)


@pytest.mark.parametrize("limit", ["max_streams", "max_waiting"])
def test_the_server_has_so_many(serve_two: Callable[..., Server], limit: str) -> None:
    server = serve_two(*FOR_EVER, "--set", f"server.{limit}=2")
    with requests(server, "key-of-ann", "key-of-bob"):
        assert refused(server.speak(key="key-of-bob"), limit) >= 1
    with requests(server, "key-of-bob"):
        pass


def test_what_would_be_late_is_refused_at_once(serve_two: Callable[..., Server]) -> None:
    """As long as it would be: of the client that has the work. Another one has a share of its own."""
    server = serve_two(*sim(rtf=1.0, chars_per_s=15), "--set", "server.max_late_s=5")
    minute = "words " * 150
    with requests(server, "key-of-ann", text=minute):
        assert 1 <= refused(server.speak(minute, key="key-of-ann"), "max_late_s") <= 60
        with server.speaking("Hello.", key="key-of-bob") as (response, _):
            assert response.status_code == 200


def test_a_single_request_is_never_late(serve_two: Callable[..., Server]) -> None:
    """An engine that is slower than speech is slow for whoever it is."""
    server = serve_two(*sim(rtf=5.0, pieces=20), "--set", "server.max_late_s=1")
    with server.speaking("words " * 150, key="key-of-ann") as (response, _):
        assert response.status_code == 200


def test_many_requests_of_one_client_get_what_one_of_another_gets(serve_two: Callable[..., Server]) -> None:
    server = serve_two(*sim(rtf=0.02), "--set", "server.max_late_s=3600")
    came = dict.fromkeys("123456", 0)

    def listen(number: str) -> None:
        with server.speaking(f"{number}. {paragraphs(60)}", key="key-of-ann") as (_, parts):
            for part in parts:
                came[number] += len(part)

    with ThreadPoolExecutor(len(came)) as threads:
        for number in came:
            threads.submit(listen, number)
        server.program.until(lambda: all(came.values()))
        before = sum(came.values())
        mine = len(server.speak(paragraphs(60), key="key-of-bob", response_format="pcm").content)
        theirs = sum(came.values()) - before
    assert 0.5 < theirs / mine < 2.5  # six, if each stream had a share
