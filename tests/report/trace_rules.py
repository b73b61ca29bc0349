"""The rules that Perfetto's importer and the documented Trace Event Format have for a trace in JSON.

Perfetto's own trace processor is a program that its packages download when they run, so it cannot be had
where there is no network. These are the rules by which it takes or drops events; each is an AssertionError.

The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

Event = dict[str, Any]

NEEDED = {
    "B": {"name", "ts", "pid", "tid"}, "E": {"ts", "pid", "tid"}, "X": {"name", "ts", "dur", "pid", "tid"},
    "i": {"name", "ts", "pid", "tid", "s"}, "C": {"name", "ts", "pid", "args"}, "M": {"name", "pid", "args"},
    "s": {"name", "cat", "id", "ts", "pid", "tid"}, "t": {"name", "cat", "id", "ts", "pid", "tid"},
    "f": {"name", "cat", "id", "ts", "pid", "tid"}, "b": {"name", "cat", "id", "ts", "pid"},
    "e": {"name", "cat", "id", "ts", "pid"},
}  # fmt: skip
"""what an event of each phase must have"""

NAMES = {"process_name": "name", "thread_name": "name"}
ORDERS = {"process_sort_index": "sort_index", "thread_sort_index": "sort_index"}
COLOURS = {
    "good", "bad", "terrible", "black", "grey", "white", "yellow", "olive", "startup", "thread_state_running",
}  # fmt: skip
"""some of the names of colours that are reserved"""

SURROGATE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}|\\u[dD][c-fC-F][0-9a-fA-F]{2}")


def check(data: bytes) -> list[Event]:
    """The events of a trace with these bytes. Raises AssertionError, UnicodeDecodeError, ValueError."""
    assert not SURROGATE.search(data), "an escape of half a character makes Perfetto refuse the whole file"
    trace = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    assert trace.get("displayTimeUnit", "ms") in ("ms", "ns")
    assert list(trace).index("displayTimeUnit") < list(trace).index("traceEvents"), "it is read first"
    events: list[Event] = trace["traceEvents"]
    assert isinstance(events, list)
    for event in events:
        _check_event(event)
    _check_names(events)
    _check_slices(events)
    _check_pairs(events)
    return events


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _check_event(event: Event) -> None:
    phase = event["ph"]
    missing = NEEDED[phase] - set(event)
    assert not missing, (missing, event)
    for name in ("pid", "tid"):
        assert isinstance(event.get(name, 0), int), event
        assert 0 <= event.get(name, 0) < 2**31, event
    for name in ("ts", "dur"):
        assert isinstance(event.get(name, 0), int | float), event
        assert event.get(name, 0) >= 0, event
    assert isinstance(event.get("cat", ""), str), event
    assert isinstance(event.get("args", {}), dict), event
    assert event.get("cname", "grey") in COLOURS, event
    if phase == "i":
        assert event["s"] in ("g", "p", "t"), event
    if phase == "C":
        assert event["args"], event
        assert all(isinstance(value, int | float) for value in event["args"].values()), event
    if phase == "M":
        key = (NAMES | ORDERS)[event["name"]]
        assert isinstance(event["args"][key], str if event["name"] in NAMES else int), event
        assert event["args"][key] != "", event


def _check_names(events: list[Event]) -> None:
    """Every process and every thread has one name, and a thread belongs to one process."""
    names: dict[tuple[str, int], set[str]] = defaultdict(set)
    owners: dict[int, set[int]] = defaultdict(set)
    for event in events:
        if event["ph"] == "M" and event["name"] in NAMES:
            where = event["pid"] if event["name"] == "process_name" else event["tid"]
            names[event["name"], where].add(event["args"]["name"])
    assert all(len(found) == 1 for found in names.values()), names
    for event in events:
        if "tid" in event:
            owners[event["tid"]].add(event["pid"])
        assert len(names["process_name", event["pid"]]) == 1, event
        if event["ph"] not in "MC":
            assert len(names["thread_name", event["tid"]]) == 1, event
    assert all(len(pids) == 1 for pids in owners.values()), owners


def _check_slices(events: list[Event]) -> None:
    """On a thread slices lie in each other or apart, and what begins ends: others are dropped."""
    threads: dict[tuple[int, int], list[Event]] = defaultdict(list)
    for event in events:
        if event["ph"] in "BEX" or (event["ph"] == "i" and event["s"] == "t"):
            threads[event["pid"], event["tid"]].append(event)
    for found in threads.values():
        found.sort(key=lambda event: event["ts"])  # as they are sorted before they are read; it is stable
        open_: list[tuple[Event, float | None]] = []  # and when each ends, None while that is to come
        for event in found:
            start = event["ts"]
            while open_ and (end := open_[-1][1]) is not None and end <= start and event["ph"] != "E":
                open_.pop()
            if event["ph"] == "B":
                open_.append((event, None))
            elif event["ph"] == "E":
                while open_ and open_[-1][1] is not None:
                    assert open_.pop()[1] <= start, event  # type: ignore[operator]
                assert open_, ("nothing has begun that ends", event)
                begun, _ = open_.pop()
                assert event.get("name", begun["name"]) == begun["name"], event
            else:
                end = start + event.get("dur", 0)
                around = open_[-1][1] if open_ else None
                assert around is None or end <= around, ("it laps over what is around it", event, open_[-1])
                open_.append((event, end))
        assert all(end is not None for _, end in open_), "what begins ends"


def _check_pairs(events: list[Event]) -> None:
    """Flows have a start and an end, and so has what is asynchronous."""
    begun: dict[tuple[str, str, object], list[str]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.get("ts", 0)):
        if event["ph"] in "stfbe":
            pair = "sf" if event["ph"] in "stf" else "be"
            begun[pair, f"{event['cat']} {event['name']}", event["id"]].append(event["ph"])
    for (pair, *_), phases in begun.items():
        assert (phases[0], phases[-1]) == tuple(pair), (pair, phases)
        assert phases.count(pair[0]) == phases.count(pair[1]), (pair, phases)
