"""What must be known of a whole report before the first line is drawn: its workers, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttsflow.report.timeline.older import attempts_of
from ttsflow.report.timeline.writing import number


@dataclass(slots=True)
class Worker:
    """A worker in all its generations. `slots` is how many lanes it is drawn with.

    `loads` are times (since, ready); `since` is when its process was started, or when the model began to
    load. `losses` are ends before that of the run: (when, why). `busy_s` and `open_s` are sums over its
    slots: with an attempt, and while it was ready. `audio_s` is the speech that it made.
    """

    name: str
    device: str = ""
    slots: int = 1
    loads: list[tuple[float, float]] = field(default_factory=list)
    losses: list[tuple[float, str]] = field(default_factory=list)
    attempts: int = 0
    unfinished: int = 0
    busy_s: float = 0.0
    open_s: float = 0.0
    audio_s: float = 0.0

    @property
    def speed(self) -> float | None:
        """Seconds of speech that one of its slots made in a second of work: how quick its device is."""
        return self.audio_s / self.busy_s if self.audio_s > 0.0 and self.busy_s > 0.0 else None

    @property
    def utilisation(self) -> float | None:
        """The part of its slots' time in which they had an attempt."""
        return min(1.0, self.busy_s / self.open_s) if self.open_s > 0.0 else None


@dataclass(slots=True)
class Overview:
    """The workers by name, in the order in which they were ready; `end_s` is when the last thing happened."""

    workers: dict[str, Worker]
    end_s: float

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Overview:
        """Look over a report, once."""
        workers: dict[str, Worker] = {}
        summary = report.get("summary") or {}
        end_s = number(summary.get("makespan_s")) or 0.0

        def worker(name: object) -> Worker:
            return workers.setdefault(str(name), Worker(str(name)))

        ready: list[tuple[Worker, object, int, float]] = []
        for told in report.get("workers", ()):
            each, slots = worker(told["worker"]), int(told.get("slots") or 1)
            each.device, each.slots = str(told.get("device") or ""), max(each.slots, slots)
            ready_s = number(told.get("ready_s"))
            if ready_s is not None:
                since_s = number(told.get("started_s"))
                if since_s is None:
                    since_s = max(0.0, ready_s - (number(told.get("load_s")) or 0.0))
                each.loads.append((since_s, ready_s))
                ready.append((each, told.get("generation"), slots, ready_s))
                end_s = max(end_s, ready_s)

        lost_s: dict[tuple[str, object], float] = {}
        for loss in report.get("losses", ()):
            each, at_s = worker(loss["worker"]), number(loss.get("at_s")) or 0.0
            each.device = each.device or str(loss.get("device") or "")
            each.losses.append((at_s, str(loss.get("why") or "")))
            lost_s[each.name, loss.get("generation")] = at_s
            end_s = max(end_s, at_s)
            if (since_s := number(loss.get("loading_since_s"))) is not None:
                each.loads.append((since_s, at_s))

        running_since_s: list[tuple[Worker, float]] = []
        for attempt in attempts_of(report):
            each = worker(attempt["worker"])
            started_s, ended_s = number(attempt.get("started_s")) or 0.0, number(attempt.get("ended_s"))
            each.attempts += 1
            each.unfinished += attempt.get("end") != "finished"
            each.slots = max(each.slots, int(attempt.get("slot") or 0) + 1)
            if ended_s is None:
                running_since_s.append((each, started_s))
            else:
                each.busy_s += ended_s - started_s
            end_s = max(end_s, started_s, ended_s or 0.0)

        for chunk in report.get("chunks", ()):
            if chunk.get("worker") and not chunk.get("kept"):
                worker(chunk["worker"]).audio_s += number(chunk.get("audio_s")) or 0.0

        for each, started_s in running_since_s:
            each.busy_s += end_s - started_s
        for each, generation, slots, ready_s in ready:
            each.open_s += slots * max(0.0, lost_s.get((each.name, generation), end_s) - ready_s)
        return cls(workers, end_s)
