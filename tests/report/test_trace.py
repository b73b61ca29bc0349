"""The trace of a run, by the rules of those who read it; and whether these rules find what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Program, paragraphs, sim
from tests.report.test_timeline import HOSTILE, write_a_run
from tests.report.trace_rules import check

NAMED: list[dict[str, Any]] = [
    {"ph": "M", "name": "process_name", "pid": 1, "tid": 10, "args": {"name": "p"}},
    {"ph": "M", "name": "thread_name", "pid": 1, "tid": 10, "args": {"name": "t"}},
]
HERE = {"pid": 1, "tid": 10}


def trace(*events: dict[str, Any]) -> bytes:
    return json.dumps({"displayTimeUnit": "ms", "traceEvents": [*NAMED, *events]}).encode()


def span(ts: int, dur: int) -> dict[str, Any]:
    return {"ph": "X", "name": "x", "ts": ts, "dur": dur, **HERE}


def test_a_trace_keeps_the_rules_whatever_its_texts_are(tmp_path: Path) -> None:
    path = tmp_path / "run.trace.json"
    write_a_run(path, [*HOSTILE, "\ud83d", "\x00\x1f", "\\", '\\"'], RuntimeError(HOSTILE[-1]))
    texts = [event["args"].get("text") for event in check(path.read_bytes()) if event["ph"] == "X"]
    assert "a text" in texts
    assert HOSTILE[0] in path.read_text("utf-8"), "what stands in no page needs no escapes"


def test_the_trace_of_a_run_in_which_much_goes_wrong(tmp_path: Path, fake_nvml: Path) -> None:
    program = Program(tmp_path, fake_nvml)
    faults = "[{at: 2, kind: die, takes: 1}, {at: 5, kind: fail}, {text: part 7 of, kind: silent, takes: 1}]"
    program(
        "run", "--text", paragraphs(12), "--policy", "bounded-parallel",
        "--set", "policy.options.max_concurrent=2", *sim(rtf=0.02, slots=2, faults=faults),
        "-o", "-", "--format", "pcm", "--report", "run.trace.json", code=1,
    )  # fmt: skip
    events = check((tmp_path / "run.trace.json").read_bytes())
    ends = {event["args"]["end"] for event in events if event.get("cat", "").startswith("attempt")}
    assert {"finished", "died"} <= ends


@pytest.mark.parametrize(
    "events",
    [
        [span(0, 10), span(5, 10)],
        [span(0, 10), {"ph": "i", "name": "m", "ts": 2, "s": "x", **HERE}],
        [{"ph": "B", "name": "b", "ts": 1, **HERE}],
        [{"ph": "E", "name": "b", "ts": 1, **HERE}],
        [{"ph": "B", "name": "b", "ts": 1, **HERE}, {"ph": "E", "name": "c", "ts": 2, **HERE}],
        [span(-1, 2)],
        [span(0, 2) | {"dur": -1}],
        [span(0, 2) | {"tid": 11}],
        [span(0, 2) | {"pid": 2}],
        [{"ph": "C", "name": "c", "ts": 0, **HERE, "args": {"seconds": "many"}}],
        [{"ph": "s", "name": "f", "cat": "c", "id": 1, "ts": 0, **HERE}],
        [{"ph": "f", "name": "f", "cat": "c", "id": 1, "ts": 0, **HERE}],
        [{"ph": "M", "name": "thread_name", **HERE, "args": {"name": "other"}}],
        [span(0, 2) | {"name": "\ud83d\ude00"}],
        [{"ph": "X", "name": "x", "ts": 0, **HERE}],
        [span(0, 2) | {"cname": "pink"}],
    ],
)
def test_the_rules_find_what_is_wrong(events: list[dict[str, Any]]) -> None:
    with pytest.raises(AssertionError):
        check(trace(*events))


def test_the_rules_take_what_is_right() -> None:
    mark = {"ph": "i", "name": "m", "ts": 2, "s": "t", **HERE}
    flow = {"name": "f", "cat": "c", "id": 1, **HERE}
    nested = [
        {"ph": "B", "name": "b", "ts": 30, **HERE},
        span(31, 2),
        {"ph": "E", "name": "b", "ts": 35, **HERE},
    ]
    flows = [{"ph": "s", "ts": 1} | flow, {"ph": "t", "ts": 5} | flow, {"ph": "f", "ts": 32} | flow]
    assert len(check(trace(span(0, 10), mark, span(2, 8), span(10, 5), *nested, *flows))) == 12
