"""Servers that misbehave: what passes costs nothing, and what does not is said in one line."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cli.program import Program
from tests.fakes.speech_server import SpeechServer, wav
from tests.plugins.openai.conftest import PARTS, heard, through

PASSING: list[dict[str, Any]] = [
    {
        "kind": "status",
        "status": 429,
        "headers": {"Retry-After": "0"},
        "body": {"error": {"message": "full"}},
    },
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 500, "body": {"detail": "Internal Server Error"}},
    {"kind": "status", "status": 503, "body": "<html>busy</html>", "type": "text/html"},
    {"kind": "break"},
    {"kind": "break", "after": 4_800},
    {"kind": "break", "after": 96_000},
    {"kind": "short", "after": 9_601},
    {"kind": "short", "after": 48_001},
    {"kind": "as", "body": b'{"error": {"message": "out of luck"}}'.hex(), "type": "application/json"},
    {"kind": "as", "body": b"<html>Welcome to this hotel</html>".hex(), "type": "text/html"},
    {"kind": "as", "body": (b"RIFFxxxxWAVE" + bytes(100)).hex()},
    {"kind": "as", "body": b"ID3".hex(), "type": "audio/mpeg"},
    {"kind": "as", "body": ""},
]
"""faults that happen once, one for each part of the book"""


def test_a_book_is_whole_though_each_fault_comes_up_once(program: Program) -> None:
    faults = [fault | {"text": f"part {n} of", "times": 1} for n, fault in enumerate(PASSING, 1)]
    assert len(faults) == len(PARTS)
    with SpeechServer(faults) as server:
        report = program.report("book.txt", "-o", "book.wav", *through(server, retry_s=60))
        asked = [request["asked"]["input"] for request in server.requests]
    assert heard((program.folder / "book.wav").read_bytes())
    assert [chunk["status"] for chunk in report["chunks"]] == ["ok"] * len(PARTS)
    assert sorted(asked) == sorted(2 * PARTS)


@pytest.mark.parametrize("after", [{}, {"after": 4_800}, {"after": 96_000}])
def test_a_server_that_falls_silent(program: Program, after: dict[str, int]) -> None:
    stall = {"text": "part 2 of", "kind": "stall", "times": 1, **after}
    with SpeechServer([stall]) as server:
        report = program.report("book.txt", "-o", "book.wav", *through(server, read_s=3, retry_s=60))
        asked = [request["asked"]["input"] for request in server.requests]
    assert heard((program.folder / "book.wav").read_bytes())
    assert [chunk["status"] for chunk in report["chunks"]] == ["ok"] * len(PARTS)
    assert asked.count(PARTS[1]) >= 2


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"status": 400, "body": {"error": {"message": "No voice 'x'"}}}, "400 Bad Request: No voice 'x'"),
        (
            {"status": 413, "body": "too\nlong", "type": "text/plain"},
            "413 Request Entity Too Large: too long",
        ),
        (
            {"status": 422, "body": {"detail": [{"msg": "no field"}]}},
            '422 Unprocessable Entity: [{"msg": "',
        ),
        ({"status": 500, "body": {"error": "no luck"}}, "500 Internal Server Error: no luck"),
    ],
)
def test_a_chunk_that_the_server_will_not_speak(program: Program, fault: dict[str, Any], says: str) -> None:
    """It fails in the server's words, and the others do not."""
    with SpeechServer([fault | {"kind": "status", "text": "part 3 of"}]) as server:
        ended = program("run", "book.txt", "-o", "book.wav", *through(server, retry_s=60), code=1)
        asked = [request["asked"]["input"] for request in server.requests].count(PARTS[2])
    assert f"{server.url}: {says}" in ended.err
    assert asked == (9 if fault["status"] == 500 else 1)  # three tries in each of three attempts
    assert heard((program.folder / "book.wav").read_bytes(), PARTS[:2] + PARTS[3:])


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"status": 401, "body": {"error": {"message": "No key"}}}, "401 Unauthorized: No key (name the"),
        ({"status": 403}, "403 Forbidden"),
        ({"status": 404, "body": {"detail": "Not Found"}}, "404 Not Found: Not Found. Check backend"),
        ({"status": 307, "headers": {"Location": "http://a/v1"}}, "307 Temporary Redirect: http://a/v1. Set"),
        (
            {"status": 429, "headers": {"Retry-After": "7200"}},
            "it asks for 7200 s, and backend.options.retry_s is 1",
        ),
        ({"status": 503}, "it was asked again for"),
    ],
)
def test_what_no_chunk_will_get_past_ends_the_run_in_one_line(
    program: Program, fault: dict[str, Any], says: str
) -> None:
    with SpeechServer([fault | {"kind": "status", "text": "part"}]) as server:
        ended = program("run", "book.txt", "-o", "book.wav", *through(server, slots=1), code=3)
    assert f"{server.url}: {fault['status']}" in ended.err
    assert says in ended.err
    assert len(re.findall("remote:0 is given up", ended.err)) == 1


