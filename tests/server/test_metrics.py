"""The figures, and that the documents name them all."""

from __future__ import annotations

import re

import pytest

from tests.cli.program import Program, paragraphs, sim
from tests.docs.conftest import ROOT
from tests.server.conftest import Serve
from tests.server.world import Server, request


def test_what_is_counted(serve: Serve) -> None:
    server = serve(*sim(rtf=0.01, faults="[{text: broken, kind: refuse}]"))
    for text in ("Hello there.", "Hello again.", "This is broken."):
        server.speak(text)
    server.speak("Hi.", voice="nobody")
    figures = server.figures()
    results = {
        name.split()[1]: value for name, value in figures.items() if name.startswith("ttsflow_requests_total")
    }
    assert results == {"spoken": 2, "failed": 1, "refused": 1}
    assert figures["ttsflow_first_audio_seconds_count"] == 2
    assert figures["ttsflow_real_time_factor_count"] == 2
    assert figures["ttsflow_audio_seconds_total"] == pytest.approx(24 / 15, abs=0.01)
    assert figures["ttsflow_failed_chunks_total"] == 1
    assert figures["ttsflow_open_requests"] == figures["ttsflow_slots used"] == 0
    assert figures["ttsflow_workers ready"] == figures["ttsflow_slots free"] >= 1


def test_what_is_so_meanwhile(serve: Serve) -> None:
    server = serve(*sim(chunk_s=3600, slots=2), "--policy", "sequential")
    with server.connect() as connection:
        connection.sendall(request('{"input": "Hi."}'))
        server.program.until(lambda: server.figure("ttsflow_slots used") == 1)
        figures = server.figures()
    assert figures["ttsflow_open_requests"] == figures["ttsflow_waiting_requests"] == 1


def test_a_listener_who_would_have_waited(serve: Serve) -> None:
    server = serve(
        *sim(rtf=2.0, chars_per_s=60), "--policy", "sequential", "--set", "text.pauses.paragraph_s=0"
    )
    server.speak(paragraphs(3))
    assert server.figure("ttsflow_stalls_total") >= 1
    assert server.figure("ttsflow_stall_seconds_total") > 0.3


def test_the_memory_of_gpus(serve: Serve, program: Program) -> None:
    program.gpus(2)
    figures = serve(*sim(device="cuda")).figures()
    assert figures["ttsflow_gpu_memory_bytes 0 used"] + figures["ttsflow_gpu_memory_bytes 0 free"] > 0
    assert "ttsflow_gpu_memory_bytes 1 free" in figures


def test_the_documents_name_all_figures(serve: Serve, program: Program) -> None:
    program.gpus(1)
    server: Server = serve(*sim(device="cuda"), "--set", "server.jobs_dir=jobs")
    server.speak("Hi.")
    shown = {
        name
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", server.get("/metrics").text, re.M)
        if not name.endswith("_created")
    }
    row = r"^\| (`ttsflow_.*?) \|"
    cells = " ".join(re.findall(row, (ROOT / "docs" / "server.md").read_text(), re.M))
    assert shown == set(re.findall(r"`(ttsflow_\w+)", cells))
