"""The course of a run: its attempts, and the arrivals of its audio, kept on the disk as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ttsflow.interface.jobs import Outcome
from ttsflow.report.attempts import Attempt
from ttsflow.report.decisions import Decision
from ttsflow.report.spool import Tape

Row = Mapping[str, object]


class Course:
    """Gathers the lists "attempts", "arrivals" and, if they are told, "decisions" of a report.

    `t0` is the run's start on its clock.
    Attempts are in the order in which they ended; those that run are in memory, as many as there are slots.
    Arrivals are in the order of delivery, which is that of the text. The methods raise OSError where the
    disk refuses.
    """

    def __init__(self, folder: Path | None, t0: float) -> None:
        self._folder, self._t0 = folder, t0
        self._attempts = Tape(folder)
        self._arrivals = Tape(folder)
        self._decisions: Tape | None = None  # where they are traced
        self._running: dict[int, Attempt] = {}
        self._last: dict[str, object] | None = None  # an arrival whose pause may still come

    def attempt(self, token: int, attempt: Attempt) -> None:
        """As an observer is told."""
        if attempt.ended_s is None:
            self._running[token] = attempt
        else:
            self._running.pop(token, None)
            self._attempts.append(self._attempt(attempt))

    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None:
        """As an observer is told."""
        self._arrived(stream, index, audio_s, 0.0, now)

    def ended(self, outcome: Outcome, now: float) -> None:
        """As an observer is told: the pause after the chunk has arrived, even where the chunk failed."""
        job, last = outcome.job, self._last
        if last is not None and (last["stream"], last["index"]) == (job.stream, job.index):
            last["pause_s"] = job.pause_s
        else:
            self._arrived(job.stream, job.index, 0.0, job.pause_s, now)

    def decided(self, decision: Decision) -> None:
        """A policy has decided."""
        if self._decisions is None:
            self._decisions = Tape(self._folder)
        self._decisions.append(decision.record(self._t0))

    def lists(self) -> dict[str, Iterable[Row]]:
        """The lists by their names; the run must be over. What runs still is in them, without an end."""
        lists: dict[str, Iterable[Row]] = {"attempts": self._all_attempts(), "arrivals": self._all_arrivals()}
        if self._decisions is not None:
            lists["decisions"] = self._decisions.records()
        return lists

    def close(self) -> None:
        """Remove what is on the disk."""
        self._attempts.close()
        self._arrivals.close()
        if self._decisions is not None:
            self._decisions.close()

    def _all_attempts(self) -> Iterator[Row]:
        yield from self._attempts.records()
        yield from map(self._attempt, list(self._running.values()))

    def _all_arrivals(self) -> Iterator[Row]:
        self._flush()
        yield from self._arrivals.records()

    def _arrived(self, stream: str, index: int, audio_s: float, pause_s: float, now: float) -> None:
        self._flush()
        self._last = {
            "stream": stream,
            "index": index,
            "at_s": self._since(now),
            "audio_s": audio_s,
            "pause_s": pause_s,
        }

    def _flush(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            self._arrivals.append(last)

    def _attempt(self, attempt: Attempt) -> Row:
        return {
            "stream": attempt.stream,
            "index": attempt.index,
            "part": attempt.part,
            "take": attempt.take,
            "text": attempt.text,
            "worker": attempt.worker,
            "generation": attempt.generation,
            "slot": attempt.slot,
            "started_s": self._since(attempt.started_s),
            "first_audio_s": self._since(attempt.first_audio_s),
            "ended_s": self._since(attempt.ended_s),
            "end": attempt.end,
            "why": attempt.why,
            "hedge": attempt.hedge,
        }

    def _since(self, when: float | None) -> float | None:
        return None if when is None else round(when - self._t0, 6)
