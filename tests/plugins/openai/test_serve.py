"""Through `ttsflow serve` a book is what it is on the spot, sample by sample."""

from __future__ import annotations

import signal

import pytest

from tests.cli.program import Program
from tests.docs.conftest import ROOT
from tests.plugins.openai.conftest import through

pytest.importorskip("ttsflow.server")

NO_PAUSES = [
    part
    for name in ("sentence_s", "line_s", "paragraph_s", "section_s", "heading_s", "chapter_s")
    for part in ("--set", f"text.pauses.{name}=0")
]
"""of the server: those of the book are made here"""


@pytest.mark.parametrize(
    ("backend", "form"), [("espeak", {"format": "wav", "rate": 22_050}), ("hibari", {"format": "pcm"})]
)
def test_a_book_through_a_server_of_our_own(program: Program, backend: str, form: dict[str, object]) -> None:
    text = (ROOT / "docs" / "sample.md").read_text().split("\n\n")
    program.write("story.md", "\n\n".join(text[:6]))
    program("run", "story.md", "-o", "here.wav", "--backend", backend)
    server = program.start("serve", "--port", "0", "--backend", backend, *NO_PAUSES)
    program.await_message(server, "serving at ")
    assert server.stderr is not None
    url = server.stderr.readline().decode().partition(",")[0] + "/v1"
    chunks = {"max_chars": 400 if backend == "espeak" else 300, "min_chars": 0}
    program("run", "story.md", "-o", "there.wav", *through(url, **form, **chunks, language_field="language"))
    server.send_signal(signal.SIGTERM)
    assert program.finish(server).code == 0
    here, there = ((program.folder / name).read_bytes() for name in ("here.wav", "there.wav"))
    assert here == there
    assert len(here) > 1_000_000
