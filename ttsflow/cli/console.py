"""What a run shows on the terminal, all of it on standard error: standard output is for the audio."""

from __future__ import annotations

import logging
import os
import sys

from ttsflow.cli.messages import STDERR, Messages
from ttsflow.interface.jobs import Outcome
from ttsflow.report import RunInfo, RunReport, WorkerInfo

logger = logging.getLogger(__name__)

REDRAW_S = 0.1
USUAL_COLUMNS = 80  # of a terminal that does not tell how wide it is


class Console:
    """Observes a run for the person at the terminal; `report` observes it, too, and has the summary.

    It never waits for the terminal. The progress line tells how much is done of what is to be spoken.
    """

    def __init__(self, report: RunReport, messages: Messages, quiet: bool) -> None:
        self._report = report
        self._messages = messages
        self._quiet = quiet
        self._progress = not quiet and sys.stderr.isatty()
        self._total, self._in_chunks = 1, False
        self._done, self._audio_s, self._drawn_s = 0, 0.0, 0.0

    def begin(self, info: RunInfo, total: int, kept: int | None = None) -> None:
        """The choices are made and the workers start: show them.

        `total` is what is to be spoken: in characters without white space, or in chunks where so many
        are `kept` from a run before.
        """
        self._total, self._in_chunks = total, kept is not None
        if info.backend_fallback is not None:
            self.say(f"notice: {info.backend_fallback}")
        self.say(f"backend {info.backend}, policy {info.policy}, chosen by {info.decided_by}")
        if kept:
            self.say(f"kept from before: {kept:,} of {kept + total:,} chunks")
        self._draw("loading ...")

    def end(self, place: str | None) -> None:
        """The run is over and its report closed; `place` is where the audio is, if there is any."""
        self._draw("")
        if self._done:
            self.say(self._report.summary_text(), prefix="", must=True)
        if self._quiet and (failures := self._report.failures_text()):
            self._messages.write(f"{failures}\n", must=True)  # a lost sentence is an error
        if place is not None:
            self.say(f"spoken to {place}", must=True)

    def loading(self, worker: str, what: str, now: float) -> None:
        if self._progress:
            self._draw(f"loading: {worker}: {what}")
        else:
            logger.debug("loading: %s: %s", worker, what)

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        self._draw_done(now)

    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None:
        self._audio_s += audio_s

    def ended(self, outcome: Outcome, now: float) -> None:
        self._done += 1 if self._in_chunks else count(outcome.job.text)
        if now - self._drawn_s > REDRAW_S:
            self._draw_done(now)

    def notice(self, text: str) -> None:
        self._draw("")
        self.say(text)

    def say(self, text: str, prefix: str = "ttsflow: ", must: bool = False) -> None:
        """Tell the person something that the report need not hold."""
        if not self._quiet:
            self._messages.write(f"{prefix}{text}\n", must)

    def complain(self, text: str) -> None:
        """Say why the run does not end well, quiet or not."""
        self._messages.write(f"ttsflow: {text}\n", must=True)

    def _draw_done(self, now: float) -> None:
        self._drawn_s = now
        minutes, seconds = divmod(int(self._audio_s), 60)
        part = min(self._done / max(self._total, 1), 1.0)
        whole = "chunks" if self._in_chunks else "text"
        self._draw(f"{part:4.0%} of the {whole}, {minutes}:{seconds:02} min of speech")

    def _draw(self, text: str) -> None:
        """Put `text` in the place of the progress line, as much of it as one line holds."""
        if self._progress:
            shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
            self._messages.write(f"\r\x1b[K{shown[: _columns() - 1]}")


def _columns() -> int:
    try:
        return os.get_terminal_size(STDERR).columns or USUAL_COLUMNS
    except OSError:  # it was closed meanwhile
        return USUAL_COLUMNS


def count(text: str) -> int:
    """Characters without white space, or nearly: a book must not be taken apart for a progress line."""
    return len(text) - text.count(" ") - text.count("\n")
