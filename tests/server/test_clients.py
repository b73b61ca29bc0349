"""Who is answered: API keys, and pages of other origins."""

from __future__ import annotations

from pathlib import Path

import httpx
import openai
import pytest

from tests.cli.program import ONE_WORKER, Program, sim
from tests.server.conftest import Serve
from tests.server.world import Server, request


@pytest.fixture(scope="module")
def guarded(serve_module: Serve, tmp_path_factory: pytest.TempPathFactory) -> Server:
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    keys.write_bytes(b"\xef\xbb\xbfsk-first\r\n\r\n# of Anna\r\n  #commented-out\r\n  sk-second  \r\n")
    origins = "[https://reader.example]"
    return serve_module(
        *sim(), "--set", f"server.api_keys_file={keys}", "--set", f"server.cors_origins={origins}"
    )


@pytest.fixture(scope="module")
def keyless(serve_module: Serve) -> Server:
    return serve_module(*sim())


@pytest.mark.parametrize("key", ["sk-first", "sk-second"])
def test_who_has_a_key_is_answered(guarded: Server, key: str) -> None:
    with guarded.client(key) as client:
        assert client.audio.speech.create(model="tts-1", voice=None, input="Hi.").content  # type: ignore[arg-type]  # it may be left out


@pytest.mark.parametrize(
    "shown",
    [None, "", "Bearer", "Bearer sk-firs", "Bearer sk-first2", "sk-first", "Basic sk-first", "Bearer ä",
     "Bearer # of Anna", "Bearer #commented-out"],
)  # fmt: skip
def test_who_has_none_is_not(guarded: Server, shown: str | None) -> None:
    headers = {} if shown is None else {"Authorization": shown.encode("latin-1")}
    for path in ("/v1/models", "/v1/audio/voices", "/metrics"):
        response = httpx.get(f"{guarded.url}{path}", headers=headers)
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_api_key"
    with (
        guarded.client("sk-wrong") as client,
        pytest.raises(openai.AuthenticationError, match="no valid API key was given"),
    ):
        client.models.list()


def test_a_key_is_asked_for_before_the_body_is_read(guarded: Server) -> None:
    with guarded.connect() as connection:
        connection.sendall(request('{"input": "Hi."}').partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_what_needs_no_key(guarded: Server) -> None:
    for path in ("/health", "/ready", "/docs", "/openapi.json"):
        assert guarded.get(path).status_code == 200


def test_pages_of_a_listed_origin_may_ask(guarded: Server) -> None:
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}

    def preflight(origin: str) -> httpx.Response:
        return httpx.options(f"{guarded.url}/v1/audio/speech", headers={"Origin": origin, **ask})

    listed = preflight("https://reader.example")
    assert (listed.status_code, listed.headers["access-control-allow-origin"]) == (
        200,
        "https://reader.example",
    )
    assert "access-control-allow-origin" not in preflight("https://other.example").headers


def test_other_origins_may_not_ask_unless_listed(keyless: Server) -> None:
    response = keyless.get("/v1/models", headers={"Origin": "https://reader.example"})
    assert "access-control-allow-origin" not in response.headers
    assert (response.status_code, response.json()["error"]["code"]) == (403, "origin_not_allowed")
    sent = httpx.post(
        f"{keyless.url}/v1/jobs?filename=x.txt",
        content="Hi.",
        headers={"Origin": "null", "Content-Type": "text/plain"},
    )
    assert (sent.status_code, sent.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert keyless.get("/v1/models", headers={"Origin": keyless.url}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8880", 403),
        ("[::1", 403),
        ("localhost:80", 200),
        ("127.0.0.2", 200),
        ("[::1]:8880", 200),
    ],
)
def test_a_server_without_keys_has_the_names_of_its_machine_alone(
    keyless: Server, host: str, status: int
) -> None:
    assert keyless.get("/v1/models", headers={"Host": host}).status_code == status


def test_a_server_with_keys_may_have_any_name(guarded: Server) -> None:
    headers = {"Host": "tts.example", "Authorization": "Bearer sk-first"}
    assert guarded.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize("trusted", [True, False])
def test_a_proxy_says_for_whom_it_asks_if_it_is_trusted(serve: Serve, trusted: bool) -> None:
    proxies = ["--set", "server.trusted_proxies=[127.0.0.1]"] if trusted else []
    one = ["--set", "server.max_streams_per_client=1", "--set", "server.max_late_s=1e6"]
    server = serve(*sim(chunk_s=3600, slots=2), *ONE_WORKER, *one, *proxies)
    body = request('{"input": "Hi."}').replace(b"\r\n", b"\r\nX-Forwarded-For: 10.0.0.1\r\n", 1)
    with server.connect() as first, server.connect() as second:
        first.sendall(body)
        server.program.until(lambda: server.figure("ttsflow_open_requests") == 1)
        second.sendall(body.replace(b"10.0.0.1", b"10.0.0.2"))
        if trusted:
            server.program.until(lambda: server.figure("ttsflow_open_requests") == 2)
        else:
            assert second.recv(65_536).startswith(b"HTTP/1.1 429 ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no such file"),
        ("\n \n# none\n", "has no key; write one a line"),
        ("# mine\nsk-first\n\nopen sesame\n", "keys.txt, line 4: this is no key; a key has at least 8"),
        ("sk-firs\n", "keys.txt, line 1: this is no key; a key has at least 8"),
    ],
    ids=["no file", "no key", "spaces", "short"],
)
def test_a_file_of_keys_that_cannot_be(program: Program, content: str | None, says: str) -> None:
    keys = Path("keys.txt")
    if content is not None:
        program.write(keys.name, content)
    ended = program("serve", "--port", "0", *sim(), "--set", f"server.api_keys_file={keys}", code=2)
    assert says in ended.err
    assert len(ended.err.splitlines()) == 1
    assert "sesame" not in ended.err
    assert "sk-firs" not in ended.err
