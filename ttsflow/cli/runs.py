"""One run, as a command goes through it: workers, streams, what is shown, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from ttsflow.cli.console import Console
from ttsflow.cli.ending import Terminated
from ttsflow.cli.messages import Messages
from ttsflow.errors import RunError, StoreDamaged, StoreError
from ttsflow.interface.jobs import Account, ChunkJob
from ttsflow.output import Sink
from ttsflow.report import RunReport
from ttsflow.runner import Keeper, Runner, StreamHandle
from ttsflow.session.plan import Plan
from ttsflow.session.recording import Recording

STREAM = "main"
ABORT_S = 1.0  # that an interrupted run waits for its sink
RESUMABLE = 3  # the exit code of a run that stopped before its end and can go on


class Run:
    """A plan that is carried out: inside it messages go to the console, and the report is closed at its end.

    `began` is the start on the monotonic clock.
    """

    def __init__(self, plan: Plan, began: float, report: Path | None = None, *, quiet: bool = False) -> None:
        self._plan = plan
        self.info = plan.info()
        self.report = RunReport(self.info, began, report)
        self._messages = Messages()
        self.console = Console(self.report, self._messages, quiet)
        self._undo = ExitStack()
        self._account = Account()
        self._uncounted = False  # a stream ended, and nobody knows what became of its chunks

    def __enter__(self) -> Self:
        self._undo.enter_context(self._messages)
        self._undo.push(lambda kind, error, trace: self.report.close(error=error))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.__exit__(kind, error, trace)

    def stream(
        self, jobs: Iterable[ChunkJob], sink: Sink, *, live: bool = False, keeper: Keeper | None = None
    ) -> Account:
        """Speak `jobs` to the end, with workers of their own. Ctrl-C lets a stored stream finish its work."""
        plan, limits = self._plan, self._plan.config.limits
        with ExitStack() as undo:
            undo.callback(sink.abort)
            runner = undo.enter_context(Runner(plan.scheduler(), plan.workers, limits, self.console))
            handle = runner.open(STREAM, jobs, sink, live=live, keeper=keeper)
            try:
                account = self._drained(runner, handle) if keeper else handle.wait()
            except BaseException as error:
                _give_up(handle)
                runner.close(now=True)
                if handle.account is None:
                    self._uncounted = True
                else:
                    self._account += handle.account
                if not isinstance(error, StoreDamaged):  # that can be mended
                    self._break_off(error)
                raise
        self._account += account
        return account

    def _break_off(self, error: BaseException) -> None:
        try:
            self.report.close(None if self._uncounted else self._account, error)
        finally:
            if not isinstance(error, BrokenPipeError):  # a listener who has left has heard enough
                self.console.end(None)

    def _drained(self, runner: Runner, handle: StreamHandle) -> Account:
        try:
            return handle.wait()
        except KeyboardInterrupt as stop:
            if isinstance(stop, Terminated):
                raise
            self.console.say("finishing what is in work; Ctrl-C again stops at once")
            runner.drain()
            handle.wait()
            raise

    def record(self, recording: Recording, path: Path) -> None:
        """Speak what a recording lacks, and build its output."""
        try:
            self._record(recording, path)
        except RunError as error:
            error.exit_code = RESUMABLE
            if isinstance(error, StoreDamaged):
                self._break_off(error)
            self._say_what_is_kept(recording)
            raise
        except KeyboardInterrupt:
            self._say_what_is_kept(recording)
            raise

    def _say_what_is_kept(self, recording: Recording) -> None:
        with suppress(StoreError):  # why the run ends is known already
            counts = recording.counts()
            if counts.kept:
                self.console.say(
                    f"{counts.kept:,} of {counts.distinct:,} chunks are kept in {recording.store.path.name}; "
                    f"the same command goes on from there"
                )

    def _record(self, recording: Recording, path: Path) -> None:
        counts = recording.counts()
        self.console.begin(self.info, counts.left, kept=counts.kept)
        if repeats := counts.speakable - counts.distinct:
            self.console.notice(f"{repeats:,} chunks have the text of others, and are heard from them")
        built = recording.complete(
            lambda: self.stream(recording.jobs(STREAM), recording, keeper=recording), self._mended
        )
        self.end(self._account, str(path) if built else None)

    def _mended(self, text: str) -> None:
        """What was not reached of a stream is spoken in the next."""
        self.console.notice(text)
        account = self._account
        self._account = Account(account.delivered + account.failed, account.delivered, account.failed)

    def judge(self, recording: Recording, path: Path, *, strict: bool) -> int:
        """The exit code of a recording that was carried through; where `strict` makes it 1, that is said."""
        counts = recording.counts()
        if strict and counts.flagged:
            self.console.complain(
                f"{counts.flagged:,} chunks of {path} are in doubt; to see them: ttsflow status {path}"
            )
        return 1 if counts.left or (strict and counts.flagged) else 0

    def redo(self, recording: Recording, jobs: Sequence[ChunkJob], path: Path) -> int:
        """Speak these chunks of a recording again, and build its output; the exit code."""
        self.console.begin(self.info, len(jobs), kept=0)
        try:
            account = self.stream(jobs, recording, keeper=recording)
            built = recording.build()
        except RunError as error:
            error.exit_code = RESUMABLE
            if isinstance(error, StoreDamaged):
                self._break_off(error)
                recording.mend(error)
            raise
        self.end(account, str(path) if built else None)
        return 1 if account.failed else 0

    def end(self, account: Account, place: str | None) -> None:
        """Every stream is over: close the report and show the summary."""
        self.report.close(account)
        self.console.end(place)


def ask() -> Callable[[str], bool] | None:
    """Puts a question to the person at the terminal, if there is one."""
    return _confirm if sys.stdin.isatty() and sys.stderr.isatty() else None


def _confirm(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:  # Ctrl-C, as an exception that no backend takes for its own
        raise KeyboardInterrupt from abort


def _give_up(handle: StreamHandle) -> None:
    """Cancel a stream, and give its sink a moment to take note."""
    handle.cancel()
    with suppress(Exception):  # why the run ends is known already; the sink may block for longer
        handle.wait(ABORT_S)
