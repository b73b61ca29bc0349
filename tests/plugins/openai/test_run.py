"""Speaking through real servers, in processes of their own, over real sockets."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.fakes.speech_server import SpeechServer
from tests.plugins.openai.conftest import PARTS, RATE, heard, through
from ttsflow import Engine


@pytest.mark.parametrize("size", [None, 0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_wav_of_known_and_unknown_size(program: Program, size: int | None) -> None:
    with SpeechServer(size=size) as server:
        program("run", "book.txt", "-o", "book.wav", *through(server, format="wav"))
    assert heard((program.folder / "book.wav").read_bytes())


def test_what_is_asked_of_the_server(program: Program) -> None:
    program.env["SPEECH_KEY"] = "s3cret-key"
    with SpeechServer(key="s3cret-key") as server:
        asked_for = {"model": "kokoro", "extra": "{instructions: Whisper.}", "language_field": "language"}
        args = through(server, **asked_for, key_env="SPEECH_KEY", voice="anna")
        program("run", "--text", "One.", "-o", "one.wav", *args, "--report", "report.json")
        args += ["--voice", "bert", "--speed", "1.5", "--language", "de"]
        program("run", "--text", "Two.", "-o", "two.wav", *args)
        one, two = server.requests
    common = {"model": "kokoro", "response_format": "pcm", "instructions": "Whisper."}
    assert one["asked"] == {**common, "input": "One.", "voice": "anna", "language": "en"}
    assert two["asked"] == {**common, "input": "Two.", "voice": "bert", "language": "de", "speed": 1.5}
    assert one["authorization"] == "Bearer s3cret-key"
    kept = [path for path in program.folder.rglob("*") if path.is_file()]
    assert {"report.json", "one.wav"} <= {path.name for path in kept}
    assert not [path for path in kept if b"s3cret" in path.read_bytes()]


def test_two_servers_are_two_devices_each_with_slots(program: Program) -> None:
    with SpeechServer(hold="part") as one, SpeechServer(hold="part") as two:
        args = ["-o", "book.wav", "--report", "report.json", *through(one, two, slots=3)]
        run = program.start("run", "book.txt", *args)
        program.until(lambda: len(one.requests) == len(two.requests) == 3)
        one.go()
        two.go()
        ended = program.finish(run)
        planned = program("plan", "book.txt", *through(one, two)).text
    assert ended.code == 0
    assert "2 servers, a file, 3 slots" in ended.err
    assert "on 2 servers, a file" in planned
    assert heard((program.folder / "book.wav").read_bytes())
    report = json.loads((program.folder / "report.json").read_bytes())
    workers = {(worker["device"], worker["slots"]) for worker in report["workers"]}
    assert workers == {("remote:0", 3), ("remote:1", 3)}
    names = {device["id"]: device["name"] for device in report["devices"] if device["kind"] == "remote"}
    assert names == {"remote:0": one.url, "remote:1": two.url}


def test_a_server_that_dies_in_the_middle_is_lost_alone(program: Program) -> None:
    with SpeechServer(hold="part") as one, SpeechServer(hold="part") as two:
        args = ["-o", "book.wav", "--report", "report.json", *through(one, two, slots=2)]
        run = program.start("run", "book.txt", *args)
        program.until(lambda: len(one.requests) == len(two.requests) == 2)
        two.kill()
        one.go()
        ended = program.finish(run)
        spoken = [request["asked"]["input"] for request in one.requests]
    assert ended.code == 0
    assert "remote:1 is given up" in ended.err
    assert heard((program.folder / "book.wav").read_bytes())
    assert sorted(spoken) == sorted(PARTS)  # each once: what the other had begun, too
    report = json.loads((program.folder / "report.json").read_bytes())
    assert [chunk["status"] for chunk in report["chunks"]] == ["ok"] * len(PARTS)
    assert {chunk["device"] for chunk in report["chunks"]} == {"remote:0"}


def test_a_server_that_is_not_there_is_lost_alone_too(program: Program) -> None:
    with SpeechServer(hold="part") as one, SpeechServer() as gone:
        gone.kill()
        run = program.start("run", "book.txt", "-o", "book.wav", *through(gone, one))
        program.await_message(run, f"remote:0 given up: {gone.url}: Connection refused")
        one.go()
        assert program.finish(run).code == 0
    assert heard((program.folder / "book.wav").read_bytes())


def test_no_server_at_all_and_the_same_command_later(program: Program) -> None:
    """What was spoken before stays, and the book goes on at another address."""
    with SpeechServer(hold="part 14 ") as server:
        run = program.start("run", "book.txt", "-o", "book.wav", *through(server))
        program.until(lambda: any(PARTS[-1] == each["asked"]["input"] for each in server.requests))
        program.await_audio("book.wav", len(PARTS) - 1)
        server.kill()
        ended = program.finish(run)
    assert ended.code == 3
    assert server.url in ended.err
    with SpeechServer() as other:
        program("run", "book.txt", "-o", "book.wav", *through(other))
        assert [each["asked"]["input"] for each in other.requests] == [PARTS[-1]]
    assert heard((program.folder / "book.wav").read_bytes())


def test_a_server_that_starts_later_is_waited_for(program: Program) -> None:
    """A port is held and lets nobody in; then a server is there in its place."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        args = through(f"http://127.0.0.1:{port}/v1", retry_s=600)
        run = program.start("run", "book.txt", "-v", "-o", "b.wav", *args)
        program.await_message(run, "waiting for")
    with SpeechServer(port=port):
        assert program.finish(run).code == 0
    assert heard((program.folder / "b.wav").read_bytes())


