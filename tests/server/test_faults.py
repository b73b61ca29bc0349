"""What goes wrong in the engine: it is mended where it can be, and else the client sees an error."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx
import openai
import psutil
import pytest

from tests.cli.program import ONE_WORKER, Program, paragraphs, sim
from tests.server.conftest import Serve
from tests.server.world import Server, request

BROKEN = sim(rtf=0.01, faults="[{text: broken, kind: refuse}]")
RAISING = """
from ttsflow import Policy, WorkerSpec, hookimpl

class Raising(Policy):
    name = "raising"
    def place(self, devices, profile):
        return [WorkerSpec(device) for device in devices]
    def dispatch(self, view):
        for worker in view.free:
            job = view.ready.first()
            if job is not None and "now" in job.text:
                raise ValueError("it had to be")
            if job is not None:
                yield job, worker

@hookimpl
def ttsflow_policies():
    return [Raising]
"""


def workers(server: Server) -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process(server.process.pid).children(recursive=True)
        if "ttsflow.workers" in " ".join(process.cmdline()) or "spawn_main" in " ".join(process.cmdline())
    ]


@pytest.fixture(scope="module")
def broken(serve_module: Serve) -> Server:
    """An engine that cannot speak the word "broken"."""
    return serve_module(*BROKEN)


def test_a_worker_that_dies_is_not_heard(serve: Serve, tmp_path: Path) -> None:
    """Its chunk is spoken again: the audio is what it would have been."""
    text = paragraphs(20)
    faults = "[{at: 5, kind: die, times: 1}]"
    server = serve(*sim(rtf=0.02, faults=faults, state_dir=tmp_path / "state"), *ONE_WORKER)
    disturbed = server.speak(text, response_format="pcm")
    assert server.figure("ttsflow_worker_deaths_total") == 1
    assert disturbed.content == server.speak(text, response_format="pcm").content
    assert "is lost" in server.said


def test_what_an_engine_says_of_a_text_is_not_in_the_log(serve: Serve, tmp_path: Path) -> None:
    faults = "[{text: secret, kind: assert, times: 1}]"
    server = serve(*sim(rtf=0.01, faults=faults, state_dir=tmp_path / "state"), *ONE_WORKER)
    assert server.speak("It is secret.").status_code == 200
    server.program.until(lambda: "w0#1 on cpu is lost: its engine broke down" in server.said)
    assert "device-side assert" not in server.said


# Its device is lost, and it says so with the words of the text.
LEAKY = """
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Leaky(Sim):
    name = "leaky"
    def start(self, job):
        if "secret" in job.text:
            raise RuntimeError(f"CUDA error: GPU is lost while speaking {job.text!r}")
        super().start(job)

@hookimpl
def ttsflow_backends():
    return [Leaky]
"""


def test_the_last_words_of_an_engine_reach_no_client_and_no_log(serve: Serve, program: Program) -> None:
    program.write("plugins/leaky.py", LEAKY)
    server = serve(*sim("leaky", rtf=0.01), *ONE_WORKER, "--plugins-dir", "plugins")
    refused = server.speak("It is secret.")
    assert refused.status_code == 503
    assert "secret" not in refused.text
    assert "secret" not in server.get("/ready").text
    server.program.until(lambda: "the engine has stopped" in server.said)
    assert "secret" not in server.said


def test_workers_that_are_killed_in_mid_request(serve: Serve) -> None:
    text = paragraphs(40)
    server = serve(*sim(rtf=0.05, slots=2))
    with server.speaking(text) as (_, parts):
        came = next(parts)
        for worker in workers(server):
            worker.kill()
        came += b"".join(parts)
    assert server.figure("ttsflow_worker_deaths_total") >= 1
    assert came == server.speak(text, response_format="pcm").content


def test_what_fails_before_the_first_byte(broken: Server) -> None:
    response = broken.speak("This is broken.")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "chunks_failed"
    name = response.headers["x-request-id"]
    why = "1 of 1 chunks failed; the first is chunk 0: "
    broken.program.until(lambda: f"{name}: 500 chunks_failed: {why}" in broken.said)
    assert "broken" not in broken.said
    with broken.client() as client, pytest.raises(openai.InternalServerError, match="chunks failed"):
        client.audio.speech.create(model="tts-1", voice=None, input="This is broken.")  # type: ignore[arg-type]  # it may be left out


@pytest.mark.parametrize("format", ["wav", "mp3", "pcm"])
def test_what_fails_later_is_cut(broken: Server, format: str) -> None:
    """The client sees that the audio is not whole."""
    with broken.speaking(f"{paragraphs(3)}\n\nThis is broken.", response_format=format) as (response, parts):
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            b"".join(parts)
        name = response.headers["x-request-id"]
    why = "1 of 4 chunks failed; the first is chunk 3: "
    broken.program.until(lambda: f"{name} was cut: chunks_failed: {why}" in broken.said)
    assert "broken" not in broken.said


QUOTING = """
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Quoting(Sim):
    name = "quoting"
    def start(self, job):
        raise RuntimeError(f"the vocoder has no memory left for {job.text!r} and {job.text[:9]!r}")

@hookimpl
def ttsflow_backends():
    return [Quoting]
