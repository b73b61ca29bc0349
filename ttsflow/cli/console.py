"""What a run shows on the terminal, all of it on standard error: standard output is for the audio."""

from __future__ import annotations

import sys

import click

from ttsflow.jobs import Outcome
from ttsflow.report import RunInfo, RunReport, WorkerInfo

REDRAW_S = 0.1


class Console:
    """Observes a run for the person at the terminal, and passes everything on to the report."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._progress = not quiet and sys.stderr.isatty()
        self._chunks, self._audio_s, self._drawn = 0, 0.0, 0.0

    def begin(self, info: RunInfo, report: RunReport) -> None:
        """The choices are made: show them."""
        self._report = report
        if info.backend_fallback is not None:
            self._say(f"notice: {info.backend_fallback}")
        self._say(f"policy {info.policy} ({info.decided_by}), backend {info.backend}")

    def end(self, place: str | None) -> None:
        """The run is over; `place` is where the audio is, if there is any."""
        self._clear()
        self._say(self._report.summary_text(), prefix="")
        if place is not None:
            self._say(f"spoken to {place}")

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        self._report.worker_ready(info, now)

    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None:
        self._report.delivered(stream, index, audio_s, now)
        self._audio_s += audio_s

    def ended(self, outcome: Outcome, now: float) -> None:
        self._report.ended(outcome, now)
        self._chunks += 1
        if self._progress and now - self._drawn > REDRAW_S:
            self._drawn = now
            minutes, seconds = divmod(int(self._audio_s), 60)
            click.echo(f"\r{self._chunks} chunks, {minutes}:{seconds:02} of speech", err=True, nl=False)

    def notice(self, text: str) -> None:
        self._report.notice(text)
        self._clear()
        self._say(text)

    def _say(self, text: str, prefix: str = "ttsflow: ") -> None:
        if not self._quiet:
            click.echo(prefix + text, err=True)

    def _clear(self) -> None:
        """Wipe the progress line."""
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._drawn = 0.0
