"""A report as a trace in the Trace Event Format, for Perfetto and chrome://tracing.

Perfetto refuses a file with an escape of half a character (\\ud83d), also of one in two such halves.

The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from ttsflow.report.timeline.buffer import Listener, listen
from ttsflow.report.timeline.older import attempts_of
from ttsflow.report.timeline.overview import Overview, Worker
from ttsflow.report.timeline.writing import Write, listed, number, to_plain_json, write_text

Event = dict[str, Any]

THREADS = 1000
"""Numbers of threads are unique in the whole trace: each process has so many of its own."""

COLOURS = {
    "failed": "terrible",
    "died": "terrible",
    "killed": "terrible",
    "cancelled": "grey",
    "too long": "bad",
}
"""names of colours that chrome://tracing knows; Perfetto has its own"""


def draw_trace(report: Mapping[str, Any], write: Write) -> None:
    """Draw a report: a process for each listener and each worker, a thread for each slot."""
    head = to_plain_json(report.get("ttsflow"))
    about = to_plain_json(
        {key: report.get(key) for key in ("policy", "backend", "summary", "ended", "error")}
    )
    events = listed(_events(report), to_plain_json)
    start = f'{{"ttsflow": {head},\n"displayTimeUnit": "ms",\n"otherData": {about},\n"traceEvents": '
    write_text(chain((start,), events, ("}\n",)), write)


def _events(report: Mapping[str, Any]) -> Iterator[Event]:
    overview, listeners = Overview.of(report), listen(report.get("arrivals", ()))
    for pid, listener in enumerate(listeners, 1):
        yield from _listener(listener, pid)
    pids = {name: pid for pid, name in enumerate(overview.workers, len(listeners) + 1)}
    for worker in overview.workers.values():
        yield from _worker(worker, pids[worker.name])
    for attempt in attempts_of(report):
        yield from _attempt(attempt, pids[str(attempt["worker"])], overview.end_s)
    yield from _decisions(report.get("decisions", ()), len(listeners) + len(pids) + 1)


def _listener(listener: Listener, pid: int) -> Iterator[Event]:
    yield from _named(pid, f"listener of {listener.stream}", {0: "playback"})
    first_s = listener.playback.first_audio_s or 0.0
    yield _instant(pid, 0, "first audio", first_s)
    for since_s, until_s in listener.stalls:
        yield _span(pid, 0, "stall", "stall", since_s, until_s) | {"cname": "terrible"}
    dry_s = first_s
    for at_s, before_s, after_s in listener.points:
        if dry_s < at_s:
            yield _buffer(pid, dry_s, 0.0)
        elif before_s < after_s:
            yield _buffer(pid, at_s - 1e-6, before_s)
        yield _buffer(pid, at_s, after_s)
        dry_s = at_s + after_s


def _worker(worker: Worker, pid: int) -> Iterator[Event]:
    lanes = {0: "process"} | {slot + 1: f"slot {slot}" for slot in range(worker.slots)}
    yield from _named(pid, f"{worker.name} on {worker.device}" if worker.device else worker.name, lanes)
    for since_s, ready_s in worker.loads:
        yield _span(pid, 0, "loading", "loading", since_s, ready_s)
    for at_s, why in worker.losses:
        yield _instant(pid, 0, "worker lost", at_s, why=why)


def _attempt(attempt: Mapping[str, Any], pid: int, end_s: float) -> Iterator[Event]:
    lane, started_s = int(attempt.get("slot") or 0) + 1, number(attempt.get("started_s")) or 0.0
    first_s, ended_s = number(attempt.get("first_audio_s")), number(attempt.get("ended_s"))
    end = attempt.get("end") or "cut off"
    part = "" if attempt.get("part") is None else f", part {attempt['part'] + 1}"
    names = ("stream", "index", "part", "take", "generation", "text", "why")
    span = _span(
        pid, lane, f"chunk {attempt.get('index')}{part}", f"attempt,{end}",
        started_s, end_s if ended_s is None else ended_s,
        end=end, hedge=bool(attempt.get("hedge")),
        **{name: attempt[name] for name in names if attempt.get(name) is not None},
    )  # fmt: skip
    yield span | ({"cname": COLOURS[end]} if end in COLOURS else {})
    if first_s is not None:
        yield _instant(pid, lane, "first piece", first_s)


def _decisions(decisions: Iterable[Mapping[str, Any]], pid: int) -> Iterator[Event]:
    """A process for the policy, where its decisions were traced: a mark for each, with all that is known."""
    known_s = 0.0
    for count, decision in enumerate(decisions):
        if not count:
            yield from _named(pid, "policy", {0: "decisions"})
        known_s = number(decision.get("at_s")) or known_s  # `place` is told no time
        args = {name: value for name, value in decision.items() if name not in ("asked", "at_s")}
        yield _instant(pid, 0, str(decision.get("asked")), known_s, **args)


def _named(pid: int, process: str, threads: Mapping[int, str]) -> Iterator[Event]:
    yield {"ph": "M", "name": "process_name", "pid": pid, "tid": pid * THREADS, "args": {"name": process}}
    yield {
        "ph": "M",
        "name": "process_sort_index",
        "pid": pid,
        "tid": pid * THREADS,
        "args": {"sort_index": pid},
    }
    for lane, name in threads.items():
        where = {"pid": pid, "tid": pid * THREADS + lane}
        yield {"ph": "M", "name": "thread_name", **where, "args": {"name": name}}
        yield {"ph": "M", "name": "thread_sort_index", **where, "args": {"sort_index": lane}}


def _span(pid: int, lane: int, name: str, kind: str, since_s: float, until_s: float, **args: object) -> Event:
    ts = _us(since_s)
    where = {"pid": pid, "tid": pid * THREADS + lane}
    return {"ph": "X", "name": name, "cat": kind, **where, "ts": ts, "dur": _us(until_s) - ts, "args": args}


def _instant(pid: int, lane: int, name: str, at_s: float, **args: object) -> Event:
    where = {"pid": pid, "tid": pid * THREADS + lane}
    return {"ph": "i", "name": name, "cat": "mark", **where, "ts": _us(at_s), "s": "t", "args": args}


def _buffer(pid: int, at_s: float, buffer_s: float) -> Event:
    args = {"seconds": round(buffer_s, 6)}
    return {"ph": "C", "name": "buffer", "pid": pid, "tid": pid * THREADS, "ts": _us(at_s), "args": args}


def _us(seconds: float) -> int:
    """Times of a trace are microseconds: whole ones, so that spans that touch do not overlap."""
    return round(seconds * 1e6)
