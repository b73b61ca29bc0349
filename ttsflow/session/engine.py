"""The engine: workers that stay loaded, and requests that are spoken with them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack
from weakref import WeakSet

from ttsflow.config import Flag, load
from ttsflow.config.model import TextSection
from ttsflow.errors import StoreDamaged, UsageError
from ttsflow.interface.jobs import Account, AudioPiece
from ttsflow.interface.observing import RunBegun
from ttsflow.output import IteratorSink, Sink
from ttsflow.registry import made
from ttsflow.report import Observer, Observers, Onlooker, Onlookers, Unobserved
from ttsflow.runner import Runner, StreamHandle
from ttsflow.scheduler.lengths import REMEMBERED
from ttsflow.session.batch import Batch, Task, TaskResult
from ttsflow.session.destination import checked
from ttsflow.session.recording import Recording
from ttsflow.session.redo import Choice, Redo, choose
from ttsflow.session.request import Manner, Request, asked_for
from ttsflow.session.setup import Setup, make_setup
from ttsflow.session.streams import ChunksFailed, OpenStreams, Speaking
from ttsflow.session.takes import Takes
from ttsflow.store import Place
from ttsflow.text import Coming, Document, Flush, ReadOptions, load_rules, pulled, read_file, read_text

if TYPE_CHECKING:
    from ttsflow.runner.ends import Outlet, Source
    from ttsflow.session.playback import Playback

logger = logging.getLogger(__name__)

TOLD = 1_000
"""notices that are remembered, so as not to be told again"""


class Asked(TypedDict, total=False):
    """What a request may say for itself; `Engine` tells what each means."""

    voice: str | None
    reference: str | Path | Sequence[str | Path] | None
    language: str | None
    speed: float | None
    seed: int | None
    pauses: Mapping[str, float] | None
    name: str | None
    weight: float
    group: str | None


Comes = str | Path | Document | Coming | Iterable[str | Flush]
"""a text, or one that still comes"""

NOW_S = 0.3
"""seconds for observers of plugins to hear of the end of an engine that is closed at once"""

CUTTERS = 4
"""threads that cut the texts of all streams of an event loop; each cut takes milliseconds"""

Wait = Callable[[Speaking], object]
"""Waits for the end of a stream."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A text that was spoken to a file."""

    path: Path
    account: Account


