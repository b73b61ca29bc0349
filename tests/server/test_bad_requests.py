"""What clients do wrong: one clear line in the shape of OpenAI's errors, and nobody else is harmed."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import httpx
import openai
import pytest

from tests.cli.program import sim
from tests.server.conftest import Serve
from tests.server.world import Server, head, request, until_closed

SECRET = "The password is swordfish."
MOST_BYTES, MOST_CHARS = 100_000, 12_000


@pytest.fixture(scope="module")
def server(serve_module: Serve) -> Server:
    options = {"rtf": 0.001, "slots": 4, "voices": "[low, high]", "languages": "[en, de]"}
    limits = {"max_body_bytes": MOST_BYTES, "max_input_chars": MOST_CHARS}
    settings = [part for key, value in limits.items() for part in ("--set", f"server.{key}={value}")]
    return serve_module(*sim(**options), *settings)


@pytest.fixture(scope="module")
def hasty(serve_module: Serve) -> Server:
    """It does not wait for its clients."""
    return serve_module(*sim(), "--set", "server.client_s=0.5")


@pytest.fixture(autouse=True)
def still_speaks(server: Server) -> Iterator[None]:
    """Whatever a client did, the next one is answered."""
    yield
    assert server.speak("Hello.").status_code == 200


def error(response: httpx.Response) -> dict[str, str]:
    told = response.json()
    assert list(told) == ["error"]
    assert set(told["error"]) == {"message", "type", "param", "code"}
    assert "\n" not in told["error"]["message"]
    return dict(told["error"])


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ("{}", "input", "input is missing"),
        ('{"input": null}', "input", "input is None, but must be text"),
        ('{"input": ""}', "input", "input is '', but must have at least 1 character"),
        ('{"input": "  \\n "}', "input", "only white space: there is nothing to speak"),
        ('{"input": 5}', "input", "input is 5, but must be text"),
        ('{"input": ["a"]}', "input", "input is ['a'], but must be text"),
        ('{"input": "a\\u0000b"}', "input", "NUL"),
        ('{"input": "a\\ud800b"}', "input", "unicode"),
        ('{"input": "a", "voice": 5}', "voice", "voice is 5, but must be text"),
        ('{"input": "a", "voice": ""}', "voice", "must have at least 1 character"),
        ('{"input": "a", "voice": {}}', "voice", "voice is {}, but must be text"),
        ('{"input": "a", "voice": "alloy"}', "voice", "known: low, high. GET /v1/audio/voices lists them"),
        ('{"input": "a", "model": "whisper"}', "model", "known: gpt-4o-mini-tts, sim, tts-1, tts-1-hd"),
        ('{"input": "a", "language": "tlh"}', "language", "known: de, en"),
        ('{"input": "a", "response_format": "ogg"}', "response_format", "must be 'mp3', 'opus', 'aac'"),
        ('{"input": "a", "stream_format": "ws"}', "stream_format", "must be 'audio' or 'sse'"),
        ('{"input": "a", "speed": 0}', "speed", "speed is 0, but must be greater than 0"),
        ('{"input": "a", "speed": -1}', "speed", "must be greater than 0"),
        ('{"input": "a", "speed": 100}', "speed", "speaks at speeds from 0.25 to 4, not at 100"),
        ('{"input": "a", "speed": 1e999}', "speed", "must be a finite number"),
        ('{"input": "a", "speed": "fast"}', "speed", "speed is 'fast', but must be a number"),
        ('{"input": "a", "speed": true}', "speed", "must be a number"),
        ('{"input": "a", "speed": NaN}', None, "the body is not JSON: NaN"),
        ('{"input": "a"', None, "the body is not JSON"),
        ("", None, "the body is not JSON"),
        ("[]", None, "must be a mapping"),
        ('"input"', None, "must be a mapping"),
        ("[" * 50_000, None, "the body is nested too deeply"),
        (json.dumps({"input": "a" * (MOST_CHARS + 1)}), "input", "input has 12,001 characters, and"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be(server: Server, body: str, param: str | None, says: str) -> None:
    response = httpx.post(
        f"{server.url}/v1/audio/speech", content=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    told = error(response)
    assert says in told["message"]
    assert (told["type"], told["param"]) == ("invalid_request_error", param)


def test_bytes_that_are_no_text(server: Server) -> None:
    response = httpx.post(
        f"{server.url}/v1/audio/speech",
        content='{"input": "Grüße"}'.encode("latin-1"),
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert response.status_code == 400
    assert error(response)["message"] == "the body is not UTF-8: byte 13 cannot be"


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", ""])
def test_another_content_type(server: Server, kind: str) -> None:
    response = httpx.post(
        f"{server.url}/v1/audio/speech", content=b'{"input": "Hi."}', headers={"Content-Type": kind}
    )
    assert response.status_code == 415
    assert "send application/json" in error(response)["message"]


def test_other_paths_and_methods(server: Server) -> None:
    for response, status in (
        (server.get("/v1/audio/speech"), 405),
        (server.get("/v1/chat/completions"), 404),
        (httpx.delete(f"{server.url}/v1/models"), 405),
    ):
        assert response.status_code == status
        error(response)


@pytest.mark.parametrize("path", ["/", "/health", "/ready"])
def test_a_look_without_the_body(server: Server, path: str) -> None:
    response = httpx.head(f"{server.url}{path}")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0


def test_what_the_official_client_makes_of_it(server: Server) -> None:
    with server.client() as client, pytest.raises(openai.BadRequestError, match="'nova'") as caught:
        client.audio.speech.create(model="tts-1", voice="nova", input="Hi.")
    assert "unknown voice 'nova'" in caught.value.message
    assert caught.value.param == "voice"


def test_marks_that_ask_for_hours_of_silence(server: Server) -> None:
    refused = server.speak("One. [[pause: 3600]] Two.", response_format="pcm")
    assert refused.status_code == 400
    assert "3,600 s of pauses, and 600 are allowed" in refused.json()["error"]["message"]
    whole = server.speak("One. [[pause: 500]] Two.", response_format="pcm")
    assert len(whole.content) / 2 / 24_000 > 500.0


def test_a_word_without_an_end(server: Server) -> None:
    """Ten thousand characters without a space are cut somewhere, and spoken."""
    whole = server.speak("a" * 10_000, response_format="pcm")
    assert whole.status_code == 200
    assert len(whole.content) / 2 / 24_000 > 600.0


def test_a_body_that_is_too_large_by_its_own_word(server: Server) -> None:
    """It is refused before it is sent."""
    with server.connect() as connection:
        connection.sendall(head(length=10**12))
        told = b""
        while not told.endswith(b"}}"):
            told += connection.recv(65_536)
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"server.max_body_bytes" in told


def test_a_body_that_turns_out_too_large(server: Server) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"input": "'
        for _ in range(2 * MOST_BYTES // 1000):
            yield b"a" * 1000

    response = httpx.post(
        f"{server.url}/v1/audio/speech", content=parts(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413
    assert error(response)["code"] == "body_too_large"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/audio/sp",
        head(length=100),
        head(length=100) + b'{"input',
        request('{"input": "Hi."}') + b"POST /v1",
    ],
    ids=["nothing", "half a line", "no body", "half a body", "and half another"],
)
def test_a_request_that_never_ends(hasty: Server, sent: bytes) -> None:
    """The connection is closed after `server.client_s`."""
    with hasty.connect() as connection:
        connection.sendall(sent)
        until_closed(connection)


def test_half_open_connections(server: Server) -> None:
    """A client that has said that nothing more comes, in mid-request."""
    with server.connect() as connection:
        connection.sendall(head(length=100) + b'{"input')
        connection.shutdown(socket.SHUT_WR)
        until_closed(connection)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
        b"HELLO\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
        head(length=5) + b'{"input": "Hi."}',
        head("/v1/audio/speech", None, "Transfer-Encoding: chunked") + b"zz\r\nhello\r\n",
        head("/v1/audio/speech", None, "Content-Length: -5") + b"hello",
    ],
    ids=["TLS", "words", "no host", "a long header", "more than said", "a bad chunk", "a negative length"],
)
def test_what_is_not_http(server: Server, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        assert re.match(rb"HTTP/1.1 4\d\d ", until_closed(connection))


def test_the_log_has_no_words(server: Server) -> None:
    server.speak(SECRET)
    server.speak(SECRET, voice="nobody")
    server.speak(SECRET, speed=100)
    assert "swordfish" not in server.said
    assert len(server.said.splitlines()) == 1, server.said
