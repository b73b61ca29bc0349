"""What `ttsflow run` and `ttsflow redo` do, once their arguments are understood."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from ttsflow.cli.flags import in_flags
from ttsflow.cli.messages import command, from_here
from ttsflow.cli.options import Sources
from ttsflow.cli.progress import Amount
from ttsflow.cli.runs import STREAM, Run, hurried, made, set_up
from ttsflow.config import Settings, resolve_text_rules
from ttsflow.config.model import OutputSection
from ttsflow.errors import InputError, OutputError
from ttsflow.interface.backend import VoiceRequest
from ttsflow.interface.jobs import Account
from ttsflow.output import FORMATS, Formats, PlayerSink, Sink, StreamSink
from ttsflow.output.folder import make_folder
from ttsflow.report import Summary, Text
from ttsflow.report.file import ReportPlace
from ttsflow.report.timeline import form_of
from ttsflow.report.units import chunks, size
from ttsflow.session.book import Book
from ttsflow.session.cast import Cast
from ttsflow.session.destination import checked, same_place
from ttsflow.session.engine import Engine
from ttsflow.session.readings import Readings
from ttsflow.session.recipe import Recipe
from ttsflow.session.recording import Recording
from ttsflow.session.redo import Choice
from ttsflow.session.request import Manner, Request, chunks_of
from ttsflow.session.setup import foreseen
from ttsflow.session.sidecars import subtitles_of
from ttsflow.session.voices import foresee
from ttsflow.session.wording import TextRules
from ttsflow.store import Place
from ttsflow.text import (
    NARRATOR,
    Chunk,
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


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the audio, the report and the trace of the policy go, as the user said it.

    The audio is in one of the `formats`.
    """

    output: str | None
    overwrite: bool = False
    report: ReportPlace | None = None
    fresh: bool = False
    keep_store: bool = True
    strict: bool = False
    sample: bool = False
    play: bool = False
    trace: Path | None = None
    formats: Formats = FORMATS

    @property
    def listening(self) -> bool:
        """Whether somebody listens as the audio is made."""
        return self.play or self.output == "-"

    def path(self, text: Document | Coming, output: OutputSection) -> Path | None:
        """The file that was named, or STEM.wav, which may be in a folder that was named; None where somebody
        listens as the audio is made.

        Raises OutputError for a place that cannot be, before anything is downloaded or loaded.
        """
        if self.report is not None:
            form_of(Path(self.report))
        if self.listening and (output.subtitles or output.split):
            raise OutputError("what is made beside an output needs a file: name one with -o")
        if self.play:
            if self.output is not None:
                raise click.UsageError(
                    "--play writes no file: leave -o out, or play the file when it is made"
                )
            return None
        if self.listening:
            if sys.__stdout__ is None:
                raise OutputError("standard output is closed, so nobody would hear it; name a file with -o")
            if self.report == "-":
                raise OutputError("the audio and the report would both be on standard output; name a file")
            self.formats.of(None, output.format).check(output.encoding)
            return None
        if isinstance(text, Coming):
            return None
        from_file = text.identity.source is not None
        stem = Path(text.name).stem if from_file else "speech"
        if self.sample:  # not over the whole
            stem += ".sample"
        usual = f"{stem}{self.formats.of(None, output.format).suffixes[0]}"
        wanted = usual if self.output is None else self.output
        if wanted.endswith(os.sep) or (wanted and Path(wanted).is_dir()):
            make_folder(Path(wanted))
            wanted = str(Path(wanted, usual))
        path = checked(wanted, text, output, self.formats)
        if isinstance(self.report, Path):
            if same_place(self.report, path):
                raise OutputError(f"the audio and the report would both be {path}; choose another --report")
            subtitles = subtitles_of(path, output.subtitles)
            if subtitles is not None and same_place(self.report, subtitles):
                raise OutputError(
                    f"the report and the subtitles would both be {subtitles}; choose another --report"
                )
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


def show(text: Document | Coming, settings: Settings, sources: Sources, *, as_json: bool) -> None:
    """Print the chunks of a text as they would be spoken, each with its pause. Nothing is loaded for it."""
    registry = sources.registry(settings)
    backend, profile, asked = foreseen(settings, registry)
    rules = TextRules(resolve_text_rules(settings, registry))
    cast = foresee(asked, backend, profile, Readings(), rules)
    cast.heed(_notice)
    for notice in (*(text.notices if isinstance(text, Document) else ()), *cast.notices):
        _notice(notice)
    if isinstance(text, Document):
        cast.check(text)
    if not as_json:
        click.echo(f"backend {profile.backend}, {_voiced(cast.voice(NARRATOR))}")
    print_chunks(text, cast, as_json=as_json)


