"""What `ttsflow run` does with several texts."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import click

from ttsflow.cli.flags import in_flags
from ttsflow.cli.options import Sources
from ttsflow.cli.runs import RESUMABLE, Run, hurried, set_up
from ttsflow.cli.signals import Terminated
from ttsflow.cli.speech import Destination, print_chunks
from ttsflow.cli.tables import aligned
from ttsflow.cli.workload import Workload
from ttsflow.config import BackendChoice, Settings, resolve_text_rules
from ttsflow.config.model import TextSection
from ttsflow.errors import (
    BackendUnavailable,
    Drained,
    InputError,
    OutputError,
    RunError,
    UnknownNameError,
    UsageError,
)
from ttsflow.interface.jobs import Account
from ttsflow.interface.profile import Profile
from ttsflow.report import Text, TextInfo
from ttsflow.report.timeline import form_of
from ttsflow.report.units import chunks, duration
from ttsflow.session.backlog import Backlog, Problem
from ttsflow.session.batch import Batch, Passages, Task, TaskResult
from ttsflow.session.cast import Cast
from ttsflow.session.engine import Engine
from ttsflow.session.inputs import add_inputs, are_many
from ttsflow.session.jobsfile import add_jobs
from ttsflow.session.readings import Readings
from ttsflow.session.request import Manner, Request, asked_for
from ttsflow.session.setup import foreseen
from ttsflow.session.voices import foresee
from ttsflow.session.wording import TextRules
from ttsflow.store import Counts
from ttsflow.text import Document, ReadOptions, beginning, read_file, read_text, usual_rate
from ttsflow.text.languages import nearest

SHOWN = 20
"""rows of the table, and lines of a message, of however many texts"""

COLUMNS = ("state", "length", "chunks", "failed", "in doubt", "output")

LANGUAGE = ("text", "language")


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants of several texts: inputs or a file of jobs, and where they go."""

    inputs: Sequence[str]
    jobs: str | None
    destination: Destination
    settings: Settings
    reading: ReadOptions
    sample_s: float | None = None
    at_a_time: int | None = None
    keep_going: bool = False

    def __post_init__(self) -> None:
        destination = self.destination
        if self.inputs and self.jobs is not None:
            raise click.UsageError("give INPUT or --jobs, not both")
        if destination.listening:
            raise click.UsageError("several texts cannot be heard at once: name a folder with -o")
        if destination.report is not None and form_of(Path(destination.report)).draw is not None:
            raise OutputError(
                f"{destination.report} would show one text; of several there is data: FILE.json"
            )
        is_file = destination.formats.with_suffix(self.folder.suffix) if self.folder.suffix else None
        if is_file is not None and not self.folder.is_dir():
            raise OutputError(
                f"{self.folder} looks like a file, and several texts need a folder; name one, such as "
                f"{self.folder.with_suffix('')}{os.sep}"
            )
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder} is a file, and several texts need a folder; name another")

    @property
    def folder(self) -> Path:
        """Where the outputs go that say no other place."""
        return Path(self.destination.output or "")

    def read(self, task: Task) -> tuple[Document, str]:
        """The text of a task, and its language: what was chosen for it, or else its own."""
        text, language, settings = task.read(), task.asked.get("language"), self.settings
        reading = self.reading
        if language is not None:
            reading = replace(reading, language=language)
        if isinstance(text, Document):
            document = text
        elif isinstance(text, Path):
            document = read_file(text, reading)
        else:
            document = read_text(text, reading, task.asked.get("name") or "text")
        language = language or settings.in_language_of(document).config.text.language
        if self.sample_s is not None:
            document = beginning(document, self.sample_s * usual_rate(language))
        return document, language

    @contextmanager
    def backlog(self) -> Iterator[Backlog]:
        """The texts, with all that is wrong with them and can be known before the engine is."""
        config, inputs = self.settings.config, self.inputs
        stem_end = "" if self.sample_s is None else ".sample"
        with Backlog(config.output, self.destination.formats, self.reading) as backlog:
            if self.jobs is not None:
                add_jobs(backlog, self.jobs, self.folder, stem_end)
            else:
                self._need_folder()
                add_inputs(backlog, inputs, self.folder, stem_end)
            yield backlog

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Raise UsageError if there are problems and nobody wants to go on all the same."""
        if problems and not self.keep_going:
            more = [f"and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
            raise UsageError("\n".join([*map(str, problems[:SHOWN]), *more]))

    def foreseen(self, backlog: Backlog, sources: Sources) -> Foreseen:
        """The engine that would speak. What is wrong with a text is refused, as far as it can be known now.

        Raises UsageError where something is wrong, unless the others are to be spoken all the same.
        """
        settings = self._engine_settings(backlog)
        registry = sources.registry(settings)
        try:
            backend, profile, usual = foreseen(settings, registry)
        except (UnknownNameError, BackendUnavailable) as error:
            if settings is self.settings:
                raise
            # The language of the first text may be that of no other one.
            backend, profile, usual = foreseen(self.settings, registry)
            first = backlog.waiting[0]
            if not self.keep_going and first.task.asked.get("language") is None:
                backlog.refuse(first.where, error)
            settings = self.settings
        rules = TextRules(resolve_text_rules(settings, registry))
        found = Foreseen(settings, backend, profile, usual, rules)
        backlog.check(found.cast, settings.config.text, found.language)
        self.refuse(backlog.problems)
        return found

    def _engine_settings(self, backlog: Backlog) -> Settings:
        """The settings by which the engine is chosen: one that speaks the language of the first text."""
        first = next(backlog.tasks(), None)
        if first is None or LANGUAGE in self.settings.origins:
            return self.settings
        try:
            _, language = self.read(first)
        except InputError:  # which is told when it is its turn
            return self.settings
        config = self.settings.config
        text = config.text.model_copy(update={"language": language})
        return replace(self.settings, config=config.model_copy(update={"text": text}))

    def _need_folder(self) -> None:
        for name in self.inputs:
            if self.destination.output is None and Path(name).is_dir():
                try:
                    read_file(Path(name))
                except InputError as error:
                    raise InputError(f"{error} Or name the folder for the audio of all, with -o") from None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The engine that would speak, of which nothing is loaded: its settings, and how a text is spoken."""

    settings: Settings
    backend: BackendChoice
    profile: Profile
    usual: TextSection
    rules: TextRules
    _readings: Readings = field(default_factory=Readings)

    def cast(self, asked: TextSection) -> Cast:
        """The cast of a text, checked. Raises UsageErrors."""
        return foresee(asked, self.backend, self.profile, self._readings, self.rules)

    @property
    def language(self) -> str | None:
        """A language that is spoken, where none was chosen: the configuration's, or else any."""
        if LANGUAGE in self.settings.origins:
            return None
        usual, spoken = self.settings.config.text.language, self.profile.languages
        return usual if spoken is None or nearest(usual, spoken) is not None else spoken[0]


