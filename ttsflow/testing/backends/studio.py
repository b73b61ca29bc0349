"""Speaks jobs in real worker processes, and records what comes."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ttsflow.bench.crew import Crew, OutOfTime
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.profile import Profile
from ttsflow.runner import Post
from ttsflow.runner.workers import Workers
from ttsflow.scheduler.limits import Timeouts
from ttsflow.scheduler.messages import Cancelled, Died, Failed, Finished, Piece, TooLong
from ttsflow.testing.backends.probe import ProbedRecipe
from ttsflow.testing.crowding import crowding
from ttsflow.workers.wire import Recipe

PATIENCE_S = 10.0
"""seconds of silence after which a worker hangs, at the least"""

SLOWER = 10.0
"""times what the profile says that a chunk may take"""

MOST_DEATHS = 2
"""workers that may end in one performance before the rest of it is given up"""

LOAD_S = 60.0
"""seconds of silence of a worker that loads"""

CLOSE_S = 60.0
"""seconds in which a worker ends that was asked to: meanwhile it loads once more"""

Ended = Literal["finished", "failed", "too long", "cancelled", "died", "hung", "not spoken"]

When = Literal["at once", "after a piece"]

MakeWorkers = Callable[[Recipe, Post], Workers]


@dataclass(slots=True)
class Spoken:
    """What came of a job: its pieces, when each came in seconds from the start, and how it ended.

    `why` and `kind` are those of a failure, `parts` the texts to speak instead.
    """

    job: ChunkJob
    pieces: list[NDArray[np.float32]] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    ended: Ended = "not spoken"
    why: str = ""
    kind: str = ""
    parts: tuple[str, ...] = ()
    took_s: float = 0.0
    doubts: tuple[str, ...] = ()
    memory_bytes: int = 0

    @property
    def whole(self) -> bool:
        return self.ended == "finished"

    @property
    def samples(self) -> NDArray[np.float32]:
        """All of it."""
        return np.concatenate(self.pieces) if self.pieces else np.zeros(0, np.float32)

    def audio_s(self, rate: int) -> float:
        """Seconds of audio."""
        return sum(piece.size for piece in self.pieces) / rate

    @property
    def outcome(self) -> str:
        """For a person: how it ended."""
        return f"{self.ended}: {self.why}" if self.why else self.ended


@dataclass(slots=True)
class Performance:
    """What was spoken in one worker, by the streams of the jobs, and what the probe noted in it.

    `load_s` is what the loading took, `not_loaded` why it failed, `ended` how the worker ended.
    """

    spoken: dict[str, Spoken] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    load_s: float | None = None
    not_loaded: str | None = None
    ended: str | None = None
    out_of_time: bool = False

    def noted(self, note: str) -> list[dict[str, Any]]:
        """The notes of a kind."""
        return [each for each in self.notes if each["note"] == note]


class Studio:
    """Makes performances on one device. `load_s` and `chunk_s` of the timeouts hold where they were set."""

    def __init__(
        self, recipe: Recipe, make: MakeWorkers, device: Device, profile: Profile, timeouts: Timeouts
    ) -> None:
        self._recipe, self._make, self._device, self._profile = recipe, make, device, profile
        self._chunk_s = timeouts.chunk_s
        chosen = "load_s" in timeouts.model_fields_set
        self._load_s = timeouts.load_s if chosen else LOAD_S * crowding()
        self._tokens = itertools.count(1)

    def perform(
        self,
        jobs: Sequence[Sequence[ChunkJob]],
        deadline: float,
        slots: int = 1,
        *,
        recipe: Recipe | None = None,
        again: Iterable[ChunkJob] = (),
        cancelled: Mapping[str, When] | None = None,
    ) -> Performance:
        """Load a worker, give it each group of jobs at once, one group after the other, and close it.

        No two jobs have one stream. `again` are spoken after it was closed and loaded once more. Those
        that are `cancelled` are so at once, or when the first piece of any in the group has come.
        A worker that hangs is ended; another goes on with the next group. All of it ends by the `deadline` on
        the monotonic clock.
        """
        performance = Performance()
        with tempfile.TemporaryDirectory(prefix="ttsflow-check-") as folder:
            notes = Path(folder) / "notes"
            probed = ProbedRecipe(recipe or self._recipe, notes, tuple(again))
            with Crew(lambda post: self._make(probed, post), self._device, self._load_s, deadline) as crew:
                try:
                    self._fill(crew, performance, jobs, slots, cancelled or {})
                except OutOfTime:
                    performance.out_of_time = True
            if notes.exists():
                performance.notes = [json.loads(line) for line in notes.read_text("utf-8").splitlines()]
        return performance

    def _fill(
        self,
        crew: Crew,
        performance: Performance,
        jobs: Sequence[Sequence[ChunkJob]],
        slots: int,
        cancelled: Mapping[str, When],
    ) -> None:
        deaths = 0
        for group in jobs:
            for job in group:
                performance.spoken[job.stream] = Spoken(job)
        for group in jobs:
            if 0 not in crew:
                if deaths == MOST_DEATHS:
                    return
                if failed := crew.load([0], slots):
                    performance.not_loaded = failed[0]
                    return
                performance.load_s = crew.load_s[-1]
            together = _Together(crew, self._tokens, self._patience(group), cancelled)
            together.speak([performance.spoken[job.stream] for job in group])
            deaths += 0 not in crew
        if 0 in crew:
            performance.ended = _close(crew)

    def _patience(self, group: Sequence[ChunkJob]) -> float:
        if self._chunk_s is not None:
            return self._chunk_s
        profile = self._profile
        audio_s = sum(len(job.text) / profile.rate(job.language) for job in group)
        return max(PATIENCE_S, SLOWER * audio_s * profile.rtf) * crowding()


class _Together:
    """One group of jobs in a worker."""

    def __init__(
        self, crew: Crew, tokens: Iterator[int], patience_s: float, cancelled: Mapping[str, When]
    ) -> None:
        self._crew, self._tokens, self._patience_s = crew, tokens, patience_s
        self._cancelled = cancelled
        self._running: dict[int, tuple[Spoken, float]] = {}

    def speak(self, group: Sequence[Spoken]) -> None:
        now = time.monotonic()
        for spoken in group:
            token = next(self._tokens)
            self._running[token] = spoken, now
            self._crew.start_job(0, token, spoken.job)
        for token, (spoken, _) in self._running.items():
            if self._cancelled.get(spoken.job.stream) == "at once":
                self._crew.cancel_job(0, token)
        late = now + self._patience_s
        while self._running:
            taken = self._crew.take(late)
            if taken is None:
                self._crew.kill(0)
                self._end_all("hung", f"said nothing for {self._patience_s:.0f} s")
                return
            now, event = taken
            late = now + self._patience_s
            match event:
                case Piece(token, _, _, piece) if token in self._running:
                    spoken, began = self._running[token]
                    spoken.pieces.append(piece.samples)
                    spoken.at_s.append(now - began)
                    self._cancel_due()
                case Finished(token, doubts, memory_bytes):
                    spoken = self._end(token, "finished", now)
                    spoken.doubts = tuple(doubt.text for doubt in doubts)
                    spoken.memory_bytes = memory_bytes
                case Failed(token, why, kind):
                    spoken = self._end(token, "failed", now)
                    spoken.why, spoken.kind = why, kind
                case TooLong(token, texts):
                    self._end(token, "too long", now).parts = tuple(texts)
                case Cancelled(token):
                    self._end(token, "cancelled", now)
                case Died(_, _, why):
                    self._end_all("died", why)

    def _cancel_due(self) -> None:
        for token, (spoken, _) in self._running.items():
            if self._cancelled.get(spoken.job.stream) == "after a piece":
                self._crew.cancel_job(0, token)

    def _end(self, token: int, ended: Ended, now: float) -> Spoken:
        spoken, began = self._running.pop(token)
        spoken.ended, spoken.took_s = ended, now - began
        return spoken

    def _end_all(self, ended: Ended, why: str) -> None:
        for spoken, _ in self._running.values():
            spoken.ended, spoken.why = ended, why
        self._running.clear()


def _close(crew: Crew) -> str | None:
    """Ask the worker to end; how it ended, and None where it did not."""
    crew.close()
    until = time.monotonic() + CLOSE_S
    while (taken := crew.take(until)) is not None:
        if isinstance(taken[1], Died):
            return taken[1].why
    return None
