"""The observers of plugins: each is told what happens on a thread of its own, and holds up nobody."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread

from ttsflow.interface.jobs import Outcome
from ttsflow.interface.observing import (
    ChunkDelivered,
    ChunkFailed,
    ChunkFlagged,
    RunBegun,
    RunEnded,
    RunEvent,
    RunObserver,
    WorkerLost,
)
from ttsflow.registry import Plugin
from ttsflow.report.attempts import Loss
from ttsflow.report.observer import Unobserved

ROOM = 1_000
"""events that may wait for an observer; what comes then is dropped"""


class Onlooker:
    """One observer, and its thread. Any thread may tell it an event, and none waits for it."""

    def __init__(
        self, plugin: Plugin[RunObserver], observer: RunObserver, notice: Callable[[str], object]
    ) -> None:
        self._plugin, self._observer, self._notice = plugin, observer, notice
        self._events: SimpleQueue[RunEvent | None] = SimpleQueue()  # None comes after the last
        self._dropped = self._failed = 0
        self._thread = Thread(target=self._watch, name=f"observer {plugin.name}", daemon=True)

    def begin(self) -> None:
        """There will be events."""
        self._thread.start()

    def tell(self, event: RunEvent) -> None:
        """Something has happened."""
        if self._events.qsize() < ROOM:
            self._events.put(event)
        else:
            self._dropped += 1
            if self._dropped == 1:
                self._notice(f"{self._plugin.label} is slow: from now on it may miss events")

    def end(self) -> None:
        """There are no more events."""
        self._events.put(None)

    def close(self, until: float) -> None:
        """Let it take in what waits, until this time on the monotonic clock; then say what it has missed."""
        self._thread.join(max(0.0, until - time.monotonic()))
        left = 0
        if self._thread.is_alive():
            left = max(0, self._events.qsize() - 1)  # without the None
            frame = sys._current_frames().get(self._thread.ident or 0)
            place = self._plugin.provider.line_of(frame)
            self._notice(f"{self._plugin.label} does not come to an end: it is at {place}")
        if missed := self._dropped + left:
            self._notice(f"{self._plugin.label} has missed {missed:,} events")
        if self._failed > 1:
            self._notice(f"{self._plugin.label} has failed {self._failed:,} times")

    def _watch(self) -> None:
        while (event := self._events.get()) is not None:
            self._call("observe", partial(self._observer.observe, event))
        self._call("close", self._observer.close)

    def _call(self, method: str, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # foreign code may raise anything
            self._failed += 1
            if self._failed == 1:
                why = self._plugin.provider.explain(error)
                self._notice(f"{self._plugin.label} of {self._plugin.provider} raised in {method}: {why}")


class Onlookers(Unobserved):
    """Tells the observers of plugins what a driver reports."""

    def __init__(self, onlookers: Iterable[Onlooker]) -> None:
        self._onlookers = tuple(onlookers)
        self._delivered = self._flagged = self._failed = 0
        self._closed = False
        self._lock = Lock()

    def begin(self, event: RunBegun) -> None:
        """The run begins. Until then observers have no threads."""
        for onlooker in self._onlookers:
            onlooker.begin()
        self._tell(event)

    def ended(self, outcome: Outcome, now: float) -> None:
        job = outcome.job
        match outcome.status:
            case "ok":
                self._delivered += 1
                self._tell(ChunkDelivered(job.stream, job.index, job.shown, outcome.audio_s, outcome.worker))
            case "flagged":
                self._delivered += 1
                self._flagged += 1
                self._tell(
                    ChunkFlagged(
                        job.stream, job.index, job.shown, outcome.audio_s, outcome.worker, outcome.why or ""
                    )
                )
            case "failed":
                self._failed += 1
                self._tell(ChunkFailed(job.stream, job.index, job.shown, outcome.why or ""))

    def worker_lost(self, loss: Loss) -> None:
        self._tell(WorkerLost(loss.worker, loss.device, loss.why))

    def close(self, patience_s: float) -> None:
        """The run has ended. Observers have so many seconds, all together, to take in what waits."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._tell(RunEnded(self._delivered, self._flagged, self._failed))
        for onlooker in self._onlookers:
            onlooker.end()
        until = time.monotonic() + patience_s
        for onlooker in self._onlookers:
            onlooker.close(until)

    def _tell(self, event: RunEvent) -> None:
        for onlooker in self._onlookers:
            onlooker.tell(event)
