"""A speech server of the OpenAI kind, in a process of its own, that misbehaves as it is told to.

A request's audio is a tone that depends on its text alone, a fifteenth of a second for each character. A
fault is a mapping: `text`, words of the requests that it happens to; `kind`, below; `times`, how often it
happens, without it always; and what its kind takes.

    status    answers `status` with `body` (a JSON value, or text as it is), `type` and `headers`
    break     closes the connection: after `after` bytes of the audio, without it before any answer; if it is
              `held`, not before `go`
    stall     is silent for ever after so many bytes of the audio, without it before any answer
    short     ends the audio after so many bytes, as if that were all
    as        answers with `body` as bytes in hexadecimal and `type`, and status 200
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

ROOT = Path(__file__).parents[2]
CHARS_PER_S = 15
BLOCK = 4_800  # bytes that are sent at a time

Fault = Mapping[str, Any]
NONE: Mapping[str, str] = {}


def audio(text: str, rate: int = 24_000) -> bytes:
    """What a request for this text is answered with: mono PCM of 16 bits."""
    hz = 200 + int.from_bytes(hashlib.blake2b(text.encode(), digest_size=2).digest()) % 400
    at_s = np.arange(len(text) * rate // CHARS_PER_S) / rate
    return (8_000 * np.sin(2 * math.pi * hz * at_s)).astype("<i2").tobytes()


def wav(pcm: bytes, rate: int = 24_000, channels: int = 1, size: int | None = None) -> bytes:
    """The same with a header that says that the audio has `size` bytes; a note is before it."""
    size = len(pcm) if size is None else size
    note = b"LIST" + struct.pack("<I", 5) + b"INFO!\0"
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, 2 * rate * channels, 2 * channels, 16)
    return b"RIFF\xff\xff\xff\xffWAVE" + form + note + struct.pack("<4sI", b"data", size) + pcm


class SpeechServer:
    """The server, from `with` on until its end.

    `key` is the only API key that it takes; None takes all. What contains the words `hold` waits until `go`.
    `size` is what the header of a WAV says. Port 0 is one that is free.
    """

    def __init__(
        self,
        faults: Sequence[Fault] = (),
        *,
        key: str | None = None,
        hold: str | None = None,
        size: int | None = None,
        rate: int = 24_000,
        port: int = 0,
    ) -> None:
        plan = {"faults": list(faults), "key": key, "hold": hold, "size": size, "rate": rate, "port": port}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.speech_server", json.dumps(plan)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests for speech so far, as they came, each with what became of it (`left`: the client
        closed the connection before the end)."""
        return list(self._ask("requests"))

    def go(self) -> None:
        """What was held goes on."""
        self._ask("go")

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        if self._process.poll() is None:
            self._process.kill()
        with self._process:
            self._process.wait()

    def _ask(self, what: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{what}") as answer:
            return json.load(answer)


class _State:
    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self.lock = threading.Lock()
        self.left = [fault.get("times") for fault in plan["faults"]]
        self.requests: list[dict[str, Any]] = []
        self.going = threading.Event()

    def fault_for(self, text: str) -> Fault | None:
        """The fault that happens to a request now."""
        with self.lock:
            for number, fault in enumerate(self.plan["faults"]):
                if fault["text"] in text and self.left[number] != 0:
                    if self.left[number] is not None:
                        self.left[number] -= 1
                    return dict(fault)
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: _State

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        state = self.state
        if self.path == "/v1/models":
            if self._allowed():
                self._json(200, {"object": "list", "data": [{"id": "tts-1", "object": "model"}]})
        elif self.path == "/requests":
            self._json(200, state.requests)
        elif self.path == "/go":
            state.going.set()
            self._json(200, None)
        else:
            self._json(404, {"error": {"message": f"no such page: {self.path}"}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self._allowed():
            return
        if self.path != "/v1/audio/speech":
            self._json(404, {"detail": "Not Found"})
            return
        asked = json.loads(body)
        note = {"asked": asked, "ended": None, "authorization": self.headers["authorization"]}
        self.state.requests.append(note)
        if self.state.plan["hold"] and self.state.plan["hold"] in asked["input"]:
            self.state.going.wait()
        try:
            self._speak(asked, self.state.fault_for(asked["input"]) or {})
            note["ended"] = "whole"
        except (BrokenPipeError, ConnectionResetError):
            note["ended"] = "left"
            self.close_connection = True

    def _speak(self, asked: Mapping[str, Any], fault: Fault) -> None:
        rate, size = self.state.plan["rate"], self.state.plan["size"]
        sound, kind = audio(asked["input"], rate), "audio/pcm"
        if asked["response_format"] == "wav":
            sound, kind = wav(sound, rate, size=size), "audio/wav"
        match fault.get("kind"):
            case "status":
                body, given = fault.get("body", ""), fault.get("type", "application/json")
                data = body if isinstance(body, str) and given != "application/json" else json.dumps(body)
                self._send(fault["status"], data.encode(), given, fault.get("headers", {}))
            case "as":
                self._send(200, bytes.fromhex(fault["body"]), fault.get("type", kind))
            case "short":
                self._send(200, sound[: fault["after"]], fault.get("type", kind))
            case "break":
                if "after" in fault:
                    self._begin(kind)
                    self._blocks(sound[: fault["after"]])
                if fault.get("held"):
                    self.state.going.wait()
                self.close_connection = True
            case "stall":
                if "after" in fault:
                    self._begin(kind)
                    self._blocks(sound[: fault["after"]])
                self._until_left()
            case _:
                self._begin(kind)
                self._blocks(sound)
                self._chunk(b"")

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _blocks(self, sound: bytes) -> None:
        for at in range(0, len(sound), BLOCK):
            self._chunk(sound[at : at + BLOCK])

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _until_left(self) -> None:
        """Be silent until the client closes the connection."""
        self.connection.recv(1)
        raise BrokenPipeError

    def _allowed(self) -> bool:
        key = self.state.plan["key"]
        given = self.headers["authorization"]
        if key is None or given == f"Bearer {key}":
            return True
        self._json(401, {"error": {"message": f"Incorrect API key provided: {given}", "code": "invalid"}})
        return False

    def _json(self, status: int, data: object) -> None:
        self._send(status, json.dumps(data).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str, headers: Mapping[str, str] = NONE) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may leave at any time; all else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _end_with_parent(server: ThreadingHTTPServer) -> None:
    """Standard input ends with the process that started this one."""
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    _Handler.state = _State(json.loads(sys.argv[1]))
    server = _Server(("127.0.0.1", _Handler.state.plan["port"]), _Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=_end_with_parent, args=[server], daemon=True).start()
    server.serve_forever(poll_interval=0.05)
