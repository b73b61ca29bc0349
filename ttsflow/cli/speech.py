"""What `ttsflow run` and `ttsflow redo` do, once their arguments are understood."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from ttsflow.cli.flags import in_flags
from ttsflow.cli.messages import command
from ttsflow.cli.options import load_registry
from ttsflow.cli.runs import STREAM, Run, ask, made
from ttsflow.config import Settings
from ttsflow.config.model import OutputSection
from ttsflow.errors import InputError, OutputError
from ttsflow.interface.jobs import Account
from ttsflow.output import StreamSink, format_for
from ttsflow.report import Summary, Text
from ttsflow.report.file import ReportPlace
from ttsflow.report.timeline import form_of
from ttsflow.report.units import chunks, size
from ttsflow.session.destination import checked, same_place
from ttsflow.session.engine import Engine
from ttsflow.session.recipe import Recipe
from ttsflow.session.recording import Recording
from ttsflow.session.redo import Choice
from ttsflow.session.request import Manner, Request, chunks_of
from ttsflow.session.setup import foreseen, make_setup
from ttsflow.text import (
    Coming,
    Document,
    ReadOptions,
    beginning,
    only,
    read_coming,
    read_file,
    read_stream,
    read_text,
    usual_rate,
)
from ttsflow.text.readers import TEXT

STDOUT = 1


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the audio and the report go, as the user said it."""

    output: str | None
    overwrite: bool = False
    report: ReportPlace | None = None
    fresh: bool = False
    keep_store: bool = True
    strict: bool = False
    sample: bool = False

    @property
    def listening(self) -> bool:
        """Whether somebody listens as the audio is made."""
        return self.output == "-"

    def path(self, text: Document | Coming, output: OutputSection) -> Path | None:
        """The file that was named, or STEM.wav; None where somebody listens as the audio is made.

        Raises OutputError for a place that cannot be, before anything is downloaded or loaded.
        """
        if self.report is not None:
            form_of(Path(self.report))
        if self.listening:
            if sys.__stdout__ is None:
                raise OutputError("standard output is closed, so nobody would hear it; name a file with -o")
            if self.report == "-":
                raise OutputError("the audio and the report would both be on standard output; name a file")
            format_for(None, output.format).check(output.encoding)
            return None
        if isinstance(text, Coming):
            return None
        from_file = text.identity.source is not None
        stem = Path(text.name).stem if from_file else "speech"
        if self.sample:  # not over the whole
            stem += ".sample"
        usual = f"{stem}{format_for(None, output.format).suffixes[0]}"
        path = checked(usual if self.output is None else self.output, text, output)
        if isinstance(self.report, Path) and same_place(self.report, path):
            raise OutputError(f"the audio and the report would both be {path}; choose another --report")
        return path


def set_up_logging(*, quiet: bool, verbose: bool) -> None:
    """Warnings to standard error; with `verbose` all that this program logs, with `quiet` errors alone.

    Of other libraries nobody wants to see more than warnings.
    """
    level = logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(level=level, format="ttsflow: %(message)s", stream=sys.stderr)
    if verbose:
        logging.getLogger("ttsflow").setLevel(logging.DEBUG)


def read_input(
    source: str | None, text: str | None, options: ReadOptions, *, listening: bool
) -> Document | Coming:
    """The text that the user named; where somebody is `listening` it may still come through a pipe.

    Raises InputError; click.UsageError where there is none.
    """
    if source is not None and text is not None:
        raise click.UsageError("give INPUT or --text, not both")
    if text is not None:
        return read_text(text, options)
    if source is None and sys.stdin.isatty():
        raise click.UsageError("nothing to speak. Try: ttsflow run book.txt -o book.wav")
    if source is None or source == "-":
        comes = listening and options.format in (None, TEXT.name) and not _is_file(sys.stdin.buffer)
        return read_coming(sys.stdin.buffer, options) if comes else read_stream(sys.stdin.buffer, options)
    if not source:
        raise InputError("the name of the input file is empty")
    return read_file(Path(source), options)


def _is_file(binary_file: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(binary_file.fileno()).st_mode)
    except OSError:
        return False


def chosen_parts(
    text: Document | Coming, settings: Settings, chapters: str | None, sample_s: float | None
) -> tuple[Document | Coming, Settings]:
    """What of a text is to be spoken, and in which language: its own, where none was chosen.

    Raises InputError for a chapter that there is not; click.UsageError where a text that still comes cannot
    be chosen from.
    """
    if isinstance(text, Coming):
        if chapters is not None or sample_s is not None:
            raise click.UsageError("chapters and samples are of a text that is there: give a file")
        return text, settings
    settings = settings.in_language_of(text)
    if chapters is not None:
        text = only(text, chapters)
    if sample_s is not None:
        text = beginning(text, sample_s * usual_rate(settings.config.text.language))
    return text, settings


