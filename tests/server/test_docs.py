"""The examples of docs/server.md and docs/websocket.md, with a server at another port."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.cli.program import Program
from tests.docs.conftest import ROOT
from tests.server.conftest import Serve
from tests.server.test_jobs import book
from tests.server.world import length_s

BLOCK = re.compile(r"^<!-- speak: (\w+) -->\n```\w+\n(.*?)^```$", re.M | re.S)


def blocks_of(document: str) -> dict[str, str]:
    return dict(BLOCK.findall((ROOT / "docs" / document).read_text()))


def test_the_examples_speak(serve: Serve, program: Program) -> None:
    blocks = blocks_of("server.md")
    program.write("server.yaml", blocks["yaml"])
    server = serve("--config", "server.yaml")
    for command, kind in ((["bash", "-c"], "sh"), ([sys.executable, "-c"], "py")):
        example = blocks[kind].replace("http://127.0.0.1:8880", server.url)
        subprocess.run([*command, example], cwd=program.folder, check=True, capture_output=True)
    for name in ("tea.mp3", "tea.wav"):
        assert 0.5 < length_s((program.folder / name).read_bytes(), name[-3:]) < 3.0


def test_the_example_of_a_job_speaks(serve: Serve, program: Program) -> None:
    (program.folder / "book.epub").write_bytes(book())
    server = serve("--backend", "espeak", "--set", "server.jobs_dir=jobs")
    example = blocks_of("server.md")["job"].replace("http://127.0.0.1:8880", server.url)
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=program.folder, check=True, capture_output=True
    )
    assert b'"status": "done"' in done.stdout
    assert length_s((program.folder / "book.m4b").read_bytes(), "m4b") > 1.0


def test_the_example_of_a_websocket_speaks(serve: Serve, program: Program) -> None:
    server = serve("--backend", "espeak")
    example = blocks_of("websocket.md")["py"].replace("ws://127.0.0.1:8880", server.url.replace("http", "ws"))
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=program.folder, check=True, capture_output=True
    )
    assert done.stdout.decode().startswith("0.0 The tea was cold.")
    assert 1.0 < length_s((program.folder / "answer.pcm").read_bytes(), "pcm") < 6.0
