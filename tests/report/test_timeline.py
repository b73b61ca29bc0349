"""The page and the trace: of any report, complete, and safe whatever its texts are."""

from __future__ import annotations

import json
import tracemalloc
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ttsflow.errors import OutputError
from ttsflow.interface.jobs import Account, ChunkJob, Outcome
from ttsflow.report import Attempt, Loss, RunInfo, RunReport, WorkerInfo
from ttsflow.report.decisions import Chosen, Decision
from ttsflow.report.timeline import StoredReport, write_timeline

INFO = RunInfo("adaptive", "sim", "a flag", {"goal": "auto"})
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!-- <script> ]]> \"quoted\" & 'single'",
    "\N{GRINNING FACE} \N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED} \u202e \u2028",
    "lone \ud800",
]


class Page(HTMLParser):
    """What a browser finds in a page: its elements, the text of each, and the data of its script."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._scripts: list[str] = []
        self._open: str | None = None
        self.feed(path.read_text("utf-8"))
        self.close()
        self.data: dict[str, Any] = json.loads(self._scripts[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self._scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self._scripts[-1] += data
        elif self._open != "style":
            self.texts.append(data)

    @property
    def said(self) -> str:
        return " ".join("".join(self.texts).split())


def attempt(index: int, start: float, end: float | None, how: Any = "finished", **more: Any) -> Attempt:
    values = {
        "part": None,
        "take": 0,
        "text": "a text",
        "chars": 6,
        "worker": "w0",
        "generation": 1,
        "slot": 0,
    } | more
    first = None if end is None else (start + end) / 2
    ended = None if end is None else how
    return Attempt("book", index, started_s=start, first_audio_s=first, ended_s=end, end=ended, **values)


def write_a_run(path: Path, texts: list[str], error: BaseException | None = None) -> None:
    """Two workers; chunk 0 fails once; a worker dies; chunk 1 is late; one attempt runs on."""
    report = RunReport(INFO, 0.0, path)
    report.open()
    for name in ("w0", "w1"):
        report.worker_started(name, 1, 0.1)
        report.worker_ready(WorkerInfo(name, 1, "cpu", 2, "", 0.5, 1), 0.9)
    report.attempt(1, attempt(0, 1.0, None))
    report.attempt(1, attempt(0, 1.0, 1.5, "failed", why=texts[0]))
    report.attempt(2, attempt(0, 1.5, 2.0))
    report.attempt(3, attempt(1, 1.2, 1.8, "died", worker="w1", slot=1))
    report.worker_lost(Loss("w1", 1, "cpu", 1.8, "killed by signal 9"))
    report.delivered("book", 0, 1.0, 2.0)
    report.ended(outcome(0, texts[0], 2.0), 2.0)
    report.attempt(4, attempt(1, 2.0, 4.0))
    for index, text in enumerate(texts[1:], 1):
        report.delivered("book", index, 1.0, 4.0)
        report.ended(outcome(index, text, 4.0), 4.0)
    report.attempt(5, attempt(99, 3.0, None, slot=1))
    report.notice(f"it was {texts[0]}")
    report.close(Account(len(texts), len(texts), 0, 0), error)


def outcome(index: int, text: str, now: float) -> Outcome:
    job = ChunkJob("book", index, text, pause_s=0.5)
    return Outcome(job, "ok", "w0", "cpu", 1, 0.0, 1.0, 1.5, now, audio_s=1.0)


def test_a_page_has_the_whole_run_and_loads_nothing(tmp_path: Path) -> None:
    write_a_run(tmp_path / "run.html", ["One.", "Two.", "Three."])
    page = Page(tmp_path / "run.html")
    data = page.data
    assert [worker["name"] for worker in data["workers"]] == ["w0", "w1"]
    assert data["workers"][0]["loads"] == [[0.1, 0.9]]
    assert data["workers"][1]["losses"] == [[1.8, "killed by signal 9"]]
    assert [chunk[:2] for chunk in data["chunks"]] == [[0, "One."], [1, "Two."], [2, "Three."]]
    assert [row[:4] for row in data["attempts"]] == [
        [0, 0, 0, 1_000_000], [0, 0, 0, 1_500_000], [1, 1, 1, 1_200_000], [1, 0, 0, 2_000_000],
        [99, 0, 1, 3_000_000],
    ]  # fmt: skip
    [listener] = data["listeners"]
    assert listener["first"] == 2.0
    assert listener["stalls"] == [[3.5, 4.0]]
    assert listener["points"] == [[2.0, 0.0, 1.5], [4.0, 0.0, 3.0]]
    for said in ("First audio", "adaptive, chosen by a flag", "killed by signal 9"):
        assert said in page.said
    for name, attributes in page.elements:
        assert name not in ("link", "img", "iframe")
        assert not {"src", "href", "style", "onclick"} & set(attributes)


def test_texts_stay_texts(tmp_path: Path) -> None:
    write_a_run(tmp_path / "run.html", HOSTILE, RuntimeError(HOSTILE[0]))
    write_a_run(tmp_path / "tame.html", ["a"] * len(HOSTILE), RuntimeError("a"))
    page, tame = Page(tmp_path / "run.html"), Page(tmp_path / "tame.html")
    assert page.elements == tame.elements
    assert [chunk[1] for chunk in page.data["chunks"]] == HOSTILE
    assert f"it was {HOSTILE[0]}" in page.said
    assert f"The run failed. {HOSTILE[0]}" in page.said


def test_a_trace_is_one(tmp_path: Path) -> None:
    write_a_run(tmp_path / "run.trace.json", HOSTILE)
    trace = json.loads((tmp_path / "run.trace.json").read_text("utf-8"))
    events = trace["traceEvents"]
    names: dict[tuple[str, int], str] = {}
    for event in events:
        assert {"ph", "name", "pid", "tid"} <= set(event)
        assert event["ph"] in "XMiC"
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        if event["ph"] == "M":
            names[event["name"], event["tid"]] = event["args"].get("name")
        else:
            assert isinstance(event["ts"], int)
            assert event["ts"] >= 0
        if event["ph"] == "X":
            assert isinstance(event["dur"], int)
            assert event["dur"] >= 0
        if event["ph"] == "C":
            assert event["args"]["seconds"] >= 0
    assert all(("thread_name", event["tid"]) in names for event in events)
    threads: dict[int, list[Any]] = {}
    for event in events:
        if event["ph"] == "X":
            threads.setdefault(event["tid"], []).append(event)
    for spans in threads.values():  # one thread does one thing at a time
        spans.sort(key=lambda span: span["ts"])
        assert all(a["ts"] + a["dur"] <= b["ts"] for a, b in pairwise(spans))
    stalls = [(event["ts"], event["dur"]) for event in events if event["name"] == "stall"]
    assert stalls == [(3_500_000, 500_000)]
    ends = [event["args"]["end"] for event in events if event.get("cat", "").startswith("attempt")]
    assert ends == ["failed", "finished", "died", "finished", "cut off"]


@pytest.mark.parametrize("form", ["html", "trace.json"])
def test_decisions_that_were_traced_are_shown(form: str, tmp_path: Path) -> None:
    report = RunReport(INFO, 1.0, tmp_path / f"run.{form}")
    report.open()
    report.worker_started("w0", 1, 1.1)
    report.worker_ready(WorkerInfo("w0", 1, "cpu", 2, "", 0.5, 1), 1.9)
    chosen = (Chosen("book", 0, None, "w0"),)
    report.decided(Decision("place", workers=(("cpu", 2),)))
    report.decided(Decision("dispatch", 2.0, 7, free={"w0": 2}, chosen=chosen, note="</script> first"))
    report.attempt(1, attempt(0, 2.0, 2.5))
    report.ended(outcome(0, "One.", 2.5), 2.5)
    report.close(Account(1, 1, 0, 0))
    if form == "html":
        page = Page(tmp_path / "run.html")
        assert page.data["attempts"][0][-1] == "7 ready, 2 free slots; </script> first"
        return
    events = json.loads((tmp_path / "run.trace.json").read_text("utf-8"))["traceEvents"]
    marks = [event for event in events if event["name"] in ("place", "dispatch")]
    assert [(event["ts"], event["args"]) for event in marks] == [
        (0, {"workers": [["cpu", 2]]}),
        (1_000_000, {
            "ready": 7, "free": {"w0": 2}, "note": "</script> first",
            "chosen": [{"stream": "book", "index": 0, "worker": "w0"}],
        }),
    ]  # fmt: skip
    assert {event["args"]["name"] for event in events if event["name"] == "process_name"} >= {"policy"}


def test_pages_of_runs_without_anything(tmp_path: Path) -> None:
    for report in ({}, {"ttsflow": "0.1.0", "chunks": [], "ended": None}):
        write_timeline(report, tmp_path / "bare.html")
        page = Page(tmp_path / "bare.html")
        assert (page.data["chunks"], page.data["attempts"], page.data["workers"]) == ([], [], [])
        assert "The run goes on, or was cut off." in page.said
        write_timeline(report, tmp_path / "bare.trace.json")
        assert json.loads((tmp_path / "bare.trace.json").read_text())["traceEvents"] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.html", "bare.trace.json"]


def test_a_report_from_before_attempts_were_told(tmp_path: Path) -> None:
    """Two chunks at a time in one worker: each gets a slot."""
    times = [(0, 1.0, 3.0), (1, 1.5, 2.0), (2, 2.0, 4.0)]
    chunks = [
        {
            "stream": "s", "index": index, "text": "x", "status": "ok", "worker": "w0", "audio_s": 1.0,
            "started_s": start, "first_audio_s": None, "finished_s": end,
        }
        for index, start, end in times
    ]  # fmt: skip
    chunks.append({"stream": "s", "index": 3, "text": "kept", "status": "ok", "worker": None, "kept": True})
    write_timeline({"chunks": chunks, "workers": [{"worker": "w0", "ready_s": 1.0}]}, tmp_path / "old.html")
    data = Page(tmp_path / "old.html").data
    assert [(row[0], row[2]) for row in data["attempts"]] == [(0, 0), (1, 1), (2, 1)]
    assert data["workers"][0]["slots"] == 2
    assert data["workers"][0]["used"] == 1.0
    assert data["listeners"] == []


def test_from_the_disk_and_from_memory_it_is_the_same(tmp_path: Path) -> None:
    write_a_run(tmp_path / "run.json", HOSTILE)
    write_timeline(json.loads((tmp_path / "run.json").read_text("utf-8")), tmp_path / "memory.html")
    with (tmp_path / "run.json").open("rb") as file:
        stored = StoredReport(file)
        assert set(stored) == set(json.loads((tmp_path / "run.json").read_text("utf-8")))
        assert len(stored) == len(set(stored))
        write_timeline(stored, tmp_path / "disk.html")
    write_a_run(tmp_path / "run.html", HOSTILE)
    assert (
        (tmp_path / "memory.html").read_bytes()
        == (tmp_path / "disk.html").read_bytes()
        == (tmp_path / "run.html").read_bytes()
    )


def test_what_may_be_written_where(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.pdf; .*\.trace\.json, \.json, \.html"):
        write_timeline({}, tmp_path / "run.pdf")
    with pytest.raises(OutputError, match="a report's data"):
        write_timeline({}, tmp_path / "run.json")
    (tmp_path / "mine.html").write_text("<p>Mine.</p>")
    for name, refused in [("mine.html", True), ("again.HTML", False), ("again.HTML", False)]:
        report = RunReport(INFO, 0.0, tmp_path / name)
        if refused:
            with pytest.raises(OutputError, match="exists and is not a report"):
                report.open()
        else:
            report.open()
            report.close()
    assert (tmp_path / "mine.html").read_text() == "<p>Mine.</p>"
    assert Page(tmp_path / "again.HTML").data["end"] == 0
    no_suffix = RunReport(INFO, 0.0, tmp_path / "report")
    no_suffix.open()
    no_suffix.close()
    assert json.loads((tmp_path / "report").read_text())["ended"] == "finished"


def write_book(path: Path, chunks: int) -> None:
    text = "A sentence of its own, as long as those of books are, with words for all " + "and more " * 8
    report = RunReport(INFO, 0.0, path)
    report.open()
    report.worker_ready(WorkerInfo("w0", 1, "cpu", 1, "", 0.5, 1), 0.5)
    for index in range(chunks):
        report.attempt(index, attempt(index, float(index), None))
        report.attempt(index, attempt(index, float(index), index + 0.9))
        report.delivered("book", index, 1.5, index + 1.0)
        report.ended(outcome(index, f"{index} {text}", index + 0.9), index + 1.0)
    report.close()


def test_a_long_book_stays_on_the_disk_and_its_page_small(tmp_path: Path) -> None:
    chunks = 20_000
    write_book(tmp_path / "short.html", 10)  # loads what it needs
    tracemalloc.start()
    try:
        write_book(tmp_path / "book.html", chunks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 11_500_000  # its texts take 4 MB more
    assert (tmp_path / "book.html").stat().st_size < 6_000_000
    data = Page(tmp_path / "book.html").data
    assert len(data["chunks"]) == len(data["attempts"]) == chunks
    assert data["chunks"][7][1].startswith("7 A sentence")