def show(text: Document | Coming, settings: Settings, plugins_dirs: Sequence[Path], *, as_json: bool) -> None:
    """Print the chunks of a text as they would be spoken, each with its pause. Nothing is loaded for it."""
    _, profile, asked = foreseen(settings, load_registry(settings, plugins_dirs))
    for notice in text.notices if isinstance(text, Document) else ():
        click.echo(f"ttsflow: notice: {in_flags(notice)}", err=True)
    if not as_json:
        voice = asked.voice or ", ".join(map(str, asked.references)) or "the usual one"
        click.echo(f"backend {profile.backend}, language {asked.language}, voice: {voice}")
    for index, chunk in enumerate(chunks_of(text, asked, profile)):
        if as_json:
            spoken = {"index": index, **asdict(chunk), "language": asked.language, "voice": asked.voice}
            click.echo(json.dumps(spoken, ensure_ascii=False))
            continue
        if chunk.chapter is not None:
            click.echo(f"\n# {chunk.chapter}\n")
        pause = f" [{chunk.pause_s:g} s]" if chunk.pause_s else ""
        click.echo(f"{index:>5}  {chunk.text if chunk.speakable else ''}{pause}")


def speak(
    text: Document | Coming,
    settings: Settings,
    plugins_dirs: Sequence[Path],
    destination: Destination,
    *,
    quiet: bool,
) -> int:
    """Speak a document to its destination; the run's exit code."""
    began = time.monotonic()
    path = destination.path(text, settings.config.output)
    setup = make_setup(settings, plugins_dirs, fallback_allowed=True, listening=path is None, ask=ask())
    with (
        Run(setup, began, destination.report, quiet=quiet) as run,
        Engine.of(setup, run.observers, preload=False) as engine,
    ):
        request = engine.request(text, name=STREAM)
        if destination.report is not None and isinstance(text, Document):
            run.prediction = partial(_predicted, request.manner, text, listening=path is None)
        if path is None:
            return _play(run, engine, request, strict=destination.strict)
        return _record(run, engine, request, path, destination)


def speak_again(output: Path, choice: Choice, seed: int | None, *, quiet: bool) -> int:
    """Speak chunks of an output again, and build it; the run's exit code."""
    began = time.monotonic()
    recipe = Recipe.beside(output)
    folders = [Path(folder) for folder in recipe.plugins_dirs]
    setup = make_setup(recipe.settings(output), folders, fallback_allowed=False, listening=False, ask=ask())
    with (
        Run(setup, began, quiet=quiet) as run,
        Engine.of(setup, run.observers, preload=False) as engine,
        engine.reopened(output, choice, seed, name=STREAM) as (recording, redo),
    ):
        run.begin(len(redo.places), kept=0)
        with run.resumable(recording):
            written = engine.again(recording, redo, run.drained(engine))
        run.end_recording(recording, written)
        return 1 if recording.failed else 0


def _predicted(manner: Manner, document: Document, *, listening: bool) -> Summary | None:
    from ttsflow.planning import predict  # only a run with a report needs it

    played = predict(manner, document, listening=listening)
    return played.summary if played is not None and played.error is None else None


def _play(run: Run, engine: Engine, request: Request, *, strict: bool) -> int:
    setup = engine.setup
    output = setup.config.output
    sink = StreamSink(
        STDOUT, sample_rate=setup.profile.sample_rate, format=output.format, encoding=output.encoding
    )
    run.report.open()
    sink.open()
    run.begin(None if isinstance(request.text, Coming) else request.document.chars)
    speaking = engine.play(request, sink)
    with run.summed_up(lambda: speaking.account), speaking:
        account = speaking.wait()
    run.end(account)
    in_doubt = strict and run.report.summary().flagged
    return 1 if account.failed or in_doubt else 0


def _record(run: Run, engine: Engine, request: Request, path: Path, destination: Destination) -> int:
    overwrite, fresh = destination.overwrite, destination.fresh
    with engine.recording(request, path, overwrite=overwrite, fresh=fresh) as recording:
        run.report.open(Text(STREAM, recording.passages))
        complete = recording.is_complete
        if complete:
            run.report.close(Account(), output=made(recording))
            run.console.say(f"nothing to do: {path} is complete")
        else:
            _complete(run, engine, recording, request)
        code = _judge(run, recording, strict=destination.strict)
        store = recording.store.path if recording.counts().stored else None
        if code == 0 and not destination.keep_store:
            recording.discard()
    if store is not None and store.exists() and not complete:
        kept = f"{store.name}, {size(store.stat().st_size)}"  # closed: its journal is in it now
        run.console.say(f"kept: {kept}; to remove it: {command('clean', path)}")
    return code


def _complete(run: Run, engine: Engine, recording: Recording, request: Request) -> None:
    counts = recording.counts()
    if counts.kept:
        run.prediction = lambda: None  # it would be of the whole text
    run.begin(counts.left, kept=counts.kept)
    if repeats := counts.speakable - counts.distinct:
        run.notice(f"heard from others with the same text: {chunks(repeats)}")
    with run.resumable(recording):
        written = engine.complete(recording, request, run.drained(engine))
    run.end_recording(recording, written)


def _judge(run: Run, recording: Recording, *, strict: bool) -> int:
    """The exit code of a recording that was carried through; where `strict` makes it 1, that is said."""
    counts = recording.counts()
    if strict and counts.flagged:
        path = recording.path
        run.console.complain(
            f"in doubt: {chunks(counts.flagged)} of {path}; to see them: {command('status', path)}"
        )
    return 1 if counts.left or (strict and counts.flagged) else 0