def is_order(inputs: Sequence[str], jobs: str | None) -> bool:
    """Whether several texts are wanted: a folder, a pattern, a file of jobs."""
    return jobs is not None or are_many(inputs)


def show_all(order: Order, sources: Sources, *, as_json: bool) -> int:
    """Print the chunks of all texts as they would be spoken; the exit code."""
    with order.backlog() as backlog:
        engine = order.foreseen(backlog, sources)
        problems = list(backlog.problems)
        for task in backlog.tasks():
            where = backlog.where(task)
            try:
                document, language = order.read(task)
                said = {
                    key: value for key, value in task.asked.items() if key not in ("name", "weight", "group")
                }
                cast = engine.cast(asked_for(engine.usual, {**said, "language": language}))
                cast.check(document)
            except UsageError as error:
                problem = Problem(where, str(error))
                order.refuse([problem])
                problems.append(problem)
                continue
            if not as_json:
                click.echo(f"\n{where} -> {task.path}\n")
            print_chunks(document, cast, where, as_json=as_json)
        for problem in problems:
            click.echo(f"ttsflow: error: {in_flags(str(problem))}", err=True)
        return 1 if problems else 0


def speak_all(order: Order, sources: Sources, *, quiet: bool) -> int:
    """Speak all texts; the run's exit code."""
    began = time.monotonic()
    with order.backlog() as backlog:
        found = order.foreseen(backlog, sources)
        setup = set_up(found.settings, sources, fallback_allowed=True, listening=False)
        backlog.check(partial(Manner.of, setup), setup.config.text, found.language)
        order.refuse(backlog.problems)
        with (
            Run(setup, began, order.destination.report, order.destination.trace, quiet=quiet) as run,
            Engine.of(run.traced(setup), run.observers, preload=False) as engine,
        ):
            run.report.open_many()
            run.begin(None)
            return _speak(order, backlog, run, engine)


