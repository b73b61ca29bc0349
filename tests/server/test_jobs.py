"""Background jobs: what becomes of a text that is posted, whatever happens to the server meanwhile."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import av
import httpx
import pytest

from tests.cli.program import NEVER_LATE, ONE_WORKER, TWO_WORKERS, Program, paragraphs, sim
from tests.server.conftest import Serve
from tests.server.test_bad_requests import error
from tests.server.world import Server, bearer, length_s
from tests.store.world import chunks_kept, on_a_small_disk
from tests.text.made_books import NAV_ITEM, archive, navigation, package, xhtml

FOLDER = ("--set", "server.jobs_dir=jobs")
SLOW = [*sim(chunk_s=3600), *ONE_WORKER, *NEVER_LATE]  # no chunk ends while a test runs
CHUNKS = 8

# A stand-in that notes each chunk that it begins. The file `gate` has a byte for each chunk of a stream that
# it may speak; with the others it waits.
NOTED = """
import os, time
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Noted(Sim):
    name = "noted"
    def start(self, job):
        with open("spoken.txt", "a") as file:
            file.write(f"{job.stream}\\n")
        while os.stat("gate").st_size <= job.index:
            time.sleep(0.01)
        super().start(job)

@hookimpl
def ttsflow_backends():
    return [Noted]
"""


# A stand-in that begins with the first chunk of a text when the file `open` is there.
HELD = """
import os, time
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Held(Sim):
    name = "held"
    def start(self, job):
        while job.index == 0 and not os.path.exists("open"):
            time.sleep(0.01)
        super().start(job)

@hookimpl
def ttsflow_backends():
    return [Held]
"""


def post(server: Server, text: str = "Hello there.", /, *, key: str | None = None, **said: Any) -> Any:
    """A text is posted, and taken on: what is told of the job."""
    response = httpx.post(
        f"{server.url}/v1/jobs", json={"input": text, **said}, headers=bearer(key), timeout=None
    )
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/v1/jobs/{response.json()['id']}"
    return response.json()


def upload(server: Server, data: bytes, kind: str = "", **said: Any) -> httpx.Response:
    headers = {"Content-Type": kind} if kind else {}
    return httpx.post(f"{server.url}/v1/jobs", params=said, content=data, headers=headers, timeout=None)


def events(server: Server, id: str) -> list[Any]:
    """All that is told of a job, until it ends."""
    with httpx.stream("GET", f"{server.url}/v1/jobs/{id}/events", timeout=None) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def ended(server: Server, id: str) -> Any:
    """What is told of a job when it has ended."""
    return events(server, id)[-1]


def audio(server: Server, id: str, **options: Any) -> httpx.Response:
    return server.get(f"/v1/jobs/{id}/audio", **options)


def status(server: Server, id: str) -> str:
    return str(server.get(f"/v1/jobs/{id}").json()["status"])


def kept(server: Server, id: str) -> int:
    """Chunks of a job that are kept."""
    return chunks_kept(server.program.folder / "jobs" / id / "audio.wav.ttsflow")


def folders(program: Program) -> list[str]:
    return sorted(path.name for path in (program.folder / "jobs").iterdir() if path.is_dir())


def noted(program: Program, gate: int, **options: object) -> list[str | Path]:
    """Arguments that choose the stand-in that notes what it begins with; one worker, one after the other."""
    program.write("plugins/noted.py", NOTED)
    program.write("gate", "." * gate)
    return ["--plugins-dir", "plugins", *sim("noted", audio_s=0.2, **options), *ONE_WORKER, *NEVER_LATE]


def begun(program: Program) -> list[str]:
    """The streams of the chunks that the stand-in has begun with."""
    return (program.folder / "spoken.txt").read_text().split("\n")[:-1]


def book() -> bytes:
    pages = {
        f"OEBPS/{number}.xhtml": xhtml(f"<h1>Chapter {number}</h1><p>Es war einmal.</p>") for number in (1, 2)
    }
    entries = "".join(f'<li><a href="{number}.xhtml">Chapter {number}</a></li>' for number in (1, 2))
    opf = package(["1.xhtml", "2.xhtml"], language="de", more=NAV_ITEM)
    return archive({"OEBPS/content.opf": opf, "OEBPS/nav.xhtml": navigation(entries), **pages})


@pytest.fixture(scope="module")
def server(serve_module: Serve) -> Server:
    options = {"rtf": 0.001, "slots": 2, "voices": "[low, high]", "languages": "[en, de]"}
    return serve_module(*sim(**options), *FOLDER)


def test_a_text_becomes_audio(server: Server) -> None:
    job = post(server, paragraphs(5), name="Five parts", response_format="wav")
    assert job["status"] in ("queued", "speaking")
    told = events(server, job["id"])
    assert told[-1]["status"] == "done"
    assert told[-1]["chunks"] == {"done": 5, "of": 5}
    assert (told[-1]["name"], told[-1]["doubts"], told[-1]["failures"]) == ("Five parts", [], [])
    assert server.get(f"/v1/jobs/{job['id']}").json() == told[-1]
    got = audio(server, job["id"])
    assert (got.status_code, got.headers["content-type"]) == (200, "audio/wav")
    assert "Five%20parts.wav" in got.headers["content-disposition"]
    assert length_s(got.content, "wav") == pytest.approx(told[-1]["audio_s"], abs=0.01)


def test_a_name_is_at_most_as_long_as_a_header_takes(server: Server) -> None:
    name = "ü" * 200
    got = audio(server, ended(server, post(server, name=name, response_format="wav")["id"])["id"])
    assert got.status_code == 200
    assert got.headers["content-disposition"] == f"attachment; filename*=utf-8''{quote(name)}.wav"
    longer = httpx.post(f"{server.url}/v1/jobs", json={"input": "Hi.", "name": f"{name}ü"})
    assert longer.status_code == 400
    assert "200 characters" in error(longer)["message"]
    assert upload(server, b"Hi.", "text/plain", name=f"{name}ü").status_code == 400


SHOUTED = """
import ttsflow

