"""What `ttsflow run` does, once its arguments are understood."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ttsflow.cli.console import count
from ttsflow.cli.runs import STREAM, Run, ask
from ttsflow.config import Settings
from ttsflow.errors import InputError, OutputError
from ttsflow.interface.jobs import Account
from ttsflow.output import Format, StreamSink
from ttsflow.output.partfile import PartFile
from ttsflow.registry import Registry
from ttsflow.session.plan import Plan, make_plan
from ttsflow.session.recording import Recording, identity_of
from ttsflow.text import Document, read_file, read_stream, read_text

STDOUT = 1
MEGABYTE = 1e6
AUDIO_FILES = {"aac", "flac", "m4a", "m4b", "mp3", "ogg", "opus", "pcm", "wav"}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the audio and the report go, as the user said it."""

    output: str | None
    overwrite: bool = False
    report: Path | None = None
    fresh: bool = False
    keep_store: bool = True
    strict: bool = False

    def check(self, document: Document, form: Format) -> None:
        """Raise OutputError for a place that cannot be, before anything is downloaded or loaded."""
        if self.live:
            return
        path = self.path(document, form)
        if self.report is not None and _same(self.report, path):
            raise OutputError(f"the audio and the report would both be {path}; choose another --report")
        PartFile(path).check()

    def path(self, document: Document, form: Format) -> Path:
        """The file that was named, or STEM.wav; not one that is named by mistake."""
        from_file = document.identity.source is not None
        if self.output is None:
            return Path(f"{Path(document.name).stem if from_file else 'speech'}.{form}")
        if not self.output:
            raise OutputError("the name of the output file is empty")
        path = Path(self.output)
        if from_file and _same(path, Path(document.name)):
            raise OutputError(f"{path} is the text that is to be spoken; choose another -o")
        if (kind := path.suffix.lower().removeprefix(".")) in AUDIO_FILES - {form}:
            right = path.with_suffix(f".{form}")
            raise OutputError(f"{path} has the name of {kind} audio, and {form} is written; name it {right}")
        return path

    @property
    def live(self) -> bool:
        """Whether somebody listens as the audio is made."""
        return self.output == "-"


def _same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one place. Raises OutputError for one that leads nowhere."""
    try:
        return one.resolve() == other.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links; a NUL in the path
        raise OutputError(f"cannot write {one}: {error}; choose another place") from error


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
    document: Document,
    settings: Settings,
    plugins_dirs: Sequence[Path],
    registry: Registry,
    destination: Destination,
    *,
    quiet: bool,
) -> None:
    """Speak a document to its destination; ends the program with the run's exit code."""
    began = time.monotonic()
    destination.check(document, settings.config.output.format)
    plan = make_plan(settings, registry, fallback_allowed=True, ask=ask())
    with Run(plan, began, destination.report, quiet=quiet) as run:
        if destination.live:
            code = _speak_live(run, plan, document, strict=destination.strict)
        else:
            code = _record(run, plan, document, destination, plugins_dirs)
    if code:
        sys.exit(code)


def _speak_live(run: Run, plan: Plan, document: Document, *, strict: bool) -> int:
    sink = StreamSink(STDOUT, sample_rate=plan.profile.sample_rate, format=plan.config.output.format)
    run.report.open()
    sink.open()
    run.console.begin(run.info, count(document.text))
    account = run.stream(plan.jobs(document, STREAM), sink, live=True)
    run.end(account, "standard output")
    in_doubt = strict and run.report.summary().flagged
    return 1 if account.failed or account.not_reached or in_doubt else 0


def _record(
    run: Run, plan: Plan, document: Document, destination: Destination, plugins_dirs: Sequence[Path]
) -> int:
    path = destination.path(document, plan.config.output.format)
    with Recording(plan, path, identity_of(document), overwrite=destination.overwrite) as recording:
        recording.open(fresh=destination.fresh)
        recording.plan(document, plugins_dirs)
        run.report.open()
        counts = recording.counts()
        complete = not counts.left and recording.is_built
        if complete:
            run.report.close(Account())
            run.console.say(f"nothing to do: {path} is complete")
        else:
            run.record(recording, path)
        code = run.judge(recording, path, strict=destination.strict)
        if code == 0 and not destination.keep_store:
            recording.discard()
        elif not complete:
            size = f"{recording.counts().bytes / MEGABYTE:.1f} MB"
            run.console.say(f"kept: {recording.store.path.name}, {size}; to remove it: ttsflow clean {path}")
    return code
