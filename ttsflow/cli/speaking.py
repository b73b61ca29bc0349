"""What `ttsflow run` does, once its arguments are understood."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import click

from ttsflow.api import identity_of
from ttsflow.cli.console import Console
from ttsflow.cli.messages import Messages
from ttsflow.config import Settings
from ttsflow.errors import InputError, OutputError
from ttsflow.partfile import PartFile
from ttsflow.plan import Plan, make_plan
from ttsflow.registry import Registry
from ttsflow.report import RunReport
from ttsflow.runner import Runner, StreamHandle
from ttsflow.sinks import FileSink, Format, Sink, StreamSink
from ttsflow.text import Document, read_file, read_stream, read_text

STREAM = "main"
STDOUT = 1
ABORT_S = 1.0  # that an interrupted run waits for its sink
AUDIO_FILES = {"aac", "flac", "m4a", "m4b", "mp3", "ogg", "opus", "pcm", "wav"}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the audio and the report go, as the user said it."""

    output: str | None
    overwrite: bool
    report: Path | None

    def check(self, document: Document, form: Format) -> None:
        """Raise OutputError for a place that cannot be, before anything is downloaded or loaded."""
        if self.live:
            return
        path = self._path(document, form)
        if self.report is not None and self.report.resolve() == path.resolve():
            raise OutputError(f"the audio and the report would both be {path}; choose another --report")
        PartFile(path).check()

    def sink(self, plan: Plan, document: Document) -> tuple[Sink, str]:
        """The sink, and how to name the place to a person. Raises OutputError."""
        form, rate = plan.config.output.format, plan.profile.sample_rate
        if self.live:
            return StreamSink(STDOUT, sample_rate=rate, format=form), "standard output"
        path = self._path(document, form)
        sink = FileSink(
            path, sample_rate=rate, format=form, identity=identity_of(document), overwrite=self.overwrite
        )
        return sink, str(path)

    def _path(self, document: Document, form: Format) -> Path:
        """The file that was named, or STEM.wav; not one that is named by mistake."""
        from_file = document.identity.source is not None
        if self.output is None:
            return Path(f"{Path(document.name).stem if from_file else 'speech'}.{form}")
        if not self.output:
            raise OutputError("the name of the output file is empty")
        path = Path(self.output)
        if from_file and path.resolve() == Path(document.name).resolve():
            raise OutputError(f"{path} is the text that is to be spoken; choose another -o")
        if (kind := path.suffix.lower().removeprefix(".")) in AUDIO_FILES - {form}:
            right = path.with_suffix(f".{form}")
            raise OutputError(f"{path} has the name of {kind} audio, and {form} is written; name it {right}")
        return path

    @property
    def live(self) -> bool:
        """Whether somebody listens as the audio is made."""
        return self.output == "-"


def set_up_logging(*, quiet: bool, verbose: bool) -> None:
    """Warnings to standard error; everything with `verbose`, errors alone with `quiet`."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(level=level, format="ttsflow: %(message)s", stream=sys.stderr)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def read_input(source: str | None, text: str | None, encoding: str) -> Document:
    """The document that the user named. Raises InputError; click.UsageError where there is none."""
    if source is not None and text is not None:
        raise click.UsageError("give INPUT or --text, not both")
    if text is not None:
        return read_text(text)
    if source is None and sys.stdin.isatty():
        raise click.UsageError("nothing to speak. Try: ttsflow run book.txt -o book.wav")
    if source is None or source == "-":
        return read_stream(sys.stdin.buffer, encoding)
    if not source:
        raise InputError("the name of the input file is empty")
    return read_file(Path(source), encoding)


def speak(
    document: Document, settings: Settings, registry: Registry, destination: Destination, *, quiet: bool
) -> None:
    """Speak a document to its destination; ends the program with the run's exit code."""
    began = time.monotonic()
    destination.check(document, settings.config.output.format)
    plan = make_plan(settings, registry, fallback_allowed=True, ask=_ask())
    info = plan.info()
    report = RunReport(info, began, destination.report)
    sink, place = destination.sink(plan, document)
    with ExitStack() as undo:
        console = Console(report, undo.enter_context(Messages()), document.text, quiet)
        report.open()
        undo.push(lambda kind, error, trace: report.close(error=error))
        sink.open()
        undo.callback(sink.abort)
        console.begin(info)
        runner = undo.enter_context(Runner(plan.scheduler(), plan.recipe(), plan.config.limits, console))
        handle = runner.open(STREAM, plan.jobs(document, STREAM), sink, live=destination.live)
        try:
            account = handle.wait()
        except BaseException as error:
            _give_up(handle)
            runner.close(now=True)
            try:
                report.close(handle.account, error)
            finally:
                if not isinstance(error, BrokenPipeError):  # a listener who has left has heard enough
                    console.end(None)
            raise
        report.close(account)
        nothing = isinstance(sink, FileSink) and not sink.published
        console.end(None if nothing else place)
    if account.failed or account.not_reached:
        sys.exit(1)


def _give_up(handle: StreamHandle) -> None:
    """Cancel a stream, and give its sink a moment to take note."""
    handle.cancel()
    with suppress(Exception):  # why the run ends is known already; the sink may block for longer
        handle.wait(ABORT_S)


def _ask() -> Callable[[str], bool] | None:
    """Puts a question to the person at the terminal, if there is one."""
    return _confirm if sys.stdin.isatty() and sys.stderr.isatty() else None


def _confirm(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:  # Ctrl-C, as an exception that no backend takes for its own
        raise KeyboardInterrupt from abort