class Shouted(ttsflow.TextReader):
    name = "shouted"
    suffixes = (".shout",)
    gives = "markdown"
    def read(self, data, name):
        return data.decode().capitalize().replace("|", "\\n\\n")

@ttsflow.hookimpl
def ttsflow_readers():
    return [Shouted]
"""


def test_a_text_that_a_plugin_reads(program: Program, serve: Serve) -> None:
    program.write("plugins/shouted.py", SHOUTED)
    server = serve("--plugins-dir", "plugins", "--set", "text.format=shouted", *sim(rtf=0), *FOLDER)
    uploaded = upload(server, b"ONE.|TWO.|THREE.", "application/octet-stream", filename="a.shout").json()
    for job in (uploaded, post(server, "ONE.|TWO.|THREE.")):
        assert ended(server, job["id"])["chunks"] == {"done": 3, "of": 3}


def test_a_part_of_the_audio(server: Server) -> None:
    job = ended(server, post(server)["id"])
    whole = audio(server, job["id"])
    assert whole.headers["content-type"] == "audio/mpeg"
    part = audio(server, job["id"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"


@pytest.mark.parametrize("named", [True, False])
def test_a_book_becomes_an_audiobook(server: Server, named: bool) -> None:
    said = {"filename": "../../A book.epub"} if named else {}
    response = upload(server, book(), "application/epub+zip", response_format="m4b", speed="1.5", **said)
    assert response.status_code == 202, response.text
    job = ended(server, response.json()["id"])
    assert job["status"] == "done"
    got = audio(server, job["id"])
    name = "A%20book" if named else "the%20upload"
    assert f"{name}.m4b" in got.headers["content-disposition"]
    with av.open(io.BytesIO(got.content)) as container:
        chapters = [chapter["metadata"]["title"] for chapter in container.chapters()]
        assert container.metadata["title"] == "The Book"
    assert chapters == ["Chapter 1", "Chapter 2"]


def test_a_plain_text_is_uploaded_with_curls_usual_type(server: Server) -> None:
    kind = "application/x-www-form-urlencoded"
    response = upload(server, b"Good evening.", kind, filename="evening.txt", response_format="flac")
    assert ended(server, response.json()["id"])["status"] == "done"


@pytest.mark.parametrize(
    ("said", "param", "says"),
    [
        ({}, "input", "input is missing"),
        ({"input": " \n"}, "input", "input holds only white space: there is nothing to speak"),
        ({"input": "a\ud800b"}, "input", "but must be a valid string"),
        ({"input": "Hi.", "voice": "none"}, "voice", "unknown voice 'none'; known: high, low"),
        ({"input": "Hi.", "model": "none"}, "model", "unknown model 'none'"),
        ({"input": "Hi.", "language": "xx"}, "language", "'xx'"),
        ({"input": "Hi.", "speed": 99}, "speed", "speeds from 0.25 to 4"),
        ({"input": "Hi.", "response_format": "pcm"}, "response_format", "response_format is 'pcm'"),
        ({"input": "Hi.", "name": ""}, "name", "name is ''"),
    ],
)
def test_what_cannot_be_spoken_is_not_taken_on(
    server: Server, said: dict[str, Any], param: str | None, says: str
) -> None:
    before = folders(server.program)
    data = json.dumps(said).encode()
    response = httpx.post(f"{server.url}/v1/jobs", content=data, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    told = error(response)
    assert says in told["message"]
    assert told["param"] == param
    assert folders(server.program) == before


@pytest.mark.parametrize(
    ("data", "kind", "said", "code", "param", "says"),
    [
        (b"", "text/plain", {}, 400, None, "the upload is empty"),
        (b"\x00\x01", "text/plain", {"filename": "a.txt"}, 400, None, "a.txt"),
        (b"no archive", "", {"filename": "/etc/book.epub"}, 400, None, "book.epub"),
        (b"a,b", "", {"filename": "a.csv"}, 400, "filename", "a.csv is a table"),
        (b"Hi.", "text/plain", {"speed": "fast"}, 400, "speed", "speed is 'fast', but must be a number"),
        (b"Hi.", "text/plain", {"speed": "nan"}, 400, "speed", "speed"),
        (b"Hi.", "text/plain", {"speed": "99"}, 400, "speed", "speeds from 0.25 to 4"),
        (b"Hi.", "text/plain", {"voice": "none"}, 400, "voice", "unknown voice 'none'"),
        (b"Hi.", "", {}, 415, None, "POST /v1/jobs?filename=book.epub"),
        (
            b"--a--",
            "multipart/form-data; boundary=a",
            {},
            415,
            None,
            "send application/json, or a file as the body",
        ),
    ],
)
def test_what_is_no_book_is_not_taken_on(
    server: Server, data: bytes, kind: str, said: dict[str, str], code: int, param: str | None, says: str
) -> None:
    before = folders(server.program)
    response = upload(server, data, kind, **said)
    assert response.status_code == code
    told = error(response)
    assert told["param"] == param
    assert says in (message := told["message"])
    assert str(server.program.folder) not in message
    assert "/etc" not in message
    assert folders(server.program) == before


@pytest.mark.parametrize("told", [True, False])
def test_what_is_too_large_is_refused(serve: Serve, told: bool) -> None:
    server = serve(*sim(), *FOLDER, "--set", "server.max_upload_bytes=1000")

    def parts() -> Iterator[bytes]:
        yield from [b"word " * 100] * 3

    content = b"".join(parts()) if told else parts()
    response = httpx.post(f"{server.url}/v1/jobs", content=content, headers={"Content-Type": "text/plain"})
    assert response.status_code == 413
    assert "more than 1,000 bytes (server.max_upload_bytes)" in error(response)["message"]
    assert folders(server.program) == []


def test_a_client_that_leaves_in_the_middle_of_its_book_leaves_nothing(serve: Serve) -> None:
    server = serve(*sim(), *FOLDER)
    with server.connect() as connection:
        lines = [
            "POST /v1/jobs HTTP/1.1",
            "Host: localhost",
            "Content-Type: text/plain",
            "Content-Length: 9000",
        ]
        connection.sendall(("\r\n".join((*lines, "", "")) + "Once upon").encode())
        server.program.until(lambda: folders(server.program))
    server.program.until(lambda: not folders(server.program))
    assert server.get("/v1/jobs").json() == {"object": "list", "data": []}


def test_where_no_folder_is_set_there_are_no_jobs(serve: Serve) -> None:
    server = serve(*sim())
    posted = upload(server, b"Hi.", "text/plain")
    for response in (posted, server.get("/v1/jobs"), server.get("/v1/jobs/any")):
        assert response.status_code == 404
        assert "server.jobs_dir" in error(response)["message"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [(f"{'A Long Name ' * 9}.html", "application/octet-stream"), ("page", "text/html")],
    ids=["a long name", "no suffix"],
)
def test_a_format_is_known_by_the_suffix_or_the_media_type(serve: Serve, name: str, kind: str) -> None:
    server = serve(*sim(rtf=0.001), *FOLDER)
    job = upload(server, b"<p>One.</p><script>two()</script>", kind, filename=name).json()
    server.program.until(lambda: server.get(f"/v1/jobs/{job['id']}").json()["status"] == "done")
    assert server.get(f"/v1/jobs/{job['id']}").json()["audio_s"] < 2.0


def test_marks_that_ask_for_hours_of_silence(serve: Serve) -> None:
    server = serve(*sim(), *FOLDER)
    text = "Wait. [[pause: 600]] " * 100
    for refused, field in (
        (upload(server, text.encode(), "text/plain"), None),
        (httpx.post(f"{server.url}/v1/jobs", json={"input": text}), "input"),
    ):
        assert (error(refused)["code"], error(refused)["param"]) == ("too_much_silence", field)


def test_each_client_has_its_own_jobs(serve: Serve, program: Program) -> None:
    keys = program.write("keys.txt", "sk-first\nsk-second\n")
    guarded = (*SLOW, *FOLDER, "--set", f"server.api_keys_file={keys}")
    server = serve(*guarded)
    id = post(server, key="sk-first")["id"]

    def seen(server: Server, key: str) -> list[str]:
        return [job["id"] for job in server.get("/v1/jobs", headers=bearer(key)).json()["data"]]

    assert (seen(server, "sk-first"), seen(server, "sk-second")) == ([id], [])
    for path in (f"/v1/jobs/{id}", f"/v1/jobs/{id}/events", f"/v1/jobs/{id}/audio"):
        assert server.get(path, headers=bearer("sk-second")).status_code == 404
        assert server.get(path).status_code == 401
    gone = httpx.delete(f"{server.url}/v1/jobs/{id}", headers=bearer("sk-second"))
    assert (gone.status_code, error(gone)["code"]) == (404, "job_not_found")
    server.end()
    program.write("keys.txt", "sk-other\nsk-second\nsk-first\n")
    server = serve(*guarded)
    assert (seen(server, "sk-first"), seen(server, "sk-second")) == ([id], [])
    kept = [path.read_bytes() for path in (program.folder / "jobs").rglob("*") if path.is_file()]
    assert not any(b"sk-first" in content for content in kept)


def test_audio_is_not_given_before_it_is_there(serve: Serve) -> None:
    server = serve(*SLOW, *FOLDER)
    id = post(server)["id"]
    server.program.until(lambda: status(server, id) == "speaking")
    response = audio(server, id)
    assert response.status_code == 409
    assert "the job is speaking" in error(response)["message"]


def test_a_job_is_cancelled_and_the_next_one_begins(serve: Serve) -> None:
    server = serve(*SLOW, *FOLDER, "--set", "server.jobs_at_a_time=1")
    first, second = post(server)["id"], post(server)["id"]
    server.program.until(lambda: status(server, first) == "speaking")
    assert status(server, second) == "queued"
    with httpx.stream("GET", f"{server.url}/v1/jobs/{first}/events", timeout=None) as response:
        lines = response.iter_lines()
        assert '"speaking"' in next(lines)
        gone = httpx.delete(f"{server.url}/v1/jobs/{first}")
        assert gone.json() == {"id": first, "object": "job", "status": "cancelled", "deleted": True}
        assert '"cancelled"' in list(lines)[-2]
    assert server.get(f"/v1/jobs/{first}").status_code == 404
    server.program.until(lambda: status(server, second) == "speaking")
    server.program.until(lambda: folders(server.program) == [second])


def test_a_job_that_is_done_is_removed(server: Server) -> None:
    id = ended(server, post(server)["id"])["id"]
    assert httpx.delete(f"{server.url}/v1/jobs/{id}").json()["status"] == "done"
    assert audio(server, id).status_code == 404
    assert id not in folders(server.program)


def test_so_many_wait_and_no_more(serve: Serve) -> None:
    limits = ("max_jobs_waiting_per_client=2", "jobs_at_a_time=1")
    server = serve(*SLOW, *FOLDER, *(part for limit in limits for part in ("--set", f"server.{limit}")))
    first = post(server)["id"]
    server.program.until(lambda: status(server, first) == "speaking")
    post(server)
    waiting = post(server)["id"]
    response = upload(server, b"Hello.", "text/plain")
    assert response.status_code == 429
    assert "as may wait, 2 (server.max_jobs_waiting_per_client)" in error(response)["message"]
    assert int(response.headers["retry-after"]) >= 1
    httpx.delete(f"{server.url}/v1/jobs/{waiting}")
    post(server)


def test_no_client_waits_for_all_jobs_of_another(serve: Serve, program: Program) -> None:
    keys = program.write("keys.txt", "sk-first\nsk-second\n")
    settings = ("--set", f"server.api_keys_file={keys}", "--set", "server.jobs_at_a_time=1")
    server = serve(*noted(program, 0), *FOLDER, *settings)
    first = [post(server, key="sk-first")["id"] for _ in range(3)]
    second = post(server, key="sk-second")["id"]
    program.write("gate", ".")
    program.until(lambda: len(begun(program)) == 4)
    assert begun(program) == [f"job {id}" for id in (first[0], second, *first[1:])]


def test_a_client_that_comes_later_takes_turns_with_those_that_are_there(
    serve: Serve, program: Program
) -> None:
    keys = program.write("keys.txt", "sk-first\nsk-second\n")
    settings = ("--set", f"server.api_keys_file={keys}", "--set", "server.jobs_at_a_time=1")
    server = serve(*noted(program, 1), *FOLDER, *settings)
    for _ in range(3):
        program.write("gate", ".")
        id = post(server, key="sk-first")["id"]
        program.until(
            lambda id=id: server.get(f"/v1/jobs/{id}", headers=bearer("sk-first")).json()["status"] == "done"
        )
    program.write("gate", "")
    first = [post(server, key="sk-first")["id"] for _ in range(3)]
    second = [post(server, key="sk-second")["id"] for _ in range(3)]
    program.write("gate", ".")
    program.until(lambda: len(begun(program)) == 9)
    assert begun(program)[3:6] == [f"job {id}" for id in (first[0], second[0], first[1])]


def test_what_a_person_should_know_of_a_text_is_told(server: Server) -> None:
    job = post(server, "Добрый вечер, дорогие друзья. Сегодня хорошая погода.")
    assert any("Cyrillic" in notice for notice in job["notices"])
    assert ended(server, job["id"])["notices"] == job["notices"]


def test_what_fails_is_named_and_the_rest_is_there(serve: Serve) -> None:
    faults = "[{text: broken, kind: refuse}]"
    server = serve(*sim(rtf=0.001, faults=faults), *FOLDER)
    text = "All is well.\n\nThis is broken.\n\nAll is well again."
    job = ended(server, post(server, text, response_format="wav")["id"])
    assert (job["status"], job["chunks"]) == ("failed", {"done": 2, "of": 3})
    assert [(found["chunk"], found["text"]) for found in job["failures"]] == [(1, "This is broken.")]
    assert job["failures"][0]["why"]
    assert job["error"] == "1 chunk could not be spoken; the audio lacks it"
    assert length_s(audio(server, job["id"]).content, "wav") == pytest.approx(job["audio_s"], abs=0.01)


def test_a_job_of_which_nothing_can_be_spoken_says_so_and_so_does_the_next_server(serve: Serve) -> None:
    guilty = (*sim(rtf=0.001, faults="[{text: broken, kind: refuse}]"), *FOLDER)
    server = serve(*guilty)
    job = ended(server, post(server, "This is broken.")["id"])
    assert (job["status"], job["error"]) == ("failed", "no chunk could be spoken; there is no audio")
    assert audio(server, job["id"]).status_code == 409
    server.end()
    assert serve(*guilty).get(f"/v1/jobs/{job['id']}").json() == job


def test_jobs_survive_a_kill(serve: Serve, program: Program) -> None:
    """Two are in work and one waits; all go on, and what is kept is not spoken again."""
    engine = noted(program, 4)
    server = serve(*engine, *FOLDER)
    texts = [f"{paragraphs(CHUNKS)}\n\nThis is text {number}." for number in range(3)]
    ids = [post(server, text, response_format="wav")["id"] for text in texts]
    program.until(lambda: sum(kept(server, id) for id in ids) >= 4)
    server.process.kill()
    program.finish(server.process)
    program.await_end()
    before = {id: kept(server, id) for id in ids}
    assert sum(count > 0 for count in before.values()) >= 1
    (program.folder / "spoken.txt").unlink()
    program.write("gate", "." * (CHUNKS + 1))
    server = serve(*engine, *FOLDER)
    for id in ids:
        job = ended(server, id)
        assert (job["status"], job["chunks"]) == ("done", {"done": CHUNKS + 1, "of": CHUNKS + 1})
        assert length_s(audio(server, id).content, "wav") == pytest.approx(job["audio_s"], abs=0.01)
    spoken = Counter(begun(program))
    assert spoken == {f"job {id}": CHUNKS + 1 - before[id] for id in ids}
    again = [job["id"] for job in server.get("/v1/jobs").json()["data"]]
    assert again == ids


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_ends_leaves_the_rest_to_the_next(serve: Serve, program: Program, number: int) -> None:
    engine = noted(program, CHUNKS, chunk_s=0.2)
    server = serve(*engine, *FOLDER)
    text = paragraphs(CHUNKS)
    id = post(server, text, response_format="wav")["id"]
    program.until(lambda: kept(server, id) >= 2)
    with httpx.stream("GET", f"{server.url}/v1/jobs/{id}/events", timeout=None) as response:
        lines = response.iter_lines()
        next(lines)
        os.kill(server.process.pid, number)
        last = json.loads([line for line in lines if line][-1].removeprefix("data: "))
        assert last["error"]["code"] == "not_ready"
        assert last["error"]["message"].startswith("the server is shutting down")
    server.end(number=0)
    before = kept(server, id)
    (program.folder / "spoken.txt").unlink()
    server = serve(*engine, *FOLDER)
    assert ended(server, id)["status"] == "done"
    assert len(begun(program)) == CHUNKS - before


def test_what_was_done_is_there_after_a_restart(serve: Serve) -> None:
    server = serve(*sim(), *FOLDER)
    job = ended(server, post(server, name="Kept")["id"])
    before = audio(server, job["id"]).content
    server.end()
    server = serve(*SLOW, *FOLDER)
    assert server.get(f"/v1/jobs/{job['id']}").json() == job
    assert audio(server, job["id"]).content == before


def test_a_job_that_has_lost_its_text_stays_as_it_is(serve: Serve) -> None:
    server = serve(*SLOW, *FOLDER)
    id = post(server)["id"]
    server.end()
    (server.program.folder / "jobs" / id / "text").unlink()
    server = serve(*SLOW, *FOLDER)
    assert server.get("/v1/jobs").json()["data"] == []
    assert "cannot be read, and stays as it is" in server.said
    assert folders(server.program) == [id]


@pytest.mark.parametrize(
    ("file", "was", "put", "says"),
    [
        ("order.json", "}", "", "order.json is not JSON, it was cut or changed: "),
        ("order.json", '"wav"', '"wave"', "order.json was changed: format is 'wave', but must be "),
        ("order.json", '"owner"', '"own"', "order.json was changed: owner is missing"),
        ("order.json", '"id": "', '"id": "x', "order.json is that of another job: its id is 'x"),
        ("ending.json", '"done"', '"gone"', "ending.json was changed: status is 'gone', but must be "),
        ("ending.json", "{", "[" * 100_000, "ending.json is not JSON, it was cut or changed: "),
    ],
)  # fmt: skip
def test_a_job_whose_files_were_damaged_is_told_in_plain_words(
    serve: Serve, program: Program, file: str, was: str, put: str, says: str
) -> None:
    server = serve(*sim(), *FOLDER)
    lost, whole = (ended(server, post(server, response_format="wav")["id"])["id"] for _ in range(2))
    server.end()
    path = program.folder / "jobs" / lost / file
    path.write_text(path.read_text().replace(was, put))
    server = serve(*sim(), *FOLDER)
    assert [job["id"] for job in server.get("/v1/jobs").json()["data"]] == [whole]
    line = server.said.splitlines()[0]
    assert f"the job in jobs/{lost} cannot be read, and stays as it is: {says}" in line
    assert "pydantic" not in server.said
    assert lost in folders(program)


def test_jobs_are_kept_in_the_order_in_which_they_came_whatever_the_clock_says(
    serve: Serve, program: Program
) -> None:
    server = serve(*sim(), *FOLDER)
    ids = [ended(server, post(server)["id"])["id"] for _ in range(3)]
    server.end()
    for number, id in enumerate(ids):  # the clock went backwards
        path = program.folder / "jobs" / id / "order.json"
        order = json.loads(path.read_bytes())
        path.write_text(json.dumps(order | {"created_at": 1000.0 - number}))
    server = serve(*sim(), *FOLDER)
    ids.append(post(server)["id"])
    assert [job["id"] for job in server.get("/v1/jobs").json()["data"]] == ids


def test_so_many_jobs_are_kept_and_those_go_first_of_whoever_has_most(serve: Serve, program: Program) -> None:
    keys = program.write("keys.txt", "sk-first\nsk-second\n")
    settings = ("--set", f"server.api_keys_file={keys}", "--set", "server.max_jobs_kept=3")
    server = serve(*sim(), *FOLDER, *settings)

    def done(key: str) -> str:
        id = str(post(server, key=key)["id"])
        job = f"/v1/jobs/{id}"
        program.until(lambda: server.get(job, headers=bearer(key)).json()["status"] == "done")
        return id

    second = done("sk-second")
    first = [done("sk-first") for _ in range(4)]
    program.until(lambda: folders(program) == sorted([second, *first[2:]]))
    listed = server.get("/v1/jobs", headers=bearer("sk-first")).json()["data"]
    assert [job["id"] for job in listed] == first[2:]


def test_a_download_is_finished_when_the_server_ends(serve: Serve, program: Program) -> None:
    server = serve(*sim(rtf=0.0001, chars_per_s=1.0), *FOLDER)
    job = ended(server, post(server, paragraphs(40), response_format="wav")["id"])
    with server.connect() as connection:
        connection.sendall(f"GET /v1/jobs/{job['id']}/audio HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        came = connection.recv(1000)
        length = int(re.search(rb"content-length: (\d+)", came)[1])  # type: ignore[index]  # it is there
        os.kill(server.process.pid, signal.SIGTERM)
        program.until(lambda: "finishing what is sent (1)" in server.said)
        while len(came.partition(b"\r\n\r\n")[2]) < length:
            came += connection.recv(2**20)
    assert length_s(came.partition(b"\r\n\r\n")[2], "wav") == pytest.approx(job["audio_s"], abs=0.01)
    server.end(number=0)


def test_a_folder_has_one_server(serve: Serve, program: Program) -> None:
    server = serve(*sim(), *FOLDER)
    second = program("serve", "--port", "0", *sim(), *FOLDER, code=2)
    assert second.err == "ttsflow: error: server.jobs_dir jobs is used by another server; give each its own\n"
    assert ended(server, post(server)["id"])["status"] == "done"


def test_a_folder_that_cannot_be(program: Program) -> None:
    program.write("jobs", "")
    ended = program("serve", "--port", "0", *sim(), *FOLDER, code=2)
    assert ended.err.startswith("ttsflow: error: server.jobs_dir jobs cannot be used: ")
    assert ended.err.count("\n") == 1


def test_who_listens_comes_before_who_does_not(serve: Serve, program: Program) -> None:
    server = serve(*noted(program, 1000, chunk_s=0.05), *FOLDER)
    id = post(server, paragraphs(500), response_format="wav")["id"]
    program.until(lambda: kept(server, id) >= 1)
    assert server.speak(paragraphs(30), response_format="pcm").status_code == 200
    streams = begun(program)
    heard = [number for number, stream in enumerate(streams) if stream.startswith("request")]
    assert len(heard) == 30
    between = streams[heard[0] : heard[-1]]
    assert sum(stream.startswith("job") for stream in between) <= 10


def test_a_disk_that_is_full(serve: Serve, program: Program) -> None:
    """What has no room is not taken on; what was taken on goes on when there is room again."""
    folder = program.folder / "jobs"
    folder.mkdir()
    server = serve(*sim(rtf=0.001), *FOLDER, before=on_a_small_disk("size=300k", folder))
    response = upload(server, b"word " * 100_000, "text/plain")
    assert response.status_code == 507
    assert "No space left on device; nothing was taken on" in error(response)["message"]
    job = ended(server, post(server, paragraphs(100), response_format="wav")["id"])
    assert job["status"] == "failed"
    assert "goes on with it when it is started again" in job["error"]
    assert server.figure("ttsflow_jobs failed") == 1
    assert httpx.delete(f"{server.url}/v1/jobs/{job['id']}").status_code == 200
    assert ended(server, post(server)["id"])["status"] == "done"


def test_what_is_kept_counts_before_its_turn(serve: Serve, program: Program) -> None:
    """The first chunk is held back, and those behind it are done all the same."""
    program.write("plugins/held.py", HELD)
    server = serve("--plugins-dir", "plugins", *sim("held", rtf=0.001), *TWO_WORKERS, *NEVER_LATE, *FOLDER)
    id = post(server, "This is held.\n\nAll is well.\n\nAll is well.\n\nAll is well again.")["id"]

    def job() -> Any:
        return server.get(f"/v1/jobs/{id}").json()

    program.until(lambda: job()["chunks"] == {"done": 2, "of": 3})
    assert job()["status"] == "speaking"
    assert job()["audio_s"] > 0.0
    program.write("open", "")
    assert ended(server, id)["chunks"] == {"done": 3, "of": 3}
