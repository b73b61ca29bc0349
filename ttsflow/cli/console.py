"""What a run shows on the terminal, all of it on standard error: standard output is for the audio."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from ttsflow.cli.activity import Activity
from ttsflow.cli.display import Display
from ttsflow.cli.flags import in_flags
from ttsflow.cli.messages import Messages
from ttsflow.cli.progress import Amount, Progress
from ttsflow.interface.jobs import Outcome
from ttsflow.report import Attempt, Loss, OutputInfo, RunInfo, RunReport, Unobserved, WorkerInfo
from ttsflow.report.units import duration

LINE_S = 30.0
"""from one line to the next of a run whose progress is not drawn, as in a log file"""


class Console(Unobserved):
    """Observes a run for the person at the terminal; `report` observes it, too, and has the summary.

    It never waits for the terminal. Progress is of the whole text, what was kept before included; it is
    drawn at the foot of a terminal, and told in a line now and then elsewhere.
    """

    def __init__(self, report: RunReport, messages: Messages, quiet: bool) -> None:
        self._report = report
        self._messages = messages
        self._quiet = quiet
        self._progress, self._activity = Progress(), Activity()
        self._display: Display | None = None
        self._shown_s: float | None = None  # when a line of progress was written last
        self._of = ""  # what is said of a run of many texts

    def begin(
        self,
        info: RunInfo,
        total: Amount | None,
        kept: Amount | None = None,
        chapters: Mapping[int, str] | None = None,
    ) -> None:
        """The choices are made and the workers start: show them.

        `total` is what is to be spoken, None where nobody knows, because the text still comes; `kept` is
        what a run before has spoken. `chapters` are titles, by the index of their first chunk.
        """
        self._progress = Progress(total, kept)
        if info.backend_fallback is not None:
            self.say(f"notice: {info.backend_fallback}")
        self.say(f"backend {info.backend}, policy {info.policy}, chosen by {info.decided_by}")
        if kept is not None and kept.chunks and total is not None:
            self.say(f"kept from before: {kept.chunks:,} of {(kept + total).chunks:,} chunks")
        if not self._quiet and _draws():
            display = Display(self._messages.put, self._progress, self._activity, info.devices, chapters)
            self._messages.show_through(display)
            self._display = display

    def count(self, done: str) -> None:
        """Of a run of many texts: how far it is, in words, such as "3 of 12 texts"."""
        self._of = f"{done}, "
        if (display := self._display) is not None:
            display.of = done

    def expect(self, left: Amount | None, kept: Amount) -> None:
        """Of a run of many texts: what is to be spoken, and what was kept before, as far as it is known."""
        self._progress.expect(left, kept)

    def end(self, output: OutputInfo | str | None) -> None:
        """The run is over and its report closed; `output` is where the audio is, if there is any."""
        self.close()
        if self._progress.chunks:
            self.say(self._report.summary_text(), prefix="", must=True)
        if self._quiet and (failures := self._report.failures_text()):
            self._messages.write(f"{failures}\n", must=True)  # a lost sentence is an error
        if output is not None:
            self.say(f"spoken to {output}", must=True)

    def close(self) -> None:
        """Draw no more. May be called again."""
        display, self._display = self._display, None
        if display is not None:
            self._messages.show_through(None)
            display.close()

    def loading(self, worker: str, what: str, now: float) -> None:
        self._activity.loading(worker, what, now)

    def worker_started(self, worker: str, generation: int, now: float) -> None:
        self._activity.worker_started(worker, generation, now)

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        self._activity.worker_ready(info, now)
        self._progress.ready(now)
        self._tell_progress(now)

    def worker_lost(self, loss: Loss) -> None:
        self._activity.worker_lost(loss)

    def attempt(self, token: int, attempt: Attempt) -> None:
        self._activity.attempt(token, attempt)
        self._progress.attempt(token, attempt)

    def made(self, outcome: Outcome, now: float) -> None:
        self._progress.made(outcome)
        self._tell_progress(now)

    def ended(self, outcome: Outcome, now: float) -> None:
        self._progress.ended(outcome)
        if (display := self._display) is not None:
            display.chunk = outcome.job.index
        self._tell_progress(now)

    def encoding(self, part: float, now: float) -> None:
        said = f"encoding {part:.0%}"
        if (display := self._display) is not None:
            display.doing = said
        self._tell(now, lambda: said)

    def notice(self, text: str) -> None:
        self.say(in_flags(text))

    def say(self, text: str, prefix: str = "ttsflow: ", must: bool = False) -> None:
        """Tell the person something that the report need not hold."""
        if not self._quiet:
            self._messages.write(f"{prefix}{text}\n", must)

    def complain(self, text: str) -> None:
        """Say why the run does not end well, quiet or not."""
        self._messages.write(f"ttsflow: {text}\n", must=True)

    def _tell_progress(self, now: float) -> None:
        self._tell(now, lambda: self._progress_line(now))

    def _tell(self, now: float, line: Callable[[], str]) -> None:
        """Write a line of progress where none is drawn, if it is time for one."""
        if self._display is not None or self._quiet:
            return
        if self._shown_s is None:
            self._shown_s = now  # a line tells nothing before there is something
        if now - self._shown_s >= LINE_S:
            self._shown_s = now
            self.say(line())

    def _progress_line(self, now: float) -> str:
        progress = self._progress
        line = f"{self._of}{duration(progress.audio_s)} of speech"
        if progress.share is not None:
            line = f"{progress.share:4.0%} of {'all' if self._of else 'the text'}, {line}"
        if (speed := progress.speed(now)) is not None:
            line += f", {speed:.3g} x real time"
        if (left_s := progress.left_s(now)) is not None:
            line += f", about {duration(left_s)} left"
        return line


def _draws() -> bool:
    """Whether standard error is a terminal on which lines can be drawn anew."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
