"""The report of a text that is recorded: every place of it, in order, whatever this run had to do with it."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ttsflow.errors import StoreDamaged
from ttsflow.interface.jobs import Account, ChunkJob, Outcome, Status
from ttsflow.report import OutputInfo, RunInfo, RunReport, Text
from ttsflow.report.passage import Passage

T0 = 500.0
INFO = RunInfo("sequential", "sim", "a flag")
TIMES = ["attempts", "device", "finished_s", "first_audio_s", "queued_s", "started_s", "worker"]


def spoken(index: int, status: Status = "ok", why: str | None = None) -> Outcome:
    job, start = ChunkJob("book", index, f"Text {index}.", pause_s=0.5), T0 + index
    heard_s = 1.5 if status in ("ok", "flagged") else 0.0
    return Outcome(
        job, status, "w0", "cpu", 2, T0, start, start + 0.25, start + 0.5, audio_s=heard_s, why=why
    )


def place(
    index: int, status: Status | None, at_s: float, same_as: int | None = None, why: str | None = None
) -> Passage:
    heard_s = 1.5 if status in ("ok", "flagged") else 0.0
    return Passage(index, f"Text {index}.", status, why, at_s, heard_s, 0.5, same_as)


def reported(path: Path, outcomes: list[Outcome], passages: list[Passage]) -> list[dict[str, Any]]:
    report = RunReport(INFO, T0, path)
    report.open(Text("book", lambda: passages))
    for outcome in outcomes:
        report.ended(outcome, T0 + 9.0)
    report.close()
    chunks: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["chunks"]
    assert [chunk["index"] for chunk in chunks] == [passage.index for passage in passages]
    assert {tuple(chunk) for chunk in chunks} in ({tuple(chunks[0])}, set()), (
        "the same keys in the same order"
    )
    return chunks


def test_each_place_says_what_became_of_it(tmp_path: Path) -> None:
    passages = [
        place(0, "ok", 0.0),
        place(1, "flagged", 2.0, why="silent throughout"),
        place(2, "pause", 4.0),
        place(3, "flagged", 4.5, why="reached the cap"),
        place(4, None, 6.5),
        place(5, "flagged", 7.0, same_as=3, why="reached the cap"),
        place(6, "ok", 9.0, same_as=0),
        place(7, None, 11.0, same_as=4),
    ]
    outcomes = [spoken(2, "pause"), spoken(3, "flagged", "reached the cap"), spoken(4, "failed", "it died")]
    chunks = reported(tmp_path / "report.json", outcomes, passages)
    columns = ("status", "kept", "same_as", "at_s", "audio_s", "pause_s", "why", "attempts")
    assert [tuple(chunk[name] for name in columns) for chunk in chunks] == [
        ("ok", True, None, 0.0, 1.5, 0.5, None, None),
        ("flagged", True, None, 2.0, 1.5, 0.5, "silent throughout", None),
        ("pause", False, None, 4.0, 0.0, 0.5, None, 2),
        ("flagged", False, None, 4.5, 1.5, 0.5, "reached the cap", 2),
        ("failed", False, None, 6.5, 0.0, 0.5, "it died", 2),
        ("flagged", False, 3, 7.0, 1.5, 0.5, "reached the cap", None),
        ("ok", True, 0, 9.0, 1.5, 0.5, None, None),
        ("failed", False, 4, 11.0, 0.0, 0.5, "it died", None),
    ]
    for chunk in chunks:
        assert chunk["stream"] == "book"
        assert chunk["text"] == f"Text {chunk['index']}."
        untouched = chunk["index"] not in (2, 3, 4)
        assert untouched == all(chunk[name] is None for name in TIMES)
    assert (chunks[3]["started_s"], chunks[3]["worker"]) == (3.0, "w0")


def test_after_what_was_not_reached_nobody_knows_where_a_place_starts(tmp_path: Path) -> None:
    passages = [place(0, "ok", 0.0), place(1, "ok", 2.0), place(2, None, 4.0), place(3, "ok", 4.5)]
    chunks = reported(tmp_path / "report.json", [spoken(1)], passages)
    assert [(chunk["status"], chunk["at_s"]) for chunk in chunks] == [
        ("ok", 0.0),
        ("ok", 2.0),
        ("not reached", None),
        ("ok", None),
    ]


def test_a_chunk_that_was_spoken_twice_is_told_as_it_was_last(tmp_path: Path) -> None:
    """Its audio was damaged on the disk, and it was spoken once more."""
    outcomes = [spoken(0), spoken(1), spoken(0, "flagged", "clipped")]
    passages = [place(0, "flagged", 0.0, why="clipped"), place(1, "ok", 2.0)]
    chunks = reported(tmp_path / "report.json", outcomes, passages)
    assert [(chunk["status"], chunk["why"]) for chunk in chunks] == [("flagged", "clipped"), ("ok", None)]


def test_text_that_no_file_can_hold_as_it_is(tmp_path: Path) -> None:
    odd = Passage(0, 'a\0"\u2028\n\\', "ok", None, 0.0, float("nan"), 0.0, None)
    failed = Outcome(ChunkJob("book", 1, "b\ud800"), "failed", why="\udc80")
    chunks = reported(tmp_path / "report.json", [failed], [odd, place(1, None, 0.0)])
    assert chunks[0]["text"] == odd.text
    assert chunks[1]["why"] == "\udc80"


def test_a_store_that_cannot_be_read_leaves_what_this_run_has_spoken(tmp_path: Path) -> None:
    def passages() -> Iterator[Passage]:
        yield place(0, "ok", 0.0)
        raise StoreDamaged("book.wav.ttsflow is damaged")

    path = tmp_path / "report.json"
    report = RunReport(INFO, T0, path)
    report.open(Text("book", passages))
    for index in (0, 3, 4):
        report.ended(spoken(index), T0)
    report.close(Account(9, 3, 0, 6), StoreDamaged("the same"))
    found = json.loads(path.read_text("utf-8"))
    assert [(chunk["index"], chunk["at_s"]) for chunk in found["chunks"]] == [(0, 0.0), (3, None), (4, None)]
    assert found["notices"] == [
        "the report lacks chunks that were kept from before: book.wav.ttsflow is damaged"
    ]
    assert found["ended"] == "failed"


def test_what_came_out_is_told(tmp_path: Path) -> None:
    made = OutputInfo("book.wav", 3723.4, 178_640_000)
    assert str(made) == "book.wav: 1:02:03 h, 178.6 MB"
    assert str(OutputInfo("standard output", 4.0)) == "standard output: 4.0 s"
    for output in (made, None):
        report = RunReport(INFO, T0, tmp_path / "report.json")
        report.open()
        report.close(output=output)
        found = json.loads((tmp_path / "report.json").read_text("utf-8"))
        assert found["output"] == (
            {"path": "book.wav", "length_s": 3723.4, "bytes": 178_640_000} if output else None
        )


def test_a_listener_hears_each_chunk_where_the_report_says(tmp_path: Path) -> None:
    report = RunReport(INFO, T0, tmp_path / "report.json")
    report.open()
    cut = Outcome(ChunkJob("a", 1, "x", pause_s=0.25), "failed", sent_s=0.5)
    for outcome in (spoken(0), spoken(1, "pause"), cut, spoken(2)):
        report.ended(outcome, T0)
    report.ended(spoken(3), T0)
    report.close()
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))["chunks"]
    assert [(chunk["stream"], chunk["at_s"]) for chunk in found] == [
        ("book", 0.0),
        ("book", 2.0),
        ("a", 0.0),
        ("book", 2.5),
        ("book", 4.5),
    ]


DISK = """
import resource, sys
from pathlib import Path
from tests.report.test_text import INFO, place, spoken
from ttsflow.errors import SinkError
from ttsflow.report import RunReport, Text
report = RunReport(INFO, 0.0, Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
report.open(Text("book", lambda: (place(index, "ok", 0.0) for index in range(1000))))
for index in range(int(sys.argv[2])): report.ended(spoken(index), 1.0)
try: report.close()
except SinkError as error: print(error)
print(report.summary_text())
"""


@pytest.mark.usefixtures("quickly")  # coverage could not be written either
@pytest.mark.parametrize("chunks", [3, 1000])
def test_a_disk_that_fills_up_spares_the_run(tmp_path: Path, chunks: int) -> None:
    child = subprocess.run(
        [sys.executable, "-c", DISK, str(tmp_path / "report.json"), str(chunks)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert "report.json could not be written: File too large; the audio is not affected" in child.stdout
    assert f"{chunks} delivered, 0 failed" in child.stdout
    assert list(tmp_path.iterdir()) == []


def test_memory_is_a_few_bytes_per_chunk(tmp_path: Path) -> None:
    chunks = 20_000
    report = RunReport(INFO, T0, tmp_path / "report.json")
    report.open(Text("book", lambda: (place(index, "ok", index * 2.0) for index in range(chunks))))
    tracemalloc.start()
    try:
        for index in range(0, chunks, 2):
            report.ended(spoken(index), T0 + index)
        held, _ = tracemalloc.get_traced_memory()
        report.close()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 16 * chunks + 64_000
    assert peak < 20 * chunks + 300_000
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))["chunks"]
    assert [chunk["kept"] for chunk in found] == [False, True] * (chunks // 2)
