"""The server in a process of its own, and clients that speak to it over sockets."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import openai
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.program import Ended, Program

TONE_RATE = 24_000
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


@dataclass
class Server:
    """`ttsflow serve`, which has said where it is."""

    program: Program
    process: subprocess.Popen[bytes]
    log: Path
    url: str
    key: str | None = None  # with which `get` asks

    @classmethod
    def start(
        cls, program: Program, *args: str | Path, ready: bool = True, before: Sequence[str] = ()
    ) -> Server:
        """Start one; it is waited for until it is ready, or else until it answers. `before` is a command that
        runs it."""
        log = program.folder / f"server-{len(program.started)}.log"
        port = 0 if ready else free_port()
        with log.open("wb") as stderr:
            process = program.start("serve", "--port", str(port), *args, stderr=stderr, before=before)
        server = cls(program, process, log, f"http://127.0.0.1:{port}")
        if ready:
            program.until(lambda: "serving at" in server.said or process.poll() is not None)
            found = re.search(r"serving at (\S+),", server.said)
            assert found, server.said
            server.url = found[1]
        else:
            program.until(lambda: server.answers() or process.poll() is not None)
        return server

    @property
    def said(self) -> str:
        """What it has told so far."""
        return self.log.read_text("utf-8")

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    def answers(self) -> bool:
        """Whether it answers at all."""
        try:
            return httpx.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=None, **{"headers": bearer(self.key), **options})

    def speak(self, text: str = "Hello there.", /, *, key: str | None = None, **said: Any) -> httpx.Response:
        """A request for speech, and all of its answer."""
        return httpx.post(
            f"{self.url}/v1/audio/speech", json={"input": text, **said}, headers=bearer(key), timeout=None
        )

    @contextmanager
    def speaking(
        self, text: str, /, *, key: str | None = None, **said: Any
    ) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
        """A request for speech whose answer has begun, and its parts as they come."""
        said = {"response_format": "pcm", **said}
        with httpx.stream(
            "POST",
            f"{self.url}/v1/audio/speech",
            json={"input": text, **said},
            headers=bearer(key),
            timeout=None,
        ) as response:
            yield response, response.iter_raw()

    def client(self, key: str = "none") -> openai.OpenAI:
        """The official client, which is to be closed: its connections stay open until then."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)

    def figures(self) -> dict[str, float]:
        """The metrics: `ttsflow_slots used`, and so on."""
        return {
            " ".join((sample.name, *sample.labels.values())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics").text)
            for sample in family.samples
        }

    def figure(self, name: str) -> float:
        return self.figures().get(name, 0.0)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address)

    def end(self, *, code: int = 0, number: int = signal.SIGTERM) -> Ended:
        """End it, and see that nothing is left of it."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        ended = self.program.finish(self.process)
        assert "Traceback" not in self.said, self.said
        assert ended.code == code, self.said
        return ended


def bearer(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def head(path: str = "/v1/audio/speech", length: int | None = None, *more: str) -> bytes:
    """The head of a request with a body of JSON."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join((*lines, *more, "", "")).encode()


def request(body: str, key: str | None = None) -> bytes:
    """A whole request for speech."""
    data = body.encode()
    more = [f"{name}: {value}" for name, value in bearer(key).items()]
    return head("/v1/audio/speech", len(data), *more) + data


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the other side has closed the connection."""
    came = b""
    try:
        while part := connection.recv(65_536):
            came += part
    except ConnectionError:
        pass
    return came


def decoded(data: bytes, format: str) -> tuple[Any, int]:
    """The samples of audio in a format, float32, shape (n,), and their rate in Hz."""
    if format == "pcm":
        return np.frombuffer(data, "<i2").astype(np.float32) / 32768, TONE_RATE
    with av.open(io.BytesIO(data)) as container:
        resampler = av.AudioResampler("flt", "mono")
        frames = [
            out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)
        ]
        return np.concatenate(frames) if frames else np.zeros(0, np.float32), container.streams.audio[0].rate


def length_s(data: bytes, format: str) -> float:
    samples, rate = decoded(data, format)
    return len(samples) / rate