"""


def test_the_log_says_why_without_words_of_the_text(serve: Serve, program: Program) -> None:
    program.write("plugins/quoting.py", QUOTING)
    server = serve("--plugins-dir", "plugins", *sim("quoting"))
    refused = server.speak("The Passwort is swordfish, große Ehre.")
    assert refused.status_code == 500
    assert "swordfish" in refused.json()["error"]["message"]
    name = refused.headers["x-request-id"]
    why = "RuntimeError: … vocoder has no memory left for '…, ….' and '…' (quoting.py:8)"
    line = f"ttsflow: {name}: 500 chunks_failed: 1 of 1 chunks failed; the first is chunk 0: {why}\n"
    assert line in server.said


def test_all_answers_say_which_request_they_answer(broken: Server) -> None:
    answers = [broken.speak("Hello."), broken.get("/health"), broken.get("/none"), broken.speak("")]
    names = [answer.headers["x-request-id"] for answer in answers]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 400]
    assert len(set(names)) == 4


def test_what_fails_later_is_told_in_an_event(broken: Server) -> None:
    came: list[bytes] = []
    with broken.speaking(f"{paragraphs(3)}\n\nThis is broken.", stream_format="sse") as (response, parts):
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            came.extend(parts)
    last = b"".join(came).decode().split("\n\n")[-2]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "chunks_failed"


def test_an_old_client_sees_an_error_too(broken: Server) -> None:
    sent = request(json.dumps({"input": f"{paragraphs(3)}\n\nThis is broken."}))
    with broken.connect() as connection:
        connection.sendall(sent.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 500 ")


def test_a_request_that_takes_too_long(serve: Serve) -> None:
    server = serve(*sim(chunk_s=3600), "--set", "server.request_s=0.5")
    response = server.speak("Hello.")
    assert response.status_code == 504
    assert "server.request_s" in response.json()["error"]["message"]


def test_no_worker_is_left(serve: Serve) -> None:
    server = serve(*sim(), *ONE_WORKER, "--set", "limits.restarts=0")
    for worker in workers(server):
        worker.kill()
    server.program.until(lambda: server.get("/ready").status_code == 503)
    response = server.speak("Hello.")
    assert response.status_code == 503
    assert response.json()["error"]["type"] == "server_error"
    assert server.get("/health").status_code == 200
    assert server.figure("ttsflow_workers ready") == 0


def test_a_policy_that_raises(serve: Serve, program: Program) -> None:
    program.write("policies/raising.py", RAISING)
    server = serve(*sim(rtf=0.01), "--plugins-dir", "policies", "--policy", "raising")
    assert server.speak("Later.").status_code == 200
    response = server.speak("Do it now.")
    assert response.status_code == 503
    assert "raising" in response.json()["error"]["message"]
    assert server.get("/ready").status_code == 503
    assert server.speak("Later.").status_code == 503
    assert server.said.count("the engine has stopped, start the server again: ") == 1


def test_a_port_in_use(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = program("serve", "--port", str(port), *sim(), code=2)
    assert ended.err == (
        f"ttsflow: error: cannot listen on 127.0.0.1, port {port}: Address already in use; "
        f"choose another with --host or --port\n"
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid"),
        (["--host", "a" * 70], "cannot listen on"),
        (["--port", "70000"], "server.port is 70000"),
        (["--set", "server.prt=1"], "server.prt is not a known key; did you mean 'port'?"),
        (["--voice", "nobody"], "unknown voice 'nobody'"),
        (["--set", "server.voices={alloy: nobody}"], "server.voices.alloy: unknown voice 'nobody'"),
    ],
)
def test_what_cannot_be_asked_for(program: Program, args: list[str], says: str) -> None:
    ended = program("serve", "--port", "0", *sim(voices="[low]"), *args, code=2)
    assert says in ended.err
    assert len(ended.err.splitlines()) == 1


def test_workers_that_do_not_load(program: Program) -> None:
    ended = program("serve", "--port", "0", *sim(faults="[{at: load, kind: refuse}]"), *ONE_WORKER, code=1)
    assert "ttsflow: error: no worker is left" in ended.err
    program.await_end()


def test_a_server_that_is_not_installed(program: Program) -> None:
    program.hide("fastapi")
    ended = program("serve", *sim(), code=2)
    assert ended.err.startswith("ttsflow: error: the server is not installed: ")
    assert "[server]" in ended.err


LACKING = """
from ttsflow import UsageError, hookimpl
from ttsflow_plugins.sim import Sim

class Lacking(Sim):
    name = "lacking"
    @classmethod
    def check(cls, request, options):
        if request.voice == "low":
            raise UsageError("/srv/voices/low.bin is not there")

@hookimpl
def ttsflow_backends():
    return [Lacking]
"""


def test_a_voice_whose_file_is_not_there_is_not_offered(serve: Serve, program: Program) -> None:
    program.write("plugins/lacking.py", LACKING)
    server = serve("--plugins-dir", "plugins", *sim("lacking", rtf=0.01, voices="[low, high]"))
    assert [voice["id"] for voice in server.get("/v1/audio/voices").json()["voices"]] == ["high"]
    assert server.speak("Hello.", voice="high").status_code == 200
    for voice in ("low", "none"):
        refused = server.speak("Hello.", voice=voice)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "unknown_voice"
        message = refused.json()["error"]["message"]
        assert "high" in message
        assert "/srv" not in message