def test_a_listener_who_leaves_closes_the_connection() -> None:
    stalls = {"text": "part", "kind": "stall", "after": RATE}
    with SpeechServer([stalls]) as server:
        options = {"backend.use": "openai", "backend.options.url": server.url, "policy.use": "sequential"}
        with Engine(settings=options) as engine:
            stream = engine.stream(PARTS[0])
            assert next(iter(stream)).samples.size
            stream.close()
            while server.requests[0]["ended"] != "left":
                time.sleep(0.02)
            assert len(server.requests) == 1


@pytest.mark.parametrize("deterministic", [True, False])
def test_audio_that_breaks_off_while_it_is_heard(program: Program, deterministic: bool) -> None:
    """It goes on where it broke off if the servers promise the same bytes; else the chunk has failed."""
    fault = {"text": "part 1 ", "kind": "break", "after": 4 * RATE, "times": 1, "held": True}
    with SpeechServer([fault]) as server:
        run = program.start(
            "run", "book.txt", "-o", "-", *through(server, deterministic=str(deterministic).lower())
        )
        assert run.stdout is not None
        begun = b""
        while len(begun) < RATE // 2:
            begun += os.read(run.stdout.fileno(), RATE)
        server.go()
        ended = program.finish(run)
    assert ended.code == (0 if deterministic else 1), ended.err
    assert heard(begun + ended.out, PARTS if deterministic else PARTS[1:])


def test_voices_that_are_listed_are_the_only_ones(program: Program) -> None:
    with SpeechServer() as server:
        args = through(server, voices="[anna, bert]", languages="[en]")
        assert program("voices", *args).text.split() == ["anna", "bert"]
        refused = program("run", "book.txt", *args, "--voice", "carl", code=2)
        assert "unknown voice 'carl'" in refused.err
        program("run", "--text", "One.", "-o", "one.wav", *args, "--voice", "anna")


def test_slots_share_one_worker(program: Program) -> None:
    """So many requests are under way at once as there are slots, and no more."""
    with SpeechServer(hold="part") as server:
        run = program.start("run", "book.txt", "-o", "book.wav", *through(server, slots=3))
        program.until(lambda: len(server.requests) == 3)
        server.go()
        assert program.finish(run).code == 0
    assert heard((program.folder / "book.wav").read_bytes())


def test_the_folder_of_the_store_has_no_address_in_its_keys(program: Program, tmp_path: Path) -> None:
    """The same text through another server with the same model is not spoken again."""
    with SpeechServer() as one:
        program("run", "book.txt", "-o", "book.wav", *through(one))
    with SpeechServer() as two:
        program("run", "book.txt", "-o", "book.wav", *through(two))
        assert two.requests == []
        program("run", "book.txt", "-o", "book.wav", *through(two, model="tts-1-hd"))
        assert len(two.requests) == len(PARTS)