def _speak(order: Order, backlog: Backlog, run: Run, engine: Engine) -> int:
    workload = Workload(backlog.waiting, alike=order.sample_s is not None)
    tally = Tally(run, backlog, workload, keep_going=order.keep_going)

    def watch(request: Request, passages: Passages, counts: Counts) -> AbstractContextManager[object]:
        workload.begun(request.name, counts)
        run.console.expect(*workload.amounts)
        return run.report.speaking(Text(request.name, passages))

    def request(task: Task) -> Request:
        document, language = order.read(task)
        asked = task.asked.copy()
        asked["language"] = language
        return engine.request(document, **asked)

    batch = Batch(
        engine,
        backlog.tasks(),
        at_a_time=order.at_a_time,
        keep_going=order.keep_going,
        overwrite=order.destination.overwrite,
        fresh=order.destination.fresh,
        keep_store=order.destination.keep_store,
        ask=request,
        watch=watch,
    )
    try:
        with run.summed_up(lambda: tally.account):
            try:
                with batch, hurried(engine):
                    _carry_through(batch, engine, run, tally.add)
            finally:
                for result in batch:  # what was stopped
                    tally.add(result)
    except (RunError, KeyboardInterrupt) as error:
        if isinstance(error, RunError):
            error.exit_code = RESUMABLE
        tally.tell()
        run.console.say("what is finished is kept; the same command goes on from there")
        raise
    run.report.close(tally.account)
    run.console.end(None)
    tally.tell()
    return tally.exit_code(strict=order.destination.strict)


def _carry_through(batch: Batch, engine: Engine, run: Run, add: Callable[[TaskResult], object]) -> None:
    """Wait for all results. Ctrl-C lets the chunks in work end first, a second one does not."""
    stopped: KeyboardInterrupt | None = None
    while True:
        try:
            for result in batch:
                add(result)
            break
        except Drained:
            break
        except KeyboardInterrupt as stop:
            if isinstance(stop, Terminated) or stopped is not None:
                raise
            stopped = stop
            run.console.say("finishing what is in work; Ctrl-C again stops at once")
            batch.stop()
            engine.drain()
    if stopped is not None:
        raise stopped


