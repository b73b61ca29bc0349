"""What happened, in figures: of requests as they end, of chunks and workers as they are observed."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from ttsflow.interface.jobs import Outcome
from ttsflow.report import Loss, Unobserved
from ttsflow.report.metrics import Playback

_FIRST_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_RTF = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0)


class Metrics(Unobserved):
    """Counts what happens: chunks and workers as it observes them, requests as it is told of them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "ttsflow_requests",
            "Requests for speech, by what became of them",
            ["result"],
            registry=self.registry,
        )
        self._first = Histogram(
            "ttsflow_first_audio_seconds",
            "Time from a request to its first audio",
            buckets=_FIRST_S,
            registry=self.registry,
        )
        self._stalls = Counter(
            "ttsflow_stalls", "Times in which playback would have waited for audio", registry=self.registry
        )
        self._stall_s = Counter(
            "ttsflow_stall_seconds", "How long playback would have waited in all", registry=self.registry
        )
        self._audio_s = Counter("ttsflow_audio_seconds", "Audio that was spoken", registry=self.registry)
        self._rtf = Histogram(
            "ttsflow_real_time_factor",
            "Synthesis time of a chunk over the time of its audio",
            buckets=_RTF,
            registry=self.registry,
        )
        self._failed = Counter(
            "ttsflow_failed_chunks", "Chunks that could not be spoken", registry=self.registry
        )
        self._deaths = Counter(
            "ttsflow_worker_deaths",
            "Workers that died or were ended because they hung",
            registry=self.registry,
        )

    def request(self, result: str, playback: Playback | None = None) -> None:
        """A request has ended; `playback` is what its listener has heard of it, if it was spoken."""
        self._requests.labels(result).inc()
        if playback is not None and playback.first_audio_s is not None:
            self._first.observe(playback.first_audio_s)
            self._stalls.inc(playback.stalls)
            self._stall_s.inc(playback.stall_s)

    def ended(self, outcome: Outcome, now: float) -> None:
        if outcome.status == "failed":
            self._failed.inc()
        elif outcome.started_s is not None and outcome.finished_s is not None and outcome.audio_s > 0.0:
            self._audio_s.inc(outcome.audio_s)
            self._rtf.observe((outcome.finished_s - outcome.started_s) / outcome.audio_s)

    def worker_lost(self, loss: Loss) -> None:
        self._deaths.inc()
