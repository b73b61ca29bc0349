"""What a run shows on the terminal, all of it on standard error: standard output is for the audio."""

from __future__ import annotations

import logging
import os
import sys

from ttsflow.cli.flags import in_flags
from ttsflow.cli.messages import STDERR, Messages
from ttsflow.interface.jobs import Outcome
from ttsflow.report import OutputInfo, RunInfo, RunReport, Unobserved, WorkerInfo
from ttsflow.report.units import duration
from ttsflow.text.document import count_chars

logger = logging.getLogger(__name__)

REDRAW_S = 0.1
LINE_S = 30.0
"""from one line to the next of a run whose progress is not drawn, as in a log file"""
USUAL_COLUMNS = 80  # of a terminal that does not tell how wide it is


class Console(Unobserved):
    """Observes a run for the person at the terminal; `report` observes it, too, and has the summary.

    It never waits for the terminal. Progress is of the whole text, what was kept before included; it is
    drawn in one place on a terminal, and told in a line now and then elsewhere.
    """

    def __init__(self, report: RunReport, messages: Messages, quiet: bool) -> None:
        self._report = report
        self._messages = messages
        self._quiet = quiet
        self._progress = not quiet and sys.stderr.isatty()
        self._total: int | None = 1
        self._kept, self._in_chunks = 0, False
        self._done, self._audio_s = 0, 0.0
        self._began_s: float | None = None  # when the first worker was ready
        self._shown_s = 0.0  # when progress was shown last

    def begin(self, info: RunInfo, total: int | None, kept: int | None = None) -> None:
        """The choices are made and the workers start: show them.

        `total` is what is to be spoken: in characters without white space, or in chunks where so many
        are `kept` from a run before; None where nobody knows, because the text still comes.
        """
        self._total, self._kept, self._in_chunks = total, kept or 0, kept is not None
        if info.backend_fallback is not None:
            self.say(f"notice: {info.backend_fallback}")
        self.say(f"backend {info.backend}, policy {info.policy}, chosen by {info.decided_by}")
        if kept:
            self.say(f"kept from before: {kept:,} of {kept + (total or 0):,} chunks")
        self._draw("loading ...")

    def end(self, output: OutputInfo | str | None) -> None:
        """The run is over and its report closed; `output` is where the audio is, if there is any."""
        self._draw("")
        if self._done:
            self.say(self._report.summary_text(), prefix="", must=True)
        if self._quiet and (failures := self._report.failures_text()):
            self._messages.write(f"{failures}\n", must=True)  # a lost sentence is an error
        if output is not None:
            self.say(f"spoken to {output}", must=True)

    def loading(self, worker: str, what: str, now: float) -> None:
        if self._progress:
            self._draw(f"loading: {worker}: {what}")
        else:
            logger.debug("loading: %s: %s", worker, what)

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        if self._began_s is None:
            self._began_s = now
            self._shown_s = 0.0 if self._progress else now  # a line tells nothing before there is something
        self._show_progress(now)

    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None:
        self._audio_s += audio_s

    def ended(self, outcome: Outcome, now: float) -> None:
        # Chunks without anything to say are not among those that are left.
        self._done += outcome.job.speakable if self._in_chunks else count_chars(outcome.job.text)
        self._show_progress(now)

    def notice(self, text: str) -> None:
        self._draw("")
        self.say(in_flags(text))

    def say(self, text: str, prefix: str = "ttsflow: ", must: bool = False) -> None:
        """Tell the person something that the report need not hold."""
        if not self._quiet:
            self._messages.write(f"{prefix}{text}\n", must)

    def interrupted(self, text: str) -> None:
        """Answer Ctrl-C, on a line of its own: a terminal has shown ^C in the line before."""
        if self._progress:
            self._messages.write("\n")
        self.say(text)

    def complain(self, text: str) -> None:
        """Say why the run does not end well, quiet or not."""
        self._messages.write(f"ttsflow: {text}\n", must=True)

    def _show_progress(self, now: float) -> None:
        if now - self._shown_s < (REDRAW_S if self._progress else LINE_S):
            return
        self._shown_s = now
        line = self._progress_line(now)
        if self._progress:
            self._draw(line)
        else:
            self.say(line)

    def _progress_line(self, now: float) -> str:
        if self._total is None:
            return f"{duration(self._audio_s)} of speech"
        done, total = self._kept + self._done, max(self._kept + self._total, 1)
        of = "chunks" if self._in_chunks else "text"
        line = f"{min(done / total, 1.0):4.0%} of the {of}, {duration(self._audio_s)} of speech"
        took_s = 0.0 if self._began_s is None else now - self._began_s
        if not (took_s and self._done and self._audio_s):
            return line
        left_s = took_s / self._done * max(total - done, 0)
        return f"{line}, {self._audio_s / took_s:.3g} x real time, about {duration(left_s)} left"

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
