"""The metrics of a run: the listener's waiting time, stalls, RTF, makespan, chunk times."""

from __future__ import annotations

from array import array
from statistics import quantiles

from ttsflow.interface.jobs import Account, Outcome
from ttsflow.report.summary import Summary

ROUNDING_S = 1e-5  # shorter than a sample: audio that is late by less is on time
PERCENTILES = (5, 50, 95)


class Playback:
    """A listener who starts to play at the first audio and waits whenever there is none.

    `wait_s` is W = max over deliveries of (arrival - audio delivered before it), in seconds from the
    run's start: the least time after which playing could begin and never stop. It equals the time to
    first audio plus all stalls. Pauses count as audio, except those before the first audio.
    """

    def __init__(self) -> None:
        self.first_audio_s: float | None = None
        self.wait_s = 0.0
        self.stalls = 0
        self._heard_s = 0.0

    @property
    def stall_s(self) -> float:
        """Seconds of silence that the text did not ask for, after playing had begun."""
        return 0.0 if self.first_audio_s is None else self.wait_s - self.first_audio_s

    @property
    def plays_until_s(self) -> float:
        """When all that has arrived is heard, in seconds from the run's start: then the buffer is empty."""
        return self.wait_s + self._heard_s

    def arrived(self, audio_s: float, at_s: float) -> None:
        """`audio_s` seconds of audio arrived `at_s` seconds after the run began."""
        if audio_s <= 0.0:
            return
        if self.first_audio_s is None:
            self.first_audio_s = self.wait_s = at_s
        needed_s = at_s - self._heard_s
        if needed_s > self.wait_s:
            self.stalls += needed_s > self.wait_s + ROUNDING_S
            self.wait_s = needed_s
        self._heard_s += audio_s

    def paused(self, pause_s: float) -> None:
        """A pause follows what has arrived."""
        if self.first_audio_s is not None:
            self._heard_s += pause_s


class Metrics:
    """Gathers a run's numbers as it goes. Keeps one float per chunk, for the percentiles."""

    def __init__(self, t0: float) -> None:
        self._t0 = t0
        self._playbacks: dict[str, Playback] = {}
        self._count = {"ok": 0, "flagged": 0, "pause": 0, "failed": 0}
        self._work_s = array("d")
        self._audio_s = 0.0
        self._timed_audio_s = 0.0
        self._pause_s = 0.0
        self._makespan_s: float | None = None

    def delivered(self, stream: str, audio_s: float, now: float) -> None:
        """Audio of a stream was handed to its sink."""
        self._playback(stream).arrived(audio_s, now - self._t0)
        self._makespan_s = max(now - self._t0, self._makespan_s or 0.0)

    def ended(self, outcome: Outcome, now: float) -> None:
        """A chunk ended."""
        self._count[outcome.status] += 1
        self._pause_s += outcome.job.pause_s
        self._playback(outcome.job.stream).paused(outcome.job.pause_s)
        done_s = (now if outcome.finished_s is None else outcome.finished_s) - self._t0
        self._makespan_s = max(done_s, self._makespan_s or 0.0)
        if outcome.status in ("ok", "flagged"):
            self._audio_s += outcome.audio_s
            if outcome.started_s is not None and outcome.finished_s is not None:
                self._work_s.append(outcome.finished_s - outcome.started_s)
                self._timed_audio_s += outcome.audio_s

    def summary(self, account: Account | None = None) -> Summary:
        """The numbers so far. `account` counts the chunks, because some delivered ones may not be written."""
        playbacks = self._playbacks.values()
        first = [p.first_audio_s for p in playbacks if p.first_audio_s is not None]
        ended, failed = sum(self._count.values()), self._count["failed"]
        return Summary(
            submitted=ended if account is None else account.submitted,
            delivered=ended - failed if account is None else account.delivered,
            failed=failed if account is None else account.failed,
            not_reached=None if account is None else account.not_reached,
            flagged=self._count["flagged"],
            pauses=self._count["pause"],
            time_to_first_audio_s=min(first, default=None),
            makespan_s=self._makespan_s,
            audio_s=self._audio_s,
            pause_s=self._pause_s,
            rtf=_ratio(sum(self._work_s), self._timed_audio_s),
            speed=_ratio(self._audio_s, self._makespan_s),
            wait_s=max((p.wait_s for p in playbacks if p.first_audio_s is not None), default=None),
            stalls=sum(p.stalls for p in playbacks),
            stall_s=sum(p.stall_s for p in playbacks),
            chunk_s=_percentiles(self._work_s),
        )

    def _playback(self, stream: str) -> Playback:
        return self._playbacks.setdefault(stream, Playback())


def _ratio(part: float, whole: float | None) -> float | None:
    return part / whole if whole else None


def _percentiles(values: array[float]) -> dict[str, float | None]:
    """By name, each value interpolated between the two nearest ranks."""
    if len(values) < 2:
        return {f"p{percent}": values[0] if values else None for percent in PERCENTILES}
    # Not numpy's: for one call it imports its masked arrays, which take longer than the rest of a summary.
    cuts = quantiles(values, n=100, method="inclusive")
    return {f"p{percent}": cuts[percent - 1] for percent in PERCENTILES}
