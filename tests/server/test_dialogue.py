"""Text that comes over a WebSocket while a model writes it, and audio that goes back while it comes."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websockets
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.cli.program import ONE_WORKER, paragraphs, sim
from tests.server.conftest import Serve
from tests.server.test_leaving import until_free
from tests.server.world import FORMATS, Server, bearer, length_s

ONE = "The tea was cold when she came back to the house. "
TWO = "Nobody had touched the bread or the butter on the table. "
STUCK = "This is stuck " + "and goes on " * 18 + "for ever. "
"""one chunk that takes longer than a test may"""

MOST_BYTES, MOST_CHARS = 100_000, 12_000


def settings(**said: object) -> list[str]:
    return [part for key, value in said.items() for part in ("--set", f"server.{key}={value}")]


@pytest.fixture(scope="module")
def server(serve_module: Serve) -> Server:
    return serve_module(
        *sim(rtf=0.001, slots=4, voices="[low, high]", faults="[{text: broken, kind: refuse}]"),
        *settings(
            max_body_bytes=MOST_BYTES, max_input_chars=MOST_CHARS, max_streams_per_client=64, max_waiting=64
        ),
        "--set", "text.flush_s=600",
    )  # fmt: skip


@pytest.fixture(scope="module")
def slow(serve_module: Serve) -> Server:
    """One slot, in which "Well." takes a second, and STUCK twenty minutes."""
    return serve_module(*sim(rtf=4.0, faults="[{text: stuck, kind: slow}]"), *ONE_WORKER)


@contextmanager
def dialogue(server: Server, query: str = "", **options: Any) -> Iterator[ClientConnection]:
    url = server.url.replace("http:", "ws:")
    with connect(f"{url}/v1/audio/stream{query}", proxy=None, ping_interval=None, **options) as socket:
        yield socket


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection) -> tuple[bytes, list[dict[str, Any]]]:
    """All that comes until the server closes: the audio, and the other messages."""
    audio, told = b"", []
    with suppress(ConnectionClosed):
        while True:
            frame = socket.recv()
            if isinstance(frame, bytes):
                audio += frame
                continue
            message = json.loads(frame)
            if "audio" in message:
                assert message["isFinal"] is False
                audio += base64.b64decode(message["audio"])
            else:
                told.append(message)
    return audio, told


def until(socket: ClientConnection, key: str) -> dict[str, Any]:
    """The next message that has a key."""
    while key not in (message := json.loads(socket.recv())):
        pass
    return dict(message)


def pcm(server: Server, text: str, **said: Any) -> bytes:
    return server.speak(text, response_format="pcm", **said).content


# ---------------------------------------------------------------- speech


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_tokens_become_the_audio_of_the_text(server: Server, size: int) -> None:
    text = ONE + TWO + ONE
    with dialogue(server) as socket:
        say(socket, text=" ", voice="high", voice_settings={"stability": 0.5, "speed": 1.25})
        for at in range(0, len(text), size):
            say(socket, text=text[at : at + size], try_trigger_generation=True)
        say(socket, text="")
        audio, told = hear(socket)
        assert socket.close_code == 1000
    assert audio == pcm(server, text, voice="high", speed=1.25)
    assert audio != pcm(server, text, voice="low", speed=1.25)
    *chunks, last = told
    assert last == {"isFinal": True}
    assert " ".join(message["chunk"]["text"] for message in chunks) == text.strip()
    assert [message["chunk"]["index"] for message in chunks] == list(range(len(chunks)))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("query", ["", "?frames=binary"], ids=["json", "binary"])
def test_every_format_is_whole(server: Server, format: str, query: str) -> None:
    with dialogue(server, query) as socket:
        say(socket, text=ONE + TWO, response_format=format)
        say(socket, text="")
        audio, told = hear(socket)
    [*chunks, _] = told
    whole_s = len(pcm(server, ONE + TWO)) / 2 / 24_000
    assert length_s(audio, format) == pytest.approx(whole_s, abs=0.15)
    assert chunks[-1]["chunk"]["end_s"] < whole_s
    for one, two in pairwise(chunks):
        assert one["chunk"]["start_s"] < one["chunk"]["end_s"] <= two["chunk"]["start_s"]


def test_a_sentence_is_heard_before_the_next_one_has_come(server: Server) -> None:
    with dialogue(server) as socket:
        say(socket, text=ONE + "Nobody ")
        first = base64.b64decode(until(socket, "audio")["audio"])
        say(socket, text=TWO.removeprefix("Nobody "))
        say(socket, text="")
        audio, _ = hear(socket)
    assert first + audio == pcm(server, ONE + TWO)


def test_what_is_flushed_is_spoken_as_it_is(server: Server) -> None:
    with dialogue(server) as socket:
        say(socket, text="Good mor", flush=True)
        assert until(socket, "chunk")["chunk"]["text"] == "Good mor"
        say(socket, flush=True)
        say(socket, text="ning to you all")
        say(socket, flush=True)
        assert until(socket, "chunk")["chunk"]["text"] == "ning to you all"
        say(socket, text="")
        assert hear(socket) == (b"", [{"isFinal": True}])


def test_what_is_cleared_stops_within_a_step(slow: Server) -> None:
    with dialogue(slow) as socket:
        say(socket, text=f"Well.\n\n{STUCK}\n\nIt waits. ")
        assert until(socket, "chunk")["chunk"]["text"] == "Well."
        slow.program.until(lambda: slow.figure("ttsflow_slots used"))
        say(socket, clear=True, text="Well. ")
        assert until(socket, "cleared") == {"cleared": True}
        say(socket, text="")
        audio, told = hear(socket)
        assert [message.get("chunk", {}).get("text") for message in told] == ["Well.", None]
    assert audio == pcm(slow, "Well.")
    assert slow.figure("ttsflow_worker_deaths_total") == 0


def test_nothing_to_clear_and_nothing_to_say(server: Server) -> None:
    with dialogue(server) as socket:
        say(socket, clear=True)
        say(socket, flush=True)
        say(socket, text=" ")
        say(socket, text="")
        assert hear(socket) == (b"", [{"cleared": True}, {"isFinal": True}])


@pytest.mark.parametrize("text", [STUCK, ONE], ids=["in the middle", "before anything is certain"])
def test_a_client_that_leaves_frees_its_slot(slow: Server, text: str) -> None:
    left = slow.figure("ttsflow_requests_total left")
    with dialogue(slow) as socket:
        say(socket, text=text)
        slow.program.until(lambda: slow.figure("ttsflow_open_requests"))
    until_free(slow)
    assert slow.figure("ttsflow_requests_total left") == left + 1
    assert pcm(slow, "Well.")


def test_a_client_that_never_reads_holds_back_itself_alone(serve: Serve) -> None:
    server = serve(*sim(rtf=0.001, slots=4), *settings(client_s=1))
    with dialogue(server, max_queue=1) as socket:
        say(socket, text=paragraphs(400))
        say(socket, text="")
        assert pcm(server, ONE)
        server.program.until(lambda: server.figure("ttsflow_requests_total left"))  # after `server.client_s`
        until_free(server)


def test_many_at_once_have_each_their_own_audio(server: Server) -> None:
    texts = [f"This is the text of the listener who has number {number}. " * 2 for number in range(40)]

    async def listen(text: str) -> bytes:
        url = server.url.replace("http:", "ws:")
        audio = b""
        async with connect_async(f"{url}/v1/audio/stream?frames=binary", proxy=None) as socket:
            for word in text.split():
                await socket.send(json.dumps({"text": f"{word} "}))
                await asyncio.sleep(0)
            await socket.send('{"text": ""}')
            async for frame in socket:
                audio += frame if isinstance(frame, bytes) else b""
        return audio

    async def listen_all() -> list[bytes]:
        return await asyncio.gather(*map(listen, texts))

    heard = asyncio.run(listen_all())
    assert heard[0] == pcm(server, texts[0])
    assert len(set(heard)) == len(texts)


# ---------------------------------------------------------------- what goes wrong


@pytest.fixture
def still_speaks(server: Server) -> Iterator[None]:
    """Whatever a client did, one that was there before, and one that comes after, are spoken to the end."""
    with dialogue(server) as socket:
        say(socket, text=ONE)
        yield
        say(socket, text="")
        audio, _ = hear(socket)
    assert audio == pcm(server, ONE)


@pytest.mark.parametrize(
    ("frames", "code", "param", "says", "closed"),
    [
        ([b"\x00\x01"], "unsupported_frame", None, "send text frames of JSON", 1003),
        (["{"], "invalid_body", None, "the message is not JSON", 1007),
        (["[1]"], "invalid_body", None, "the message", 1007),
        (['"text"'], "invalid_body", None, "the message", 1007),
        (["[" * 50_000], "invalid_body", None, "the message", 1007),
        (['{"text": 5}'], "invalid_body", "text", "text is 5, but must be text", 1007),
        (['{"flush": "yes"}'], "invalid_body", "flush", "flush is 'yes'", 1007),
        (['{"speed": NaN}'], "invalid_body", None, "NaN is no number of JSON", 1007),
        (['{"speed": -1}'], "invalid_body", "speed", "speed is -1", 1007),
        (['{"voice_settings": 3}'], "invalid_body", "voice_settings", "voice_settings is 3", 1007),
        (['{"response_format": "au"}'], "invalid_body", "response_format", "response_format is 'au'", 1007),
        (['{"text": "Hi. ", "voice": "alloy"}'], "unknown_voice", "voice", "known: low, high", 1007),
        (['{"text": "Hi. ", "model": "whisper"}'], "unknown_model", "model", "known: gpt-4o-mini-tts", 1007),
        (['{"text": "Hi. ", "speed": 100}'], "invalid_value", "speed", "speaks at speeds from", 1007),
        (['{"text": "Hi.\\u0000"}'], "invalid_value", "text", "NUL", 1007),
        (['{"text": "Hi. "}', '{"text": ""}', '{"text": "more"}'], "text_ended", "text", "ends it", 1007),
        (['{"text": "Hi. "}', '{"text": ""}', '{"flush": true}'], "text_ended", "text", "ends it", 1007),
        (['{"text": "%s"}' % ("a" * 12_001)], "text_too_long", "text", "server.max_input_chars", 1009),
        (['{"text": "broken. "}', '{"text": ""}'], "chunks_failed", None, "1 of 1 chunks failed", 1011),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_and_ends_the_dialogue(
    server: Server,
    still_speaks: None,
    frames: list[str | bytes],
    code: str,
    param: str,
    says: str,
    closed: int,
) -> None:
    with dialogue(server) as socket:
        with suppress(ConnectionClosed):
            for frame in frames:
                socket.send(frame)
        _, told = hear(socket)
        assert socket.close_code == closed
    error = told[-1]["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param)
    assert says in error["message"]
    assert "\n" not in error["message"]


@pytest.mark.parametrize(
    ("data", "text", "closed"),
    [("a" * (MOST_BYTES + 1), True, 1009), (b"a" * (MOST_BYTES + 1), False, 1009), (b"\xff\xfe", True, 1007)],
    ids=["a huge text", "huge bytes", "no UTF-8"],
)
def test_what_is_no_message_closes_the_dialogue(
    server: Server, still_speaks: None, data: str | bytes, text: bool, closed: int
) -> None:
    with dialogue(server) as socket:
        with suppress(ConnectionClosed):
            socket.send(data, text=text)
        hear(socket)
        assert socket.close_code == closed
    assert "Traceback" not in server.said


@pytest.mark.parametrize(
    "frame",
    [b"\x81\x02{}", b"\x83\x80abcd", b"\xf1\x80abcd", b"\x00" * 100, os.urandom(4_096), b"\x81\xff"],
    ids=["no mask", "no such opcode", "reserved bits", "zeros", "noise", "half a head"],
)
def test_broken_frames_harm_nobody(server: Server, still_speaks: None, frame: bytes) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["GET /v1/audio/stream HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    with server.connect() as connection:
        connection.sendall("\r\n".join(lines).encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 101")
        connection.sendall(frame)
        connection.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: reset
    assert "Traceback" not in server.said


def refused(server: Server, query: str = "", **options: Any) -> tuple[int, bytes]:
    with pytest.raises(InvalidStatus) as caught, dialogue(server, query, **options):
        pass
    return caught.value.response.status_code, caught.value.response.body or b""


def test_pages_of_other_origins_are_refused(server: Server, still_speaks: None) -> None:
    status, body = refused(server, origin=websockets.Origin("https://evil.example"))
    assert status == 403
    assert json.loads(body)["error"]["code"] == "origin_not_allowed"
    with dialogue(server, origin=websockets.Origin(server.url)) as socket:
        say(socket, text="")
        assert hear(socket) == (b"", [{"isFinal": True}])
    status, body = refused(server, "?frames=none")
    assert status == 400
    assert json.loads(body)["error"]["message"] == "frames is 'none'; it may be json or binary"


def test_a_dialogue_that_the_end_of_the_server_cuts_is_told_so(serve: Serve) -> None:
    server = serve(*sim(rtf=0.5), *ONE_WORKER, *settings(drain_s=0.1))
    with dialogue(server) as socket:
        say(socket, text=ONE * 200)
        until(socket, "audio")
        os.kill(server.process.pid, signal.SIGTERM)
        _, told = hear(socket)
        assert socket.close_code == 1012
    assert told[-1]["error"]["code"] == "server_ends"
    assert told[-1]["error"]["message"].startswith("the server ends")
    server.end(code=1, number=0)


def test_keys_are_asked_for_and_idle_dialogues_are_closed(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("key-one!\nkey-two!\n")
    server = serve(*sim(rtf=0.001), *settings(api_keys_file=tmp_path / "keys.txt", idle_s=0.3))
    status, body = refused(server)
    assert status == 401
    assert json.loads(body)["error"]["code"] == "invalid_api_key"
    for text in ("", " ", ONE):
        with dialogue(server, additional_headers=bearer("key-two!")) as socket:
            if text:
                say(socket, text=text)
            _, told = hear(socket)
            assert socket.close_code == 1008
        assert told[-1]["error"]["code"] == "idle"
        assert "server.idle_s" in told[-1]["error"]["message"]


def test_too_many_are_told_to_come_again(serve: Serve) -> None:
    server = serve(*sim(rtf=0.001), *settings(max_streams=1))
    with dialogue(server) as first, dialogue(server) as second:
        say(first, text=ONE + TWO)
        until(first, "audio")
        say(second, text=ONE)
        _, told = hear(second)
        assert told[-1]["error"]["code"] == "rate_limit_exceeded"
        assert second.close_code == 1013
        say(first, text="")
        assert hear(first)[1][-1] == {"isFinal": True}


def test_a_server_that_ends_has_texts_finished_and_takes_on_no_others(serve: Serve) -> None:
    server = serve(*sim(rtf=0.01))
    with dialogue(server) as speaking, dialogue(server) as idle:
        say(speaking, text=ONE + TWO)
        until(speaking, "audio")
        os.kill(server.process.pid, signal.SIGTERM)
        server.program.until(lambda: "finishing" in server.said)
        assert refused(server)[0] == 503
        say(idle, text=ONE)
        _, told = hear(idle)
        assert (told[-1]["error"]["code"], idle.close_code) == ("not_ready", 1013)
        say(speaking, text=ONE)
        say(speaking, text="")
        _, told = hear(speaking)
        assert told[-1] == {"isFinal": True}
        assert np.sum(["chunk" in message for message in told]) >= 2
    server.end()
