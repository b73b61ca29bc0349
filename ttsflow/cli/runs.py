"""One run of a command: what a person sees of it, what is reported, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from ttsflow.cli.console import Console
from ttsflow.cli.eventlog import EventLog
from ttsflow.cli.messages import Messages, from_here
from ttsflow.cli.options import Sources
from ttsflow.cli.progress import Amount
from ttsflow.cli.signals import Terminated
from ttsflow.cli.stdout import hearing
from ttsflow.config import Settings
from ttsflow.errors import Drained, RunError, StoreError, UsageError
from ttsflow.interface.jobs import Account
from ttsflow.report import Observer, OutputInfo, RunReport, Summary
from ttsflow.report.decisions import Decision, DecisionFile
from ttsflow.report.file import ReportPlace
from ttsflow.session.engine import Engine
from ttsflow.session.recording import Recording
from ttsflow.session.setup import Setup, make_setup
from ttsflow.session.streams import Speaking

STREAM = "main"
RESUMABLE = 3  # the exit code of a run that stopped before its end and can go on

SILENT = "no word was spoken: the text has no letter and no digit, only pauses"
NOTHING_HEARD = "no chunk could be spoken, so nothing but pauses went to {}"


class Run:
    """Observes an engine: inside it messages go to the console, and the report is closed at its end.

    `began` is the start on the monotonic clock. The decisions of the policy go to the file `trace`, if there
    is one.
    """

    def __init__(
        self,
        setup: Setup,
        began: float,
        report: ReportPlace | None = None,
        trace: Path | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self.info = setup.info()
        self._trace = None if trace is None else DecisionFile(trace, began)
        self.report = RunReport(self.info, began, report)
        self._messages = Messages()
        self.console = Console(self.report, self._messages, quiet)
        self._event_log = EventLog()
        self._undo = ExitStack()
        self.prediction: Callable[[], Summary | None] = lambda: None
        """what was to be expected of the run, worked out at its end"""

    def __enter__(self) -> Self:
        self._undo.enter_context(self._messages)
        self._undo.callback(self.console.close)
        self._undo.push(lambda kind, error, trace: self.report.close(error=error))
        if self._trace is not None:
            self._undo.callback(self._end_trace)
            self._trace.open(self.info.policy, self.info.policy_options)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.__exit__(kind, error, trace)

    def traced(self, setup: Setup) -> Setup:
        """The setup with the decisions of its policy written down, where that was asked for."""
        return setup if self._trace is None else replace(setup, tell=self._decided)

    def _decided(self, decision: Decision) -> None:
        assert self._trace is not None  # else nobody tells
        self._trace.write(decision)
        self.report.decided(decision)

    def _end_trace(self) -> None:
        assert self._trace is not None  # as above
        if (trouble := self._trace.close()) is not None:
            self.console.complain(trouble)

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Who is told what happens: the console shows what the report has counted."""
        return self.report, self.console, self._event_log

    def begin(
        self, total: Amount | None, kept: Amount | None = None, chapters: Mapping[int, str] | None = None
    ) -> None:
        """Show what was chosen, and what is to be spoken; as `Console.begin`."""
        info = self.info
        self._event_log.begin(info)
        self.console.begin(info, total, kept, chapters)
        if not info.reproducible:
            where = f"backend {info.backend} on {info.device_kind}"
            self.notice(f"audio may differ a little from run to run: {where}")

    def notice(self, text: str) -> None:
        """Something a person should read, now or in the report."""
        for observer in self.observers:
            observer.notice(text)

    @contextmanager
    def summed_up(self, account: Callable[[], Account | None]) -> Iterator[None]:
        """What ends early inside is reported and summed up; `account` says how far it came, if known."""
        try:
            yield
        except BaseException as error:
            try:
                self.report.close(account(), error)
            finally:
                if not isinstance(error, BrokenPipeError):  # a listener who has left has heard enough
                    self.console.end(None)
            raise

    @contextmanager
    def resumable(self, recording: Recording) -> Iterator[None]:
        """As `summed_up`, for a recording: says what is kept, and that the same command goes on."""
        try:
            with self.summed_up(lambda: recording.account):
                yield
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, RunError):
                error.exit_code = RESUMABLE
            if not isinstance(error, UsageError):
                self._say_what_is_kept(recording)
            raise

    def _say_what_is_kept(self, recording: Recording) -> None:
        with suppress(StoreError):  # why the run ends is known already
            counts = recording.counts()
            if counts.kept:
                self.console.say(
                    f"{counts.kept:,} of {counts.distinct:,} chunks are kept in "
                    f"{from_here(recording.store.path)}; "
                    f"the same command goes on from there"
                )

    def drained(self, engine: Engine) -> Callable[[Speaking], None]:
        """Waits for a stream; Ctrl-C lets what is in work end first, a second one does not."""

        def wait(speaking: Speaking) -> None:
            with hurried(engine):
                try:
                    speaking.wait()
                except KeyboardInterrupt as stop:
                    if isinstance(stop, Terminated):
                        raise
                    self.console.say("finishing what is in work; Ctrl-C again stops at once")
                    engine.drain()
                    with suppress(Drained):
                        speaking.wait()
                    raise

        return wait

    def end(self, account: Account | None, where: str) -> None:
        """Everything was streamed: close the report and show the summary, and `where` it was heard."""
        self.report.close(account, predicted=self.prediction())
        summary = self.report.summary()
        heard = summary.delivered > summary.pauses
        self.console.end(where if heard else None)
        if not heard:
            self.console.complain(NOTHING_HEARD.format(where) if summary.failed else SILENT)

    def end_takes(self, recording: Recording, files: Sequence[Path]) -> None:
        """Takes are spoken: close the report and show the summary, and where they are."""
        self.report.close(recording.account)
        self.console.end(None)
        for path in files:
            self.console.say(f"take {path.stem.rpartition('-')[2]}: {path}")

    def end_recording(self, recording: Recording, written: bool) -> None:
        """Everything is spoken: close the report and show the summary, and what has come out."""
        output = made(recording) if written else None
        self.report.close(recording.account, output=output, predicted=self.prediction())
        self.console.end(output)
        if not recording.counts().speakable:
            self.console.complain(SILENT)
        if not written:
            self.console.complain(f"no chunk could be spoken, so {recording.path} was not written")


@contextmanager
def hurried(engine: Engine) -> Iterator[None]:
    """Whoever ends the program inside does not wait for a policy that does not come back."""
    try:
        yield
    except KeyboardInterrupt:
        engine.hurry()
        raise


def made(recording: Recording) -> OutputInfo:
    """The file that a recording was built into."""
    length_s = recording.store.extent().length_s
    return OutputInfo(str(recording.path), length_s, recording.path.stat().st_size)


def set_up(
    settings: Settings,
    sources: Sources,
    *,
    fallback_allowed: bool,
    listening: bool,
    chars: int | None = None,
) -> Setup:
    """What `make_setup` makes, for a command: a person may be asked, and plugins that print are heard."""
    return make_setup(
        settings,
        sources.plugins_dirs,
        fallback_allowed=fallback_allowed,
        listening=listening,
        chars=chars,
        registry=sources.registry(settings),
        ask=ask(),
        hearing=hearing,
    )


def ask() -> Callable[[str], bool] | None:
    """Puts a question to the person at the terminal, if there is one."""
    return _confirm if sys.stdin.isatty() and sys.stderr.isatty() else None


def _confirm(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:  # Ctrl-C, as an exception that no backend takes for its own
        raise KeyboardInterrupt from abort