def print_chunks(text: Document | Coming, cast: Cast, source: str | None = None, *, as_json: bool) -> None:
    """Print the chunks of a text; as JSON with the `source` that it was given by, if there are several."""
    role = NARRATOR
    of = {} if source is None else {"source": source}
    if isinstance(text, Coming):
        text.begin()
    for index, chunk in enumerate(chunks_of(text, cast)):
        if as_json:
            described = of | _described(index, chunk, cast.voice(chunk.role))
            click.echo(json.dumps(described, ensure_ascii=False))
            continue
        if chunk.chapter is not None:
            click.echo(f"\n# {chunk.chapter}\n")
        if chunk.role != role:
            role = chunk.role
            name = "" if role.speaker is None else f"{role.speaker}: "
            click.echo(f"       ({name}{_voiced(cast.voice(role))})")
        pause = f" [{chunk.pause_s:g} s]" if chunk.pause_s else ""
        if chunk.until_s is not None:
            pause = f" [until {chunk.until_s:g} s]"
        click.echo(f"{index:>5}  {chunk.shown if chunk.speakable else ''}{pause}")
        if chunk.speakable and chunk.written is not None:
            click.echo(f"       spoken: {chunk.text}")
    if isinstance(text, Coming):
        text.check_whole()


def _notice(notice: str) -> None:
    click.echo(f"ttsflow: notice: {in_flags(notice)}", err=True)


def _voiced(voice: VoiceRequest) -> str:
    speed = "" if voice.speed == 1.0 else f", speed {voice.speed:g}"
    name = voice.voice or ", ".join(voice.references) or "the usual one"
    return f"language {voice.language}, voice: {name}{speed}"


def _described(index: int, chunk: Chunk, voice: VoiceRequest) -> dict[str, object]:
    return {
        "index": index,
        "text": chunk.shown,
        "spoken": chunk.text,
        "pause_s": chunk.pause_s if chunk.until_s is None else None,
        "until_s": chunk.until_s,
        "speakable": chunk.speakable,
        "chapter": chunk.chapter,
        "speaker": chunk.role.speaker,
        "language": voice.language,
        "voice": voice.voice,
        "references": voice.references,
        "speed": voice.speed,
    }


def speak(
    text: Document | Coming,
    settings: Settings,
    sources: Sources,
    destination: Destination,
    *,
    quiet: bool,
) -> int:
    """Speak a document to its destination; the run's exit code."""
    began = time.monotonic()
    path = destination.path(text, settings.config.output)
    # The length of a part is not known before.
    chars = text.chars if isinstance(text, Document) and text.part is None else None
    setup = set_up(settings, sources, fallback_allowed=True, listening=path is None, chars=chars)
    with (
        Run(setup, began, destination.report, destination.trace, quiet=quiet) as run,
        Engine.of(run.traced(setup), run.observers, preload=False) as engine,
    ):
        request = engine.request(text, name=STREAM)
        if destination.report is not None and isinstance(text, Document):
            run.prediction = partial(_predicted, request.manner, text, listening=path is None)
        if path is None:
            code = _listen(run, engine, request, destination)
        else:
            code = _record(run, engine, request, path, destination)
        if destination.strict and text.doubts:
            run.console.complain(f"in doubt: {in_flags(text.doubts[0])}")
            return code or 1
        return code


@dataclass(frozen=True, slots=True)
class Mending:
    """How chunks of an output are mended: spoken again, with a seed or other words; so many takes made to
    choose from; or one of these taken. Raises click.UsageError for two of these."""

    seed: int | None = None
    words: str | None = None
    takes: int | None = None
    take: int | None = None

    def __post_init__(self) -> None:
        said = {"--seed": self.seed, "--text": self.words, "--takes": self.takes, "--take": self.take}
        given = [flag for flag, value in said.items() if value is not None]
        if len(given) > 1:
            raise click.UsageError(f"choose one of {' and '.join(given)}")