class Engine:
    """Speaks texts with workers that stay loaded between them; any thread may call it.

    `policy` is the name of a policy or policy file, or a path; `config` a YAML file; `settings` any
    keys of the configuration, such as {"backend.use": "espeak", "text.language": "de"}. Where
    several backends are configured only the first counts: the library never falls back. Workers start
    at once if `preload`, else with the first request. `listening` is what the rules of a policy file are
    told: False where the engine only writes files.

        >>> with Engine(settings={"backend.use": "espeak"}) as engine:
        ...     speech = engine.speak("Good morning.", "morning.wav", overwrite=True)
        ...     pieces = list(engine.stream("Gute Nacht.", language="de", speed=0.8))
        >>> speech.account.delivered, sum(len(p.samples) / p.sample_rate for p in pieces) > 1.0
        (1, True)

    What a request does not say is as the section `text` of the configuration has it:

    `voice` is the name of a voice; `reference` instead a recording to take it from, or several.
    `language` is a tag such as "en" or "de-DE": the backend's nearest is spoken.
    `speed` is 1.0 for the backend's normal speed; its profile says what range it speaks.
    `seed` is the random seed; `pauses` are seconds, such as {"paragraph_s": 1.0}.
    `name` is what policies and messages call the request, unique among those that are open; of several
    at a time each has a share of the work by its `weight`. Those of one `group`, such as a client, have
    one share together.

    Raises UsageErrors for a configuration that cannot work, before any worker starts, and for a request
    that cannot be spoken, before any of it is; RunError for an engine that is closed, or that a forked
    child has from its parent.
    """

    def __init__(
        self,
        policy: str | Path | None = None,
        config: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
        plugins_dirs: Sequence[str | Path] = (),
        *,
        preload: bool = True,
        listening: bool = True,
    ) -> None:
        flags = [Flag(f"settings[{key!r}]", key, value) for key, value in (settings or {}).items()]
        chosen = load(
            None if policy is None else str(policy), None if config is None else Path(config), flags
        )
        folders = [Path(folder) for folder in plugins_dirs]
        setup = make_setup(chosen, folders, fallback_allowed=False, listening=listening)
        self._set_up(setup, (_Log(),), preload)

    @classmethod
    def of(cls, setup: Setup, observers: Iterable[Observer], *, preload: bool = True) -> Self:
        """The engine of a setup that is there already; `observers` hear what happens, instead of the log."""
        engine = cls.__new__(cls)
        engine._set_up(setup, observers, preload)
        return engine

    def _set_up(self, setup: Setup, observers: Iterable[Observer], preload: bool) -> None:
        self.setup = setup
        self._open_streams = OpenStreams()
        self._iterated: WeakSet[IteratorSink] = WeakSet()
        self._cutters = ThreadPoolExecutor(CUTTERS, "ttsflow cutter")  # they start when they are needed
        self._numbers = itertools.count()
        self._lock = Lock()
        self._started = False
        self._told: dict[str, None] = {}  # the last ones, oldest first
        told = tuple(observers)
        tell = Observers(told).notice
        with ExitStack() as otherwise:  # nobody can close an engine that was not made
            otherwise.callback(setup.close)
            self._onlookers = Onlookers(
                Onlooker(choice.plugin, made(choice.plugin, choice.options), tell)
                for choice in setup.observers
            )
            self._observer = Observers((self._open_streams, *told, self._onlookers))
            self._runner = Runner(setup.scheduler(), setup.workers, setup.config.limits, self._observer)
            devices = tuple(device.id for device in setup.devices)
            self._onlookers.begin(RunBegun(setup.policy.plugin.name, setup.profile.backend, devices))
            otherwise.callback(self.close, now=True)
            self._begin(preload)
            otherwise.pop_all()

    def _begin(self, preload: bool) -> None:
        setup = self.setup
        if setup.known.notice is not None:
            self._tell(setup.known.notice)
        for note in setup.cluster.notes if setup.cluster is not None else ():
            self._tell(note)
        if preload:
            if setup.config.text != TextSection():  # what was said must be possible
                Manner.of(setup, setup.config.text)
            self._start()

    # ------------------------------------------------------------ whole requests

    def speak(
        self,
        text: str | Path | Document,
        path: str | Path,
        *,
        overwrite: bool = False,
        fresh: bool = False,
        keep_store: bool = True,
        **asked: Unpack[Asked],
    ) -> Speech:
        """Speak a text, or the file at a Path, to a file of audio, which appears when it is complete.

        The file is WAV, or what its suffix or `output.format` of the configuration says.
        Finished chunks are kept in a store beside it: what is there already, of a call that was cut short
        or of the text before an edit, is not spoken again, unless `fresh`. `overwrite` replaces a file
        whoever made it. Without `keep_store` the store is removed once every chunk was spoken.

        Raises InputError, OutputError and the other UsageErrors; ChunksFailed (the file is there, without
        those chunks, unless all failed); and the RunErrors.
        """
        request = self.request(text, **asked)
        return self.record(request, path, overwrite=overwrite, fresh=fresh, keep_store=keep_store)

    def speak_all(
        self,
        tasks: Iterable[Task],
        *,
        at_a_time: int | None = None,
        keep_going: bool = False,
        overwrite: bool = False,
        fresh: bool = False,
        keep_store: bool = True,
    ) -> Iterator[TaskResult]:
        """Speak many texts, each to a file of its own as `speak` does; yields their results as they end.

        The tasks may come from a generator: each is pulled when it is its turn, and begun in this order.
        `at_a_time` of them are in work, or as many as keep all workers busy. When a task does not end well,
        no other is begun, and those in work are carried through; with `keep_going` all others follow. Folders
        of outputs are made. An iterator that is left early stops what is in work; finished chunks are kept.

        Raises UsageError at once for what cannot be asked. The iterator raises, after the last result, what
        `tasks` raises, and the RunErrors with which the engine itself ended.
        """
        self.check_usable()
        batch = Batch(
            self, tasks, at_a_time=at_a_time, keep_going=keep_going,
            overwrite=overwrite, fresh=fresh, keep_store=keep_store,
        )  # fmt: skip
        return self._results(batch)

    def _results(self, batch: Batch) -> Iterator[TaskResult]:
        with batch:
            yield from batch

    def stream(self, text: Comes, **asked: Unpack[Asked]) -> Iterator[AudioPiece]:
        """Speak a text piece by piece, as soon as each is made; pauses come as pieces of silence.

        The text may still come: of an iterable of strings each sentence is spoken when its end is certain,
        and what has come is spoken after `text.flush_s` seconds of quiet. The strings are pulled on another
        thread, a few in advance. An iterator that is left early stops the work.

        Raises InputError and the other UsageErrors at once, except for what is wrong with a text that still
        comes; the iterator raises that and what the iterable raises when all that came before has been
        spoken, ChunksFailed after the last piece, and the RunErrors.
        """
        if isinstance(text, AsyncIterable):
            raise UsageError("an asynchronous text comes in an event loop: speak it with an AsyncEngine")
        return self._pieces(self.request(text, **asked), self._iterator())

    async def astream(
        self, text: Comes | AsyncIterable[str | Flush], **asked: Unpack[Asked]
    ) -> AsyncGenerator[AudioPiece, None]:
        """As `stream`, for a program with an event loop, which it never blocks.

        To break off, leave the loop over it and close it (`aclose`), or cancel the task: what is in work is
        stopped, and an asynchronous source of text is cancelled.
        """
        from asyncio import to_thread  # here, because starting the program must not load it

        request = await to_thread(self.request, text, **asked)
        async with self.listen(request) as playback:
            async for piece in playback:
                yield piece

    def _iterator(self) -> IteratorSink:
        sink = IteratorSink(self.setup.profile.sample_rate)
        self._iterated.add(sink)
        return sink

    def _pieces(self, request: Request, sink: IteratorSink) -> Generator[AudioPiece, None, None]:
        with self.play(request, sink) as speaking:
            try:
                for piece in sink:
                    yield piece
                    self._runner.check_running()
            except BaseException:  # the iterator was left early, or by Ctrl-C
                sink.leave()
                raise
            if not sink.left:
                speaking.wait_all()

    def redo(
        self,
        path: str | Path,
        chunks: Sequence[int] = (),
        *,
        at: float | str | None = None,
        find: str | None = None,
        seed: int | None = None,
        words: str | None = None,
    ) -> Speech:
        """Speak chunks of a file that `speak` or the command made again, and build the file anew.

        `chunks` are their numbers, as in reports; or one chunk is found, and named in a notice: the one
        that is heard `at` a time, in seconds or written as "1:23:45", or the only one whose text has the
        words `find`, whatever their case. They are spoken as the rest of the file was, with `seed`, or
        else each with the first seed that was not tried. One chunk may be spoken with other `words`, which
        are kept with the file, and are spoken whenever it is made from its text again. The audio that is
        there stays until the new one is whole.

        Raises UsageError unless they are chosen in exactly one way; OutputError where nothing is kept for
        the file, or a time is given and it was not built from what is kept now; InputError for a chunk
        that is not there, words of none or of several, or what this engine would speak otherwise than the
        rest; ChunksFailed, and the RunErrors.
        """
        choice = Choice(chunks, at, find)
        with self.reopened(Path(path), choice, seed, words) as (recording, redo):
            written = self.again(recording, redo)
        return _speech(recording, written)

    def takes(self, path: str | Path, chunk: int, count: int = 3) -> list[Path]:
        """Speak a chunk of a file several times with other seeds, to choose from; the file stays as it is.

        They are kept with the file's audio, and written to files of WAV in a folder beside it. The first is
        take 0, as it is heard now. Raises as `redo` does.
        """
        with self.reopened(Path(path), Choice([chunk])) as (recording, redo):
            made = self.make_takes(recording, redo, count)
        if recording.failed:
            raise ChunksFailed(recording.failed, recording.account or Account())
        return made

    def choose_take(self, path: str | Path, chunk: int, take: int) -> None:
        """Build a file anew with one of the `takes` of a chunk. Raises as `redo` does."""
        with self.reopened(Path(path), Choice([chunk])) as (recording, redo):
            self.keep_take(recording, redo, take)

    # ------------------------------------------------------------ the workers

    def ready(self, timeout: float | None = None) -> None:
        """Wait until the workers have loaded their models, so that no request waits for that.

        Raises TimeoutError after `timeout` seconds, and the RunErrors where no worker can be loaded.
        """
        self._start()
        self._runner.wait_ready(timeout)

    def loaded(self) -> Future[None]:
        """What `ready` waits for; it raises the same."""
        self._start()
        return self._runner.loaded()

    def late(self, timeout: float) -> TimeoutError:
        """The error for whoever has waited so long for the workers."""
        return self._runner.late(timeout)

    def drain(self) -> None:
        """Finish the chunks that are in work, start no others, and end every request.

        It takes `limits.timeouts.drain_s` at most; then the engine can only be closed.
        """
        self._runner.drain()

    def hurry(self) -> None:
        """Wait for no policy any more: one that does not answer at once ends everything."""
        self._runner.hurry()

    def check_usable(self) -> None:
        """Raise the RunError because of which nothing can be spoken any more, if there is one."""
        self._runner.check_usable()

    def close(self, *, now: bool = False) -> None:
        """End the workers; requests that are still open end with RunError."""
        for sink in list(self._iterated):
            sink.let_go()  # nobody may come for its next piece
        self._runner.close(now)
        self._onlookers.close(NOW_S if now else self.setup.config.limits.timeouts.close_s)
        self.setup.close()
        self._cutters.shutdown(wait=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(now=error is not None)

    def _start(self) -> None:
        self._runner.check_usable()
        with self._lock:
            if not self._started:
                self._started = True
                self._runner.start()

    # ------------------------------------------------------------ requests, step by step

    def request(self, text: Comes | AsyncIterable[str | Flush], **asked: Unpack[Asked]) -> Request:
        """A request, checked: `asked` is what it does not leave to the configuration. Raises UsageErrors."""
        self._runner.check_usable()
        name, weight = self._name(asked.get("name")), asked.get("weight", 1.0)
        said = {key: value for key, value in asked.items() if key not in ("name", "weight", "group")}
        self._open_streams.check_free(name)
        section = asked_for(self.setup.config.text, said)
        manner = Manner.of(self.setup, section)
        to_speak = _text(text, self.setup.reading(section))
        for notice in filter(None, (manner.notice, *manner.cast.notices)):
            self._tell(notice)
        manner.cast.heed(self._tell)
        if isinstance(to_speak, Coming):
            to_speak.heed(self._tell)
            load_rules(manner.text.language)  # now, as it may be cut in an event loop
        else:
            manner.cast.check(to_speak)
            for notice in to_speak.notices:
                self._tell(notice)
        return Request(to_speak, manner, name, weight, asked.get("group"))

    def _tell(self, notice: str) -> None:
        """Give a notice that has not been given before."""
        if notice not in self._told:
            self._told[notice] = None
            if len(self._told) > TOLD:
                del self._told[next(iter(self._told))]
            self._observer.notice(notice)

    def play(self, request: Request, sink: Sink) -> Speaking:
        """Begin to speak a request into a sink that has been opened, each piece as soon as it is made."""
        jobs = (place.job for place in request.places())
        name = request.name
        begin = partial(
            self._runner.open, name, jobs, sink, live=True, weight=request.weight, group=request.group
        )
        return self._open(name, begin, stored=False, request=request)

    def listen(self, request: Request) -> Playback:
        """A request that is spoken to whoever iterates it in an event loop; it begins with its block."""
        from ttsflow.session.playback import Playback  # here, because it loads asyncio

        def begin(source: Source, outlet: Outlet) -> Speaking:
            connect = partial(
                self._runner.connect,
                request.name,
                source,
                outlet,
                live=True,
                weight=request.weight,
                group=request.group,
            )
            return self._open(request.name, connect, stored=False, request=request)

        return Playback(request, begin, self._cutters)

    @contextmanager
    def recording(
        self,
        request: Request,
        path: str | Path,
        *,
        format: str | None = None,
        overwrite: bool = False,
        fresh: bool = False,
    ) -> Iterator[Recording]:
        """A recording of the request that has its output and store, and in which nothing is spoken yet.

        `format` is the name of the output's format, None for what the configuration or the suffix says.
        """
        self._runner.check_usable()
        output = self.setup.config.output
        if format is not None:
            output = output.model_copy(update={"format": format})
        target = checked(path, request.document, output, self.setup.formats)
        with Recording(self.setup, target, format) as recording:
            # the workers load their models while the rest of the text is cut
            recording.begin(request, missing=self._start, overwrite=overwrite, fresh=fresh)
            yield recording

    def record(
        self,
        request: Request,
        path: str | Path,
        *,
        overwrite: bool = False,
        fresh: bool = False,
        keep_store: bool = True,
        wait: Wait = Speaking.wait,
    ) -> Speech:
        """Speak a request to a file; `wait` waits for the end of each stream that this takes. As `speak`."""
        with self.recording(request, path, overwrite=overwrite, fresh=fresh) as recording:
            written = recording.is_complete or self.complete(recording, request, wait)
            if not (keep_store or recording.failed):
                recording.discard()
        return _speech(recording, written)

    def complete(self, recording: Recording, request: Request, wait: Wait = Speaking.wait) -> bool:
        """Speak what a recording lacks, and build its output; whether there is anything to hear.

        `wait` waits for the end of each stream that this takes. Raises the RunErrors.
        """

        def speak() -> None:
            left = recording.left(request)
            self._record(recording, left, request.name, wait, request.weight, request.group)

        return recording.complete(speak, self._observer)

    @contextmanager
    def reopened(
        self,
        path: Path,
        choice: Choice,
        seed: int | None = None,
        words: str | None = None,
        *,
        name: str | None = None,
    ) -> Iterator[tuple[Recording, Redo]]:
        """The recording of a file that was made, and its chunks that are to be spoken again; as `redo`."""
        self._runner.check_usable()
        with Recording(self.setup, path) as recording:
            recipe = recording.reopen()
            manner = Manner.of(self.setup, recipe.settings(path).config.text)
            redo = choose(recording, manner, choice, seed, self._name(name), words)
            for notice in redo.notices:
                self._observer.notice(notice)
            yield recording, redo

    def again(self, recording: Recording, redo: Redo, wait: Wait = Speaking.wait) -> bool:
        """Speak chosen chunks of a recording again, and build its output; whether there is one."""
        before = redo.sounds(recording)
        try:
            if redo.corrected:
                for place in redo.places:
                    recording.correct(place.job, redo.manner)
            self._record(recording, redo.places, redo.name, wait)
            if (notice := redo.unchanged(recording, before)) is not None:
                self._observer.notice(notice)
            return recording.build(self._observer)
        except StoreDamaged as damage:
            recording.mend(damage)
            raise

    def make_takes(
        self, recording: Recording, redo: Redo, count: int, wait: Wait = Speaking.wait
    ) -> list[Path]:
        """Speak so many takes of the one chosen chunk; the files of them, and of the one that was heard.

        Raises UsageError for an engine all of whose takes are alike.
        """
        profile = self.setup.profile
        if not profile.seeds:
            raise UsageError(
                f"all takes of backend {profile.backend!r} would be alike: it always speaks the same text "
                f"the same way. Other words, another spelling of them or another voice will change it"
            )
        takes = Takes.of(recording, redo)
        for place in takes.places(count):
            self._record(recording, [place], redo.name, wait)
        return takes.write(count)

    def keep_take(self, recording: Recording, redo: Redo, number: int) -> bool:
        """Have a take of the chosen chunk heard, and build the output; whether there is one."""
        Takes.of(recording, redo).choose(number)
        return recording.build(self._observer)

    def _record(
        self,
        recording: Recording,
        places: Iterable[Place],
        name: str,
        wait: Wait,
        weight: float = 1.0,
        group: str | None = None,
    ) -> None:
        jobs = recording.jobs(places)
        begin = partial(
            self._runner.open_stored,
            name,
            jobs,
            recording,
            weight=weight,
            group=group,
            examples=recording.store.examples(REMEMBERED),
        )
        speaking = self._open(name, begin, stored=True)
        try:
            with speaking:
                wait(speaking)
        finally:
            recording.count(speaking.account, speaking.failed)

    def _open(
        self,
        name: str,
        begin: Callable[[], StreamHandle],
        *,
        stored: bool,
        request: Request | None = None,
    ) -> Speaking:
        self._start()
        failed = self._open_streams.add(name)
        try:
            return Speaking(begin(), self._open_streams, failed, stored=stored, request=request)
        except BaseException:  # the engine was closed meanwhile
            self._open_streams.remove(name)
            if request is not None:
                request.leave()
            raise

    def _name(self, name: str | None) -> str:
        """The name of a request; one that is not said is not that of an open stream."""
        if name is not None:
            return name
        numbered = (f"stream {number}" for number in self._numbers)
        return next(name for name in numbered if name not in self._open_streams)


def _text(text: object, reading: ReadOptions) -> Document | Coming:
    match text:
        case Document() | Coming():
            return text
        case Path():
            return read_file(text, reading)
        case str():
            return read_text(text, reading)
        case AsyncIterable():
            return pulled(text, reading)
        case Iterable() if not isinstance(text, bytes | bytearray | Mapping):
            return pulled(text, reading)
    what = "a string, a Path, a Document or an iterable of strings"
    raise UsageError(f"a text must be {what}, not {type(text).__name__}")


class _Log(Unobserved):
    """An observer that puts into the program's log what a person should read."""

    def loading(self, worker: str, what: str, now: float) -> None:
        logger.debug("worker %s is loading: %s", worker, what)

    def notice(self, text: str) -> None:
        logger.warning("%s", text)


def _speech(recording: Recording, written: bool) -> Speech:
    account = recording.account or Account()
    if recording.failed:
        raise ChunksFailed(recording.failed, account, None if written else recording.path)
    return Speech(recording.path, account)