def test_a_key_that_is_refused_ends_the_run_in_one_line_without_the_key(program: Program) -> None:
    program.env["SPEECH_KEY"] = "s3cret-and-wrong"
    with SpeechServer(key="right") as server:
        ended = program("run", "book.txt", *through(server, key_env="SPEECH_KEY"), code=3)
        assert server.requests == []
    assert (
        "401 Unauthorized: Incorrect API key provided: Bearer *** (the key is taken from SPEECH_KEY)"
        in ended.err
    )
    assert "s3cret" not in ended.err


@pytest.mark.parametrize("value", [None, "", " ", "two words", "line\nend", "schlüssel"])
def test_a_key_that_is_none(program: Program, value: str | None) -> None:
    if value is not None:
        program.env["SPEECH_KEY"] = value
    ended = program("run", "book.txt", *through("http://127.0.0.1:9/v1", key_env="SPEECH_KEY"), code=2)
    assert "SPEECH_KEY" in ended.err
    assert value is None or not value.strip() or value not in ended.err


def test_another_rate_than_was_said(program: Program) -> None:
    with SpeechServer(rate=22_050) as server:
        ended = program("run", "book.txt", "-o", "a.wav", *through(server, format="wav"), code=3)
        assert "set backend.options.rate=22050" in ended.err
        program("run", "book.txt", "-o", "a.wav", *through(server, format="wav", rate=22_050))
    assert heard((program.folder / "a.wav").read_bytes(), rate=22_050)


def test_wav_where_pcm_was_asked_for_is_read_as_such(program: Program) -> None:
    sound = wav(b"\1\2" * 24_000)
    answer = {"text": "One", "kind": "as", "body": sound.hex(), "type": "audio/pcm"}
    with SpeechServer([answer]) as server:
        program("run", "--text", "One.", "-o", "one.wav", *through(server))
    assert b"\1\2" * 24_000 in (program.folder / "one.wav").read_bytes()
    assert b"INFO!" not in (program.folder / "one.wav").read_bytes()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "backend.options.url is missing"),
        ({"url": "127.0.0.1:8880"}, "which is not an address; it is like http://127.0.0.1:8880/v1"),
        ({"url": "ftp://a/v1"}, "which is not an address"),
        ({"url": "http://a:99999/v1"}, "is not an address"),
        ({"url": "http:///v1"}, "which is not an address"),
        ({"url": "http://me:s3cret@a/v1"}, "has a password in the address"),
        ({"url": "http://a/v1?key=s"}, "leave out what follows the path"),
        ({"url": "[]"}, "backend.options.url"),
        ({"url": "[http://a/v1, http://a/v1/]"}, "has http://a/v1 twice"),
        ({"url": "http://a/v1", "key_env": "sk-s3cret"}, "is not the name of an environment variable"),
        ({"url": "http://a/v1", "extra": "{input: x}"}, "has input, which ttsflow sets itself"),
        ({"url": "http://a/v1", "language_field": "input"}, "is input, which ttsflow sets itself"),
        ({"url": "http://a/v1", "slots": 0}, "backend.options.slots is 0"),
        ({"url": "http://a/v1", "format": "mp3"}, "backend.options.format is 'mp3'"),
        ({"url": "http://a/v1", "rate": 100}, "backend.options.rate is 100"),
        ({"url": "http://a/v1", "key": "s3cret"}, "is not a known key"),
    ],
)
def test_options_that_cannot_be(program: Program, options: dict[str, object], says: str) -> None:
    settings = [
        part for name, value in options.items() for part in ("--set", f"backend.options.{name}={value}")
    ]
    ended = program("run", "book.txt", "--backend", "openai", *settings, code=2)
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert "s3cret" not in ended.err


def test_httpx_that_is_not_installed(program: Program) -> None:
    program.hide("httpx2")
    assert "not installed" in next(
        line for line in program("backends").text.splitlines() if line.startswith("openai")
    )
    ended = program("run", "book.txt", *through("http://127.0.0.1:9/v1"), code=2)
    assert "[openai]" in ended.err


def test_a_fault_of_the_server_is_no_fault_of_the_machine(program: Program) -> None:
    """The words of a server decide nothing: it may quote the text, and this says that a GPU is lost."""
    body = json.dumps({"error": "cannot say: CUDA error: device-side assert, GPU is lost, out of memory"})
    fault = {"text": "part 3 of", "kind": "status", "status": 500, "body": body, "type": "text/plain"}
    with SpeechServer([fault]) as server:
        report = program.report("book.txt", "-o", "book.wav", *through(server, retry_s=60), code=1)
    assert [chunk["status"] for chunk in report["chunks"]].count("failed") == 1
    assert {worker["generation"] for worker in report["workers"]} == {1}
