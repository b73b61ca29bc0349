"""A report as one page of HTML, which needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from itertools import chain
from typing import Any

from ttsflow.report.timeline.buffer import Listener, listen
from ttsflow.report.timeline.older import attempts_of
from ttsflow.report.timeline.overview import Overview, Worker
from ttsflow.report.timeline.writing import Write, listed, number, to_json, write_text
from ttsflow.report.units import duration, size

TEXT_BYTES = 4_300_000
"""the texts of a page; those of a longer book are cut, the longest first"""

FINE_S = 1800.0
"""a run that is shorter is drawn to the microsecond, another to the millisecond"""

SHORTEST_CUT = 40
"""characters that are left of any text"""

STATUSES = ("ok", "flagged", "pause", "failed", "not reached")
ENDS = ("finished", "failed", "too long", "cancelled", "died", "killed")

STATES = {
    "finished": "The run finished.",
    "interrupted": "The run was interrupted.",
    "failed": "The run failed.",
}

SLOT = re.compile(r"(?:<!--|/\*) \{(\w+)\} (?:-->|\*/)")


def draw_page(report: Mapping[str, Any], write: Write) -> None:
    """Draw a report as a page. It is gone through several times, and never in memory as a whole."""
    overview, listeners = Overview.of(report), listen(report.get("arrivals", ()))
    fillings: dict[str, Callable[[], Iterator[str]]] = {
        "style": lambda: iter((_shipped("page.css"),)),
        "script": lambda: iter((_shipped("page.js"),)),
        "numbers": lambda: _numbers(report),
        "choices": lambda: _choices(report, overview),
        "data": lambda: _data(report, overview, listeners),
    }
    parts = SLOT.split(_shipped("page.html"))
    texts, slots = parts[::2], parts[1::2]
    filled = (chain((text,), fillings[slot]()) for text, slot in zip(texts, slots, strict=False))
    write_text(chain(chain.from_iterable(filled), texts[-1:]), write)


def _shipped(name: str) -> str:
    return files("ttsflow.report.timeline").joinpath(name).read_text("utf-8")


# ---------------------------------------------------------------- what the script draws from


@dataclass(slots=True)
class _Packing:
    """How a page holds chunks and attempts: how much of each text, and times in which unit, in seconds.

    `last` is the last chunk of each stream that is listed, `streams` are their numbers.
    """

    unit_s: float
    longest: int | None = None
    last: dict[object, int] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)

    def number(self, stream: object) -> int | None:
        """The number of a stream, None for 0, which most are."""
        return self.streams.setdefault(str(stream), len(self.streams)) or None

    @classmethod
    def of(cls, report: Mapping[str, Any], end_s: float) -> _Packing:
        chars = size_ = count = 0
        packing = cls(1e-6 if end_s < FINE_S else 1e-3)
        for chunk in report.get("chunks", ()):
            text = str(chunk.get("text"))
            chars, count = chars + len(text), count + 1
            size_ += len(text.encode("utf-8", "replace"))
            stream, index = chunk.get("stream"), int(chunk.get("index", -1))
            packing.last[stream] = max(index, packing.last.get(stream, -1))
        if size_ > TEXT_BYTES:
            packing.longest = max(SHORTEST_CUT, int(TEXT_BYTES * chars / size_ / count))
        return packing

    def units(self, seconds: object) -> int | None:
        """A time in whole units; None for one that is missing."""
        value = number(seconds)
        return None if value is None else round(value / self.unit_s)

    def cut(self, text: str) -> str:
        if self.longest is None or len(text) <= self.longest:
            return text
        return text[: self.longest - 1] + "…"


def _data(report: Mapping[str, Any], overview: Overview, listeners: list[Listener]) -> Iterator[str]:
    """One JSON object: times in seconds; in "chunks" and "attempts", whose rows are lists, in whole units."""
    packing = _Packing.of(report, overview.end_s)
    names = list(overview.workers)
    workers = [
        {"name": w.name, "device": w.device, "slots": w.slots, "used": w.utilisation, "loads": w.loads,
         "losses": w.losses}
        for w in overview.workers.values()
    ]  # fmt: skip
    yield f'{{"end":{to_json(round(overview.end_s, 6))},"unit":{packing.unit_s},\n'
    yield f'"workers":{to_json(workers)},\n"listeners":'
    yield from listed(map(_heard, listeners))
    yield ',\n"chunks":'
    yield from listed(_chunk(chunk, packing) for chunk in report.get("chunks", ()))
    yield ',\n"attempts":'
    numbers = {name: place for place, name in enumerate(names)}
    decided = _decided(report.get("decisions", ()))
    yield from listed(_attempt(attempt, numbers, packing, decided) for attempt in attempts_of(report))
    yield f',\n"streams":{to_json(list(packing.streams))}}}\n'


def _heard(listener: Listener) -> dict[str, Any]:
    return {
        "stream": listener.stream,
        "first": listener.playback.first_audio_s,
        "stalls": [[round(since, 4), round(until, 4)] for since, until in listener.stalls],
        "points": [[round(at, 4), round(low, 4), round(high, 4)] for at, low, high in listener.points],
    }


def _chunk(chunk: Mapping[str, Any], packing: _Packing) -> list[object]:
    status = chunk.get("status")
    return _short([
        chunk.get("index"),
        packing.cut(str(chunk.get("text"))),
        STATUSES.index(status) if status in STATUSES else None,
        packing.units(chunk.get("audio_s")),
        packing.units(chunk.get("pause_s")),
        packing.units(chunk.get("queued_s")),
        packing.units(chunk.get("finished_s")),
        packing.number(chunk.get("stream")),
        packing.units(chunk.get("at_s")) if chunk.get("kept") or chunk.get("same_as") is not None else None,
        chunk.get("kept") or None,
        chunk.get("same_as"),
        chunk.get("why"),
    ])  # fmt: skip


def _decided(decisions: Iterable[Mapping[str, Any]]) -> dict[tuple[object, ...], str]:
    """What a policy saw and said when it started an attempt, by chunk, worker and time."""
    found: dict[tuple[object, ...], str] = {}
    for decision in decisions:
        free = sum((decision.get("free") or {}).values())
        said = f"{decision.get('ready', 0):,} ready, {free:,} free slots"
        if decision.get("note"):
            said += f"; {decision['note']}"
        for one in decision.get("chosen", ()):
            key = one["stream"], one["index"], one.get("part"), one.get("worker"), decision.get("at_s")
            found[key] = said
    return found


def _attempt(
    attempt: Mapping[str, Any],
    workers: Mapping[str, int],
    packing: _Packing,
    decided: Mapping[tuple[object, ...], str],
) -> list[object]:
    started, end = packing.units(attempt.get("started_s")) or 0, attempt.get("end")
    first, ended = packing.units(attempt.get("first_audio_s")), packing.units(attempt.get("ended_s"))
    stream, part, index = attempt.get("stream"), attempt.get("part"), int(attempt.get("index", -1))
    unlisted = part is not None or index > packing.last.get(stream, -1)
    return _short([
        index,
        workers[str(attempt["worker"])],
        attempt.get("slot") or 0,
        started,
        None if first is None else first - started,
        None if ended is None else ended - started,
        ENDS.index(end) if end in ENDS else None,
        packing.number(stream),
        attempt.get("take") or None,
        part,
        attempt.get("generation"),
        attempt.get("text") if unlisted else None,
        attempt.get("why"),
        attempt.get("hedge") or None,
        decided.get((stream, index, part, attempt["worker"], attempt.get("started_s"))),
    ])  # fmt: skip


def _short(row: list[object]) -> list[object]:
    """Without what is missing at its end."""
    while row and row[-1] is None:
        row.pop()
    return row


# ---------------------------------------------------------------- what is said in words


def _numbers(report: Mapping[str, Any]) -> Iterator[str]:
    ended, error = report.get("ended"), report.get("error")
    state = STATES.get(str(ended), "The run goes on, or was cut off.")
    yield f'<p class="state {_text(ended or "open")}">{state}'
    told = error and error != "KeyboardInterrupt"  # which says no more than that it was interrupted
    yield f" {_text(error)}</p>\n" if told else "</p>\n"
    yield '<dl class="tiles">\n'
    for name, value, more in _tiles(report.get("summary") or {}):
        yield f"<div><dt>{name}</dt><dd>{_text(value)}<small>{_text(more)}</small></dd></div>\n"
    yield "</dl>\n"


def _tiles(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    def seconds(name: str) -> str:
        value = number(summary.get(name))
        return "none" if value is None else duration(value)

    stalls, not_reached = summary.get("stalls") or 0, summary.get("not_reached") or 0
    counts = ", ".join(
        f"{summary.get(name) or 0:,} {word}"
        for name, word in (("failed", "failed"), ("flagged", "flagged"), ("pauses", "silent"))
        if summary.get(name)
    )
    chunks = f"{summary.get('delivered') or 0:,} of {summary.get('submitted') or 0:,}"
    stalled = f"{seconds('stall_s')} in sum" if stalls else "playback never waits"
    if summary.get("wait_s") is None:
        stalled = "nothing was heard"
    yield "First audio", seconds("time_to_first_audio_s"), "TTFA: from the start of the run"
    yield "Waiting in all", seconds("wait_s"), "W: first audio and all stalls"
    yield "Stalls", f"{stalls:,}", stalled
    yield "Makespan", seconds("makespan_s"), "until the last chunk was done"
    yield (
        "Chunks delivered",
        chunks,
        ", ".join(filter(None, (counts, f"{not_reached:,} not reached" * bool(not_reached)))),
    )
    speed, rtf = number(summary.get("speed")), number(summary.get("rtf"))
    yield "Audio", seconds("audio_s"), "".join((
        f"{speed:.3g} x real time" if speed else "", f", RTF {rtf:.3g}" if rtf else "",
    ))  # fmt: skip


def _choices(report: Mapping[str, Any], overview: Overview) -> Iterator[str]:
    workers = overview.workers.values()
    yield from _settings(report)
    if workers:
        yield from _workers(workers)
    losses = (
        f"{worker.name}, at {duration(at_s)}: {why}" for worker in workers for at_s, why in worker.losses
    )
    yield from _list("Workers that were lost", losses)
    yield from _list("Notices", report.get("notices", ()))


def _settings(report: Mapping[str, Any]) -> Iterator[str]:
    policy, output = report.get("policy") or {}, report.get("output")
    rows = [
        ("Policy", f"{policy.get('name')}, chosen by {policy.get('decided_by')}" if policy else None),
        ("Policy options", _options(policy.get("options"))),
        ("Backend", report.get("backend")),
        ("Backend options", _options(report.get("backend_options"))),
        ("Notice", report.get("backend_fallback")),
        (
            "Devices",
            ", ".join(map(_device, report.get("devices", ()))),
        ),
        ("Output", output and f"{output.get('path')}: {_length(output)}"),
    ]
    yield '<dl class="choices">\n'
    for name, value in rows:
        if value:
            yield f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>\n"
    yield "</dl>\n"


def _device(device: Mapping[str, Any]) -> str:
    return f"{device.get('id')} ({device['name']})" if device.get("name") else str(device.get("id"))


def _options(options: Mapping[str, object] | None) -> str:
    return ", ".join(f"{name} = {value}" for name, value in (options or {}).items())


def _length(output: Mapping[str, Any]) -> str:
    length_s, bytes_ = number(output.get("length_s")), output.get("bytes")
    parts = (None if length_s is None else duration(length_s), None if bytes_ is None else size(bytes_))
    return ", ".join(filter(None, parts))


def _workers(workers: Iterable[Worker]) -> Iterator[str]:
    yield '<div class="scroll"><table>\n<caption>Workers</caption>\n<thead><tr>'
    yield "".join(
        f'<th scope="col">{name}</th>'
        for name in ("worker", "device", "slots", "in use", "speed", "attempts", "not finished", "times lost")
    )
    yield "</tr></thead>\n<tbody>\n"
    for worker in workers:
        used, speed = worker.utilisation, worker.speed
        cells = (
            worker.device, worker.slots, "" if used is None else f"{used:.0%}",
            "" if speed is None else f"{speed:.3g} x", f"{worker.attempts:,}", f"{worker.unfinished:,}",
            len(worker.losses),
        )  # fmt: skip
        row = "".join(f"<td>{_text(cell)}</td>" for cell in cells)
        yield f'<tr><th scope="row">{_text(worker.name)}</th>{row}</tr>\n'
    yield "</tbody></table></div>\n"
    yield '<p class="note">In use: the part of the time of its slots, from when it was ready, in which an '
    yield "attempt ran there. Speed: seconds of speech that a slot made in a second of work.</p>\n"


def _list(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A list in words; nothing if there is nothing in it."""
    items = [f"<li>{_text(line)}</li>\n" for line in lines]
    if items:
        is_open = " open" if len(items) <= 10 else ""
        yield f"<details{is_open}><summary>{title} ({len(items)})</summary><ul>\n"
        yield f"{''.join(items)}</ul></details>\n"


def _text(value: object) -> str:
    """A text as HTML; what no file can hold becomes a mark."""
    return escape(str(value).encode("utf-8", "replace").decode("utf-8"))