def mend(
    output: Path,
    choice: Choice,
    mending: Mending,
    cluster: str | None,
    plugins_dirs: Sequence[Path],
    *,
    quiet: bool,
) -> int:
    """Mend chunks of an output, on this machine or on a cluster, and build it; the run's exit code.

    Plugins are those in `plugins_dirs`, and those that are still where they were.
    """
    began = time.monotonic()
    recipe = Recipe.beside(output)
    sources = Sources(plugins_dirs=(*plugins_dirs, *recipe.plugins[1]))
    for path in () if plugins_dirs else recipe.plugins_gone:
        _notice(f"{path} is gone, from which plugins of {output} were; --plugins-dir says where they are now")
    settings = recipe.settings(output).on_cluster(cluster)
    setup = set_up(settings, sources, fallback_allowed=False, listening=False)
    with (
        Run(setup, began, quiet=quiet) as run,
        Engine.of(setup, run.observers, preload=False) as engine,
        engine.reopened(output, choice, mending.seed, mending.words, name=STREAM) as (recording, redo),
    ):
        if mending.take is not None:
            engine.keep_take(recording, redo, mending.take)
            run.report.close(Account(), output=made(recording))
            run.console.say(f"take {mending.take} is heard in {made(recording)}")
            return 0
        amount = _amount(redo.places)
        if mending.takes is None:
            run.begin(amount)
            with run.resumable(recording):
                written = engine.again(recording, redo, run.drained(engine))
            run.end_recording(recording, written)
        else:
            run.begin(Amount(amount.chars * mending.takes, mending.takes))
            with run.resumable(recording):
                files = engine.make_takes(recording, redo, mending.takes, run.drained(engine))
            run.end_takes(recording, files)
        return 1 if recording.failed else 0


def _predicted(manner: Manner, document: Document, *, listening: bool) -> Summary | None:
    from ttsflow.planning import predict  # only a run with a report needs it

    played = predict(manner, document, listening=listening)
    return played.summary if played is not None and played.error is None else None


def _listen(run: Run, engine: Engine, request: Request, destination: Destination) -> int:
    output, rate = engine.setup.config.output, engine.setup.profile.sample_rate
    sink: Sink
    if destination.play:
        sink = PlayerSink(sample_rate=rate)
    else:
        assert sys.__stdout__ is not None  # else it was refused
        own, format = sys.__stdout__.fileno(), destination.formats.of(None, output.format)
        sink = StreamSink(own, sample_rate=rate, format=format, encoding=output.encoding)
    run.report.open()
    sink.open()
    run.begin(None if isinstance(request.text, Coming) else Amount(request.document.chars))
    speaking = engine.play(request, sink)
    with run.summed_up(lambda: speaking.account), speaking, hurried(engine):
        account = speaking.wait()
    run.end(account, "the sound device" if destination.play else "standard output")
    in_doubt = destination.strict and run.report.summary().flagged
    return 1 if account.failed or in_doubt else 0


def _record(run: Run, engine: Engine, request: Request, path: Path, destination: Destination) -> int:
    overwrite, fresh = destination.overwrite, destination.fresh
    with engine.recording(request, path, overwrite=overwrite, fresh=fresh) as recording:
        complete, report = recording.is_complete, destination.report
        told = complete and isinstance(report, Path) and report.is_file()
        if not told:  # else it tells how the file was made
            run.report.open(Text(STREAM, recording.passages))
        if complete:
            run.report.close(Account(), output=made(recording))
            left = f", and {report} is left as it is" if told else ""
            run.console.say(f"nothing to do: {path} is complete{left}")
        else:
            _complete(run, engine, recording, request)
        code = _judge(run, recording, strict=destination.strict)
        store = recording.store.path if recording.counts().stored else None
        if code == 0 and not destination.keep_store:
            recording.discard()
    if store is not None and store.exists() and not complete:
        kept = f"{from_here(store)}, {size(store.stat().st_size)}"  # closed: its journal is in it now
        run.console.say(f"kept: {kept}; to remove it: {command('clean', path)}")
    return code


def _complete(run: Run, engine: Engine, recording: Recording, request: Request) -> None:
    counts = recording.counts()
    if counts.kept:
        run.prediction = lambda: None  # it would be of the whole text
    left, kept = Amount(counts.chars - counts.kept_chars, counts.left), Amount(counts.kept_chars, counts.kept)
    run.begin(left, kept, dict(Book.read(recording.store).chapters))
    if repeats := counts.speakable - counts.distinct:
        run.notice(f"heard from others with the same text: {chunks(repeats)}")
    with run.resumable(recording):
        written = engine.complete(recording, request, run.drained(engine))
    run.end_recording(recording, written)


def _amount(places: Sequence[Place]) -> Amount:
    return Amount(sum(len(place.job.shown) for place in places), len(places))


def _judge(run: Run, recording: Recording, *, strict: bool) -> int:
    """The exit code of a recording that was carried through; where `strict` makes it 1, that is said."""
    counts = recording.counts()
    if strict and counts.flagged:
        path = recording.path
        run.console.complain(
            f"in doubt: {chunks(counts.flagged)} of {path}; to see them: {command('status', path)}"
        )
    return 1 if counts.left or (strict and counts.flagged) else 0
