"""`ttsflow run --report`: what a stranger can compute from the data, and the forms of the report."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tests.cli.program import NEVER_LOADS, TWO_WORKERS, Program, paragraphs, sim
from tests.report.test_timeline import Page


def heard(report: dict[str, Any]) -> tuple[float | None, float, int, float]:
    """TTFA, W, stalls and makespan."""
    first, wait, stalls, done = None, 0.0, 0, 0.0
    for arrival in report["arrivals"]:
        if arrival["audio_s"] > 0:
            if first is None:
                first = wait = arrival["at_s"]
            stalls += arrival["at_s"] - done > wait + 1e-5
            wait = max(wait, arrival["at_s"] - done)
        if first is not None:
            done += arrival["audio_s"] + arrival["pause_s"]
    arrived = [arrival["at_s"] for arrival in report["arrivals"] if arrival["audio_s"] > 0]
    makespan = max([*arrived, *(chunk["finished_s"] or 0.0 for chunk in report["chunks"])])
    return first, wait, stalls, makespan


def agrees(report: dict[str, Any]) -> None:
    """What is computed from the lists is what the summary says."""
    summary = report["summary"]
    first, wait, stalls, makespan = heard(report)
    assert first == pytest.approx(summary["time_to_first_audio_s"], abs=1e-4)
    assert wait == pytest.approx(summary["wait_s"], abs=1e-4)
    assert stalls == summary["stalls"]
    assert makespan == pytest.approx(summary["makespan_s"], abs=1e-4)
    tried = Counter(attempt["index"] for attempt in report["attempts"])
    assert all(tried[chunk["index"]] == (chunk["attempts"] or 0) for chunk in report["chunks"])


@pytest.mark.parametrize("listening", [True, False])
def test_a_stranger_computes_the_summary(program: Program, listening: bool) -> None:
    faults = {"faults": "[{at: 2, kind: fail, times: 1}]", "state_dir": program.folder / "faults"}
    engine = sim(pieces=3, chunk_s=0.2, audio_s=0.03, slots=2, slowdown="[1, 1.5]", **faults)
    silent = ("--set", "text.pauses.paragraph_s=0")
    where = ["-o", "-", "--format", "pcm"] if listening else []
    report = program.report("--text", paragraphs(8), *where, *silent, *TWO_WORKERS, *engine)
    agrees(report)
    assert report["summary"]["stalls"] > 0 or not listening
    ends = Counter(attempt["end"] for attempt in report["attempts"])
    assert ends == {"finished": 8, "failed": 1}
    [failed] = [attempt for attempt in report["attempts"] if attempt["end"] == "failed"]
    assert failed["index"] == 2
    assert failed["text"] == report["chunks"][2]["text"]
    assert "a fault in its options" in failed["why"]
    for attempt in report["attempts"]:
        assert attempt["started_s"] <= attempt["ended_s"]
    slots: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for attempt in report["attempts"]:
        slots.setdefault((attempt["worker"], attempt["slot"]), []).append(
            (attempt["started_s"], attempt["ended_s"])
        )
    for spans in map(sorted, slots.values()):
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
    for worker in report["workers"]:
        assert 0 < worker["started_s"] < worker["ready_s"]


def test_a_worker_that_dies_is_in_it(program: Program) -> None:
    engine = sim(
        rtf=0, audio_s=0.2, faults="[{at: 1, kind: die, times: 1}]", state_dir=program.folder / "faults"
    )
    report = program.report("--text", paragraphs(4), *TWO_WORKERS, *engine)
    agrees(report)
    [loss] = report["losses"]
    [died] = [attempt for attempt in report["attempts"] if attempt["end"] == "died"]
    assert (died["worker"], died["generation"]) == (loss["worker"], loss["generation"])
    assert died["ended_s"] == loss["at_s"]
    assert loss["loading_since_s"] is None


def test_each_form_of_the_report(program: Program) -> None:
    args = ["run", "-q", "--text", paragraphs(3), "--fresh", *sim(rtf=0, audio_s=0.2)]
    for name in ("run.html", "run.trace.json", "run.json", "run"):
        program(*args, "--report", name)
    page = Page(program.folder / "run.html")
    assert [row[0] for row in page.data["chunks"]] == [0, 1, 2]
    assert len(page.data["attempts"]) == 3
    assert "The run finished." in page.said
    trace = json.loads((program.folder / "run.trace.json").read_text("utf-8"))
    assert {event["ph"] for event in trace["traceEvents"]} == set("XMiC")
    for name in ("run.json", "run"):
        assert len(json.loads((program.folder / name).read_text("utf-8"))["attempts"]) == 3
    assert not [path for path in program.folder.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("name", ["run.pdf", "run.jsn", "run.json.gz"])
def test_another_suffix_is_refused_before_anything_runs(program: Program, name: str) -> None:
    for where in ([], ["-o", "-"]):
        ended = program("run", "--text", "Hello.", *where, "--report", name, *NEVER_LOADS, code=2)
        assert "one of .trace.json, .json, .html" in ended.err
    assert not (program.folder / name).exists()


def test_a_page_of_a_run_in_which_everything_failed(program: Program) -> None:
    engine = sim(rtf=0, audio_s=0.2, faults="[{text: part, kind: fail}]")
    program("run", "-q", "--text", paragraphs(3), "--report", "run.html", *engine, code=1)
    page = Page(program.folder / "run.html")
    assert page.data["listeners"] == []
    assert {row[2] for row in page.data["chunks"]} == {3}
    assert "0 of 3" in page.said
