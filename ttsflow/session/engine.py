"""The engine: workers that stay loaded, and requests that are spoken with them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack
from weakref import WeakSet

from ttsflow.config import Flag, load
from ttsflow.config.model import TextSection
from ttsflow.errors import RunError, StoreDamaged, UsageError
from ttsflow.interface.jobs import Account, AudioPiece, Outcome
from ttsflow.output import IteratorSink, Sink
from ttsflow.report import Observer, Observers, Unobserved
from ttsflow.runner import Runner, StreamHandle
from ttsflow.scheduler.lengths import REMEMBERED
from ttsflow.session.asynchronous import FromAsync, Listener
from ttsflow.session.destination import checked
from ttsflow.session.recording import Recording
from ttsflow.session.redo import Choice, Redo, choose
from ttsflow.session.request import Manner, Request, asked_for
from ttsflow.session.setup import Setup, make_setup
from ttsflow.session.streams import OpenStreams, Speaking
from ttsflow.store import Place
from ttsflow.text import Coming, Document, pulled, read_file, read_text

logger = logging.getLogger(__name__)


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


Comes = str | Path | Document | Coming | Iterable[str]
"""a text, or one that still comes"""

Wait = Callable[[Speaking], object]
"""Waits for the end of a stream."""


class ChunksFailed(RunError):
    """Some chunks of a text could not be spoken; `outcomes` names each, `account` counts them all.

    `missing` is the file that was not written, because every chunk failed.
    """

    def __init__(self, outcomes: Sequence[Outcome], account: Account, missing: Path | None = None) -> None:
        self.outcomes, self.account, self.missing = list(outcomes), account, missing
        first = outcomes[0]
        no_file = "" if missing is None else f"; nothing is left to hear, so {missing} was not written"
        super().__init__(
            f"{account.failed} of {account.submitted} chunks failed{no_file}; the first is chunk "
            f"{first.job.index} {first.job.text[:60]!r}: {first.why}"
        )


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
    at a time each has a share of the work by its `weight`.

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
        self._observer = Observers((self._open_streams, *observers))
        self._runner = Runner(setup.scheduler(), setup.workers, setup.config.limits, self._observer)
        self._numbers = itertools.count()
        self._lock = Lock()
        self._started = False
        self._told: set[str] = set()
        if setup.known.notice is not None:
            self._tell(setup.known.notice)
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
        with self.recording(request, path, overwrite=overwrite, fresh=fresh) as recording:
            written = recording.is_complete or self.complete(recording, request)
            if not (keep_store or recording.failed):
                recording.discard()
        return _speech(recording, written)

    def stream(self, text: Comes, **asked: Unpack[Asked]) -> Iterator[AudioPiece]:
        """Speak a text piece by piece, as soon as each is made; pauses come as pieces of silence.

        The text may still come: of an iterable of strings each sentence is spoken when its end is certain,
        and what has come is spoken after `text.flush_s` seconds of quiet. The strings are pulled on another
        thread, a few in advance. An iterator that is left early stops the work.

        Raises InputError and the other UsageErrors at once, except for what is wrong with a text that still
        comes; the iterator raises that and what the iterable raises when all that came before has been
        spoken, ChunksFailed after the last piece, and the RunErrors.
        """
        return self._pieces(self.request(text, **asked), self._iterator())

    async def astream(
        self, text: Comes | AsyncIterable[str], **asked: Unpack[Asked]
    ) -> AsyncIterator[AudioPiece]:
        """As `stream`, for a program with an event loop, which it never blocks.

        To break off, leave the loop over it and close it (`aclose`), or cancel the task: what is in work is
        stopped, and an asynchronous source of text is cancelled.
        """
        loop, sink = asyncio.get_running_loop(), self._iterator()
        source = FromAsync(text, loop) if isinstance(text, AsyncIterable) else text
        with Listener() as listener:
            request = await listener.ask(lambda: self.request(source, **asked))
            pieces = self._pieces(request, sink)
            try:
                while (piece := await listener.ask(lambda: next(pieces, None))) is not None:
                    yield piece
            finally:
                sink.leave()
                listener.tell(pieces.close)

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
            if sink.left:
                return
            account = speaking.wait()
        if speaking.failed:
            raise ChunksFailed(speaking.failed, account)

    def redo(
        self,
        path: str | Path,
        chunks: Sequence[int] = (),
        *,
        at: float | str | None = None,
        find: str | None = None,
        seed: int | None = None,
    ) -> Speech:
        """Speak chunks of a file that `speak` or the command made again, and build the file anew.

        `chunks` are their numbers, as in reports; or one chunk is found, and named in a notice: the one
        that is heard `at` a time, in seconds or written as "1:23:45", or the only one whose text has the
        words `find`, whatever their case. They are spoken as the rest of the file was, with `seed`, or
        else each with the first seed that was not tried. The audio that is there stays until the new one
        is whole.

        Raises UsageError unless they are chosen in exactly one way; OutputError where nothing is kept for
        the file, or a time is given and it was not built from what is kept now; InputError for a chunk
        that is not there, words of none or of several, or what this engine would speak otherwise than the
        rest; ChunksFailed, and the RunErrors.
        """
        with self.reopened(Path(path), Choice(chunks, at, find), seed) as (recording, redo):
            written = self.again(recording, redo)
        return _speech(recording, written)

    # ------------------------------------------------------------ the workers

    def ready(self, timeout: float | None = None) -> None:
        """Wait until the workers have loaded their models, so that no request waits for that.

        Raises TimeoutError after `timeout` seconds, and the RunErrors where no worker can be loaded.
        """
        self._start()
        self._runner.wait_ready(timeout)

    def drain(self) -> None:
        """Finish the chunks that are in work, start no others, and end every request.

        It takes `limits.timeouts.drain_s` at most; then the engine can only be closed.
        """
        self._runner.drain()

    def close(self, *, now: bool = False) -> None:
        """End the workers; requests that are still open end with RunError."""
        for sink in list(self._iterated):
            sink.let_go()  # nobody may come for its next piece
        self._runner.close(now)

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

    def request(self, text: Comes, **asked: Unpack[Asked]) -> Request:
        """A request, checked: `asked` is what it does not leave to the configuration. Raises UsageErrors."""
        self._runner.check_usable()
        name, weight = self._name(asked.get("name")), asked.get("weight", 1.0)
        said = {key: value for key, value in asked.items() if key not in ("name", "weight")}
        self._open_streams.check_free(name)
        section = asked_for(self.setup.config.text, said)
        manner = Manner.of(self.setup, section)
        to_speak = _text(text, section)
        if manner.notice is not None:
            self._tell(manner.notice)
        if isinstance(to_speak, Coming):
            to_speak.heed(self._tell)
        else:
            for notice in to_speak.notices:
                self._tell(notice)
        return Request(to_speak, manner, name, weight)

    def _tell(self, notice: str) -> None:
        """Give a notice that has not been given before."""
        if notice not in self._told:
            self._told.add(notice)
            self._observer.notice(notice)

    def play(self, request: Request, sink: Sink) -> Speaking:
        """Begin to speak a request into a sink that has been opened, each piece as soon as it is made."""
        jobs = (place.job for place in request.places())
        name, weight = request.name, request.weight
        begin = partial(self._runner.open, name, jobs, sink, live=True, weight=weight)
        return self._open(name, begin, stored=False, request=request)

    @contextmanager
    def recording(
        self, request: Request, path: str | Path, *, overwrite: bool = False, fresh: bool = False
    ) -> Iterator[Recording]:
        """A recording of the request that has its output and store, and in which nothing is spoken yet."""
        self._runner.check_usable()
        target = checked(path, request.document, self.setup.config.output)
        with Recording(self.setup, target) as recording:
            # the workers load their models while the rest of the text is cut
            recording.begin(request, missing=self._start, overwrite=overwrite, fresh=fresh)
            yield recording

    def complete(self, recording: Recording, request: Request, wait: Wait = Speaking.wait) -> bool:
        """Speak what a recording lacks, and build its output; whether there is anything to hear.

        `wait` waits for the end of each stream that this takes. Raises the RunErrors.
        """

        def speak() -> None:
            self._record(recording, recording.left(request), request.name, wait, request.weight)

        return recording.complete(speak, self._observer.notice)

    @contextmanager
    def reopened(
        self, path: Path, choice: Choice, seed: int | None = None, *, name: str | None = None
    ) -> Iterator[tuple[Recording, Redo]]:
        """The recording of a file that was made, and its chunks that are to be spoken again; as `redo`."""
        self._runner.check_usable()
        with Recording(self.setup, path) as recording:
            recipe = recording.reopen()
            manner = Manner.of(self.setup, recipe.settings(path).config.text)
            redo = choose(recording, manner, choice, seed, self._name(name))
            for notice in redo.notices:
                self._observer.notice(notice)
            yield recording, redo

    def again(self, recording: Recording, redo: Redo, wait: Wait = Speaking.wait) -> bool:
        """Speak chosen chunks of a recording again, and build its output; whether there is one."""
        before = redo.sounds(recording)
        try:
            self._record(recording, redo.places, redo.name, wait)
            if (notice := redo.unchanged(recording, before)) is not None:
                self._observer.notice(notice)
            return recording.build()
        except StoreDamaged as damage:
            recording.mend(damage)
            raise

    def _record(
        self, recording: Recording, places: Iterable[Place], name: str, wait: Wait, weight: float = 1.0
    ) -> None:
        jobs = recording.jobs(places)
        examples = recording.store.examples(REMEMBERED)
        begin = partial(self._runner.open_stored, name, jobs, recording, weight=weight, examples=examples)
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


def _text(text: object, section: TextSection) -> Document | Coming:
    match text:
        case Document() | Coming():
            return text
        case Path():
            return read_file(text, section.reading)
        case str():
            return read_text(text, section.reading)
        case Iterable() if not isinstance(text, bytes | bytearray | Mapping):
            return pulled(text, section.reading)
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
