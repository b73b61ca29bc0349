"""From the first answer to the last: loading, readiness, draining."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
import pytest

from tests.cli.program import NEVER_LOADS, paragraphs, sim
from tests.server.conftest import Serve
from tests.server.world import Server


def signalled(server: Server, number: int) -> None:
    """It was told to end, and has heard it."""
    os.kill(server.process.pid, number)
    server.program.until(lambda: server.get("/ready").status_code == 503)


def test_it_is_not_ready_before_the_workers_are(serve: Serve) -> None:
    server = serve(*NEVER_LOADS, ready=False)
    assert server.get("/ready").status_code == 503
    response = server.speak("Hello.")
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "the workers are loading their models"
    assert int(response.headers["retry-after"]) >= 1
    assert server.figure("ttsflow_workers loading") >= 1
    server.end()
    assert "serving at" not in server.said


def test_it_tells_that_anybody_may_speak(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("sk-number-one\n")
    told = "anybody who reaches this address may speak; server.api_keys_file"
    public = ("--host", "0.0.0.0")
    server = serve(*sim(), *public)
    server.program.until(lambda: told in server.said)
    guarded = serve(*sim(), *public, "--set", f"server.api_keys_file={tmp_path / 'keys.txt'}")
    guarded.end()
    assert told not in guarded.said


def test_what_it_says(serve: Serve) -> None:
    server = serve(*sim(), "--policy", "sequential")
    assert server.said == f"ttsflow: serving at {server.url}, backend sim, policy sequential, devices cpu\n"
    assert server.get("/ready").json() == {"status": "ready"}
    server.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_spoken_is_finished(serve: Serve, number: int) -> None:
    text = paragraphs(30)
    server = serve(*sim(rtf=0.05, slots=2))
    whole = server.speak(text, response_format="pcm").content
    with server.speaking(text) as (_, parts):
        came = next(parts)
        signalled(server, number)
        refused = server.speak("Hello.")
        assert refused.status_code == 503
        assert refused.json()["error"]["message"] == "the server is shutting down"
        came += b"".join(parts)
    assert came == whole
    server.end(number=0)
    assert "finishing what is spoken (1)" in server.said


def test_what_takes_too_long_is_cut(serve: Serve) -> None:
    server = serve(*sim(rtf=0.5), "--set", "server.drain_s=0.5")
    with server.speaking(paragraphs(200)) as (_, parts):
        next(parts)
        os.kill(server.process.pid, signal.SIGTERM)
        with pytest.raises(httpx.RemoteProtocolError):
            b"".join(parts)
    server.end(code=1, number=0)


def test_a_second_signal_ends_it_at_once(serve: Serve) -> None:
    server = serve(*sim(rtf=0.5), "--set", "server.drain_s=3600")
    with server.speaking(paragraphs(200)) as (_, parts):
        next(parts)
        signalled(server, signal.SIGINT)
        os.kill(server.process.pid, signal.SIGINT)
        with pytest.raises(httpx.RemoteProtocolError):
            b"".join(parts)
    server.end(code=1, number=0)
