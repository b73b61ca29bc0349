"""A recording: a document on its way through its store into a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ttsflow.errors import OutputError, StoreDamaged, StoreError, TtsflowError
from ttsflow.interface.jobs import Account, AudioPiece, ChunkJob, Outcome
from ttsflow.output import About, FileSink, Lease, Tag
from ttsflow.report import Observer
from ttsflow.report.lateness import Lateness
from ttsflow.report.passage import Passage
from ttsflow.session.book import Book, ChapterWatch
from ttsflow.session.corrections import Corrections, saying
from ttsflow.session.destination import is_ours, tag_of
from ttsflow.session.making import make_output
from ttsflow.session.recipe import Recipe
from ttsflow.session.request import Manner, Request
from ttsflow.session.setup import Setup
from ttsflow.session.sidecars import Sidecars
from ttsflow.store import (
    Counts,
    Follower,
    Place,
    Running,
    Spoken,
    Store,
    Written,
    remove,
    salvage,
    store_path,
)
from ttsflow.text import Document

MENDS = 3
"""times that damaged chunks are spoken again before a disk is given up"""


class Recording:
    """Keeps each chunk of a text in the store beside its output, and builds the output from the store.

    `begin` or `reopen` takes the output for this process; `close` gives it back. In between a runner's
    stream speaks `jobs` and writes into the recording; `build` follows.
    What was kept before stays whatever happens.

    `format` is the name of the output's format; None is as the configuration says, or the output's suffix.
    `account` says what became of the chunks that were spoken here, None once nobody knows; `failed`
    are those that failed.
    """

    def __init__(self, setup: Setup, path: Path, format: str | None = None) -> None:
        self.path = path
        self.account: Account | None = Account()
        self.failed: list[Outcome] = []
        self._setup = setup
        self._format = setup.formats.of(path, format or setup.config.output.format)
        self._request: Request | None = None
        self._overwrite = False
        self._leases: list[Lease] = []
        self._sinks: list[FileSink] = []
        self._stores: list[Store] = []
        self._follower: Follower | None = None
        self._keys: dict[int, bytes] = {}  # of the chunks that are being spoken, by their index

    # ------------------------------------------------------------ opening and closing

    def begin(
        self,
        request: Request,
        missing: Callable[[], object],
        *,
        overwrite: bool = False,
        fresh: bool = False,
    ) -> None:
        """Take the output, open its store or make one, and note where each chunk is to be heard.

        `missing` is called as soon as a chunk is found that is not in the store.
        `overwrite` replaces a file whoever made it; `fresh` begins with a store that has only the words that
        were mended. A store that
        proves to be damaged is salvaged. Raises OutputError where the output or the store cannot be
        written, or another backend than before would speak without having been named; OutputBusy names
        the run that has it.
        """
        tag = tag_of(request.document)
        self._leases.append(Lease(self.path))
        if not overwrite and not is_ours(self.path, tag, request.places()):
            kept = store_path(self.path)
            stays = f" (the chunks in {kept.name} stay)" if kept.exists() else ""
            raise OutputError(
                f"{self.path} exists and was not made from this text; to replace it, overwrite it "
                f"(`overwrite`){stays}, or choose another output"
            )
        self._recipe = Recipe.of(request.manner, self._format.name, tag)
        source = request.document.identity.source
        text = None if source is None else Path(request.document.name)
        self._sidecars.check(text, overwrite=overwrite)
        self._take_output()
        self._take_store(fresh=fresh)
        self._request = request
        self._overwrite = overwrite
        if not (overwrite or fresh):
            self._refuse_other_part(request.document)
        try:
            self._plan(request, missing)
        except StoreDamaged as damage:
            self.mend(damage)

    def reopen(self) -> Recipe:
        """Take an output that was made before, and its store as it is. Returns how it was spoken.

        Raises OutputError as `begin` does, and where nothing is kept for the output.
        """
        self._leases.append(Lease(self.path))
        recipe = Recipe.beside(self.path)
        if not is_ours(self.path, recipe.tag):
            raise OutputError(
                f"{self.path} is another file than the one that was made from what is kept for it; move it "
                f"away, and what is spoken again is built into a new one"
            )
        self._recipe, self._format = recipe, self._setup.formats.named(recipe.format)
        self._sidecars.check()
        self._take_output()
        self._take_store()
        return recipe

    def _take_output(self) -> None:
        sink = FileSink(
            self.path,
            sample_rate=self._setup.profile.sample_rate,
            format=self._format,
            about=About(self._recipe.tag),
            encoding=self._recipe.encoding,
        )
        sink.open()
        self._sinks.append(sink)

    def _take_store(self, *, fresh: bool = False) -> None:
        mended = Corrections.of(self.path) if fresh else None
        self._stores.append(Store.open(store_path(self.path), fresh=fresh))
        if mended is not None and mended.words:
            mended.write(self.store)
        self.store.set_running(Running.here(time.strftime("%Y-%m-%d %H:%M:%S")))

    def close(self) -> None:
        """Give the output back. May be called again."""
        while self._stores:
            store, empty = self._stores.pop(), False
            with suppress(TtsflowError):  # the disk may be full
                store.clear_running()
                empty = not store.counts().stored
            store.close()
            if empty:
                with suppress(TtsflowError):
                    remove(store.path)
        while self._sinks:
            self._sinks.pop().abort()
        while self._leases:
            self._leases.pop().release()

    def discard(self) -> None:
        """Remove the store, which is not needed any more, and give the output back."""
        path = self.store.path
        self._stores.pop().close()
        remove(path)
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def tag(self) -> Tag:
        """What tells a file that was made from this text."""
        return self._recipe.tag

    @property
    def store(self) -> Store:
        """The store. Raises StoreError where it is closed."""
        if not self._stores:
            raise StoreError(f"what is kept for {self.path} is closed")
        return self._stores[-1]

    # ------------------------------------------------------------ what is to be spoken

    def _plan(self, request: Request, missing: Callable[[], object]) -> None:
        recipe, before = self._recipe, Recipe.find(self.store)
        named = isinstance(self._setup.config.backend.use, str)
        if before is not None and before.backend != recipe.backend and not named:
            raise OutputError(
                f"{self.path} has been spoken by {before.backend} so far, and {recipe.backend} would speak "
                f"now. Go on with `backend.use: {before.backend}`, or say `backend.use: {recipe.backend}`"
            )
        chapters = ChapterWatch()
        places = Corrections.read(self.store).applied(request.places(), request.manner)
        self.store.plan(self._compared(chapters.watch(places), missing))
        chapters.book(request.document).write(self.store)
        recipe.write(self.store)
        self.store.counts()  # where that can be read, all that is looked up before the audio can

    def _compared(self, places: Iterable[Place], missing: Callable[[], object]) -> Iterator[Place]:
        """The places; `missing` is called before the first whose chunk is not in the store."""
        places = iter(places)
        for place in places:
            if place.key is not None and not self.store.has(place.key):
                missing()
                yield place
                break
            yield place
        yield from places

    def correct(self, spoken: ChunkJob, manner: Manner) -> None:
        """Have the words of this job spoken wherever the same is written, now and in every later run."""
        written, words = spoken.shown, spoken.text
        Corrections.read(self.store).having(written, words).write(self.store)
        self.store.plan(
            saying(place, words, manner) if place.key is not None and place.job.shown == written else place
            for place in self.store.places()
        )

    def _refuse_other_part(self, document: Document) -> None:
        """A part of a text does not take the place of the whole, nor of another part, unasked."""
        if document.part is None or not self.path.exists() or not self.counts().places:
            return
        before = Book.read(self.store).part
        if before != document.part:
            raise OutputError(
                f"{self.path} has {before or 'the whole text'}, and {document.part} would take its place; "
                f"name another output, or overwrite it (--overwrite)"
            )

    def counts(self) -> Counts:
        """How far the text is."""
        return self.store.counts()

    def passages(self) -> Iterator[Passage]:
        """All places of the text, as they are heard. Raises StoreError, also where the store is closed."""
        return self.store.passages()

    @property
    def is_built(self) -> bool:
        """Whether the output is there, made from what is kept now and untouched since."""
        return self.store.is_built(self.path, self._recipe.fingerprint(self.store))

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be spoken or built."""
        return not self.counts().left and self.is_built and self._sidecars.is_made(self.store)

    @property
    def _sidecars(self) -> Sidecars:
        return Sidecars.of(self.path, self._recipe)

    def left(self, request: Request) -> Iterator[Place]:
        """What is left, in text order: each text that occurs twice once, and every pause."""
        return self.store.left(request.name)

    # ------------------------------------------------------------ what a stream writes into

    def jobs(self, places: Iterable[Place]) -> Iterator[ChunkJob]:
        """The jobs of these places; their audio is kept with the keys of the places."""
        for place in places:
            if place.key is not None:
                self._keys[place.job.index] = place.key
            yield place.job

    def keep(self, chunks: Sequence[tuple[Outcome, Sequence[AudioPiece]]]) -> None:
        """Commit chunks. Raises StoreError, also where the recording was closed."""
        self.store.commit(
            [Spoken(self._keys[outcome.job.index], outcome, pieces) for outcome, pieces in chunks]
        )
        for outcome, _ in chunks:
            del self._keys[outcome.job.index]
        if self._follower is not None:
            self._follower.look()

    # ------------------------------------------------------------ what became of it

    def count(self, account: Account | None, failed: Sequence[Outcome]) -> None:
        """A stream of its chunks has ended, with this account if anybody knows."""
        self.account = None if account is None or self.account is None else self.account + account
        self.failed += failed

    def complete(self, speak: Callable[[], object], observer: Observer) -> bool:
        """Have `speak` speak what is left, and build the output; whether there is anything to hear.

        Chunks that turn out to be damaged are spoken again; `observer` is told. Raises as `build` does, and
        what `speak` raises.
        """
        for _ in range(MENDS):
            try:
                written = None
                if self.counts().left:
                    with self._counting_not_reached(), self._following() as follower:
                        speak()
                    written = None if follower is None else follower.written
                return self.build(observer, written)
            except StoreDamaged as damage:
                observer.notice(f"{damage}; what is lost is spoken again")
                self.mend(damage)
                if self.account is not None:  # what was not reached is spoken in the next stream
                    done = self.account.delivered + self.account.failed
                    self.account = replace(self.account, submitted=done, not_reached=0)
        raise StoreDamaged(f"{self.store.path} is damaged again and again; see to the disk that it is on")

    @contextmanager
    def _following(self) -> Iterator[Follower | None]:
        """What is committed inside is compressed at once, for an output that takes time to compress."""
        sink = self._sinks[-1]
        if not sink.is_compressed or self._recipe.encoding.loudness is not None:  # known at the end only
            yield None
            return
        with Follower(self.store, sink) as self._follower:
            yield self._follower
        self._follower = None

    @contextmanager
    def _counting_not_reached(self) -> Iterator[None]:
        """What ends early inside has not reached all that is left, also what no stream has come to."""
        try:
            yield
        except BaseException:
            if self.account is not None:
                delivered, failed = self.account.delivered, self.account.failed
                with suppress(StoreError):  # why the run ends is known already
                    left = max(self.counts().left - failed, 0)
                    self.account = Account(delivered + failed + left, delivered, failed, left)
            raise

    def build(self, observer: Observer, written: Written | None = None) -> bool:
        """Make the output from the store, and what goes beside it; whether there is anything to hear.

        What has been `written` already is gone on with. Raises SinkError where the output cannot be written,
        and StoreDamaged, after `mend` of which more is left to be spoken.
        """
        sink = self._sinks[-1]
        if not self.is_built and not make_output(self.store, sink, self._recipe, observer, written):
            return False
        for told in self._sidecars.make(self.store, self._format, overwrite=self._overwrite):
            observer.notice(told)
        if self._recipe.is_timed:
            late = Lateness.of(self.store.passages()).notice(str(self.path))
            if late is not None:
                observer.notice(late)
        return True

    def mend(self, damage: StoreDamaged) -> None:
        """Remove what is damaged, so that it is spoken again. Raises it where nothing can be done."""
        if damage.keys:
            with suppress(StoreDamaged):  # more than those chunks is damaged
                self.store.drop(damage.keys)
                return
        if self._request is None:
            raise damage
        path = self.store.path
        self._stores.pop().close()
        salvage(path)
        self._take_store()
        self._plan(self._request, missing=lambda: None)