class Tally:
    """What has become of the texts so far: a row each. What does not end well is told at once."""

    def __init__(self, run: Run, backlog: Backlog, workload: Workload, *, keep_going: bool) -> None:
        self.account = Account()
        self._run, self._backlog, self._workload = run, backlog, workload
        self._goes_on = keep_going
        self._total = len(backlog.waiting)
        self._ended = 0
        self._rows: list[TextInfo] = []
        self._places = {waiting.where: place for place, waiting in enumerate(backlog.waiting)}
        for problem in backlog.problems:
            self._note(TextInfo(None, problem.where, None, "refused", str(problem)))
            self._complain(str(problem))
        self._count()

    def add(self, result: TaskResult) -> None:
        """A text is over."""
        where, path = self._backlog.where(result.task), result.task.path
        self._ended += 1
        self.account += result.account
        self._workload.ended(result.task.asked.get("name") or "", result.counts)
        self._run.console.expect(*self._workload.amounts)
        self._note(_row(result, where))
        if result.error is not None and not isinstance(result.error, Drained):
            self._complain(str(Problem(where, str(result.error))))
        elif result.state == "failed":
            file = f"{path} was not written" if result.length_s is None else f"{path} is without them"
            self._complain(f"{where}: {chunks(result.account.failed)} failed; {file}")
        if not (result.is_whole or self._goes_on):
            self._goes_on = True  # this is said once
            self._run.console.say("no other text is begun; what is in work is carried through")
        self._count()

    def tell(self) -> None:
        """Show the table and the sums."""
        console = self._run.console
        rows = sorted(self._rows, key=lambda row: self._places.get(row.source, -1))  # as they were given
        shown = rows if len(rows) <= SHOWN else [row for row in rows if _needs_attention(row)]
        if shown:
            columns = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
            console.say(aligned([COLUMNS, *map(_cells, shown[:SHOWN])], columns), prefix="", must=True)
        if len(shown) > SHOWN:
            console.say(
                f"and {len(shown) - SHOWN:,} more like these (--report FILE.json names all)", prefix=""
            )
        states = Counter(row.state for row in rows)
        states["not begun"] = self._total - self._ended
        counts = ", ".join(f"{count:,} {state}" for state, count in states.items() if count)
        long = duration(sum(row.length_s or 0.0 for row in rows))
        texts = self._total + len(self._backlog.problems)
        console.say(f"{'texts':<11} {texts:,}: {counts}; {long} of audio", prefix="", must=True)

    def exit_code(self, *, strict: bool) -> int:
        """The exit code of a run that was carried through; why it is not 0 is said."""
        states, console = Counter(row.state for row in self._rows), self._run.console
        if not_begun := self._total - self._ended:
            texts = "1 text was" if not_begun == 1 else f"{not_begun:,} texts were"
            console.complain(f"{texts} not begun, because one before did not end well; --keep-going goes on")
        flagged = sum(row.flagged or 0 for row in self._rows)
        if strict and flagged:
            console.complain(f"in doubt: {chunks(flagged)}; `ttsflow doubts OUT` lists those of an output")
        if states["stopped"]:
            return RESUMABLE
        bad = states["failed"] or states["refused"] or not_begun or (strict and flagged)
        return 1 if bad else 0

    def _note(self, row: TextInfo) -> None:
        self._rows.append(row)
        self._run.report.add(row)

    def _complain(self, text: str) -> None:
        self._run.console.complain(in_flags(f"error: {text}"))

    def _count(self) -> None:
        self._run.console.count(f"{self._ended:,} of {self._total:,} texts")


def _row(result: TaskResult, where: str) -> TextInfo:
    account, counts, path = result.account, result.counts, result.task.path
    return TextInfo(
        result.task.asked.get("name"),
        where,
        str(path),
        result.state,
        None if result.error is None else str(result.error),
        account.submitted,
        account.delivered,
        account.failed,
        account.not_reached,
        None if counts is None else counts.distinct,
        None if counts is None else counts.kept,
        None if counts is None else counts.flagged,
        result.length_s,
        None if result.length_s is None else _size(path),
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:  # somebody has moved it meanwhile
        return None


def _needs_attention(row: TextInfo) -> bool:
    return row.state not in ("spoken", "complete") or bool(row.flagged)


def _cells(row: TextInfo) -> tuple[str, ...]:
    length = "" if row.length_s is None else duration(row.length_s)
    kept = "" if row.chunks is None else f"{row.chunks:,}"
    if row.kept is not None and row.kept != row.chunks:
        kept = f"{row.kept:,}/{kept}"
    failed, flagged = (f"{count:,}" if count else "" for count in (row.failed, row.flagged))
    return row.state, length, kept, failed, flagged, row.output or row.source
