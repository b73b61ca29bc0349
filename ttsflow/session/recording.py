"""A recording: a document on its way through its store into a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ttsflow.errors import InputError, OutputBusy, OutputError, StoreDamaged, TtsflowError
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.output import FileSink, Tag
from ttsflow.session.plan import Plan
from ttsflow.store import (
    Counts,
    Place,
    Running,
    Spoken,
    Store,
    build,
    fingerprint,
    remove,
    salvage,
    store_path,
)
from ttsflow.text import Document

MENDS = 3
"""times that damaged chunks are spoken again before a disk is given up"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a store remembers of the run that filled it, so that a chunk can be spoken again."""

    config: dict[str, Any]
    backend: str
    plugins_dirs: tuple[str, ...]
    mark: tuple[str | None, str | None]

    @classmethod
    def of(cls, plan: Plan, plugins_dirs: Iterable[Path], identity: Tag) -> Recipe:
        folders = tuple(str(folder.resolve()) for folder in plugins_dirs)
        config = plan.config.model_dump(mode="json")
        config["backend"]["use"] = plan.backend.plugin.name  # the first choice may have been another
        return cls(config, plan.backend.plugin.name, folders, (identity.path, identity.content))

    @classmethod
    def find(cls, store: Store) -> Recipe | None:
        """The recipe in a store; None where there is none."""
        noted = store.get("recipe")
        return cls(**noted) if noted else None

    @classmethod
    def read(cls, store: Store) -> Recipe:
        """The recipe in a store. Raises InputError where there is none."""
        recipe = cls.find(store)
        if recipe is None:
            raise InputError(f"{store.path} does not tell how it was filled; run the same command again")
        return recipe

    def write(self, store: Store) -> None:
        store.set(
            "recipe",
            {
                "config": self.config,
                "backend": self.backend,
                "plugins_dirs": self.plugins_dirs,
                "mark": self.mark,
            },
        )


def kept_beside(output: Path) -> Path:
    """The store beside an output. Raises OutputError where there is none."""
    path = store_path(output)
    if not path.exists():
        raise OutputError(f"nothing is kept for {output}: there is no {path}; `ttsflow run` makes it")
    return path


def identity_of(document: Document) -> Tag:
    """What a later run recognises the input by."""
    return Tag(document.identity.source, document.identity.content)


class Recording:
    """Speaks what a text lacks, keeps each chunk in the store beside the output, builds the output from it.

    `open` takes the output for this process; `close` gives it back. In between `jobs` are the chunks that
    are left, and a runner's stream takes the recording for its sink and its keeper; `build` follows. What
    was kept before stays whatever happens.
    """

    def __init__(self, plan: Plan, path: Path, identity: Tag, *, overwrite: bool = False) -> None:
        self._plan = plan
        self._identity = identity
        self._sink = FileSink(
            path,
            sample_rate=plan.profile.sample_rate,
            format=plan.config.output.format,
            identity=identity,
            overwrite=overwrite,
        )
        self._path = path
        self._planned: tuple[Document, tuple[Path, ...]] | None = None
        self._stores: list[Store] = []

    # ------------------------------------------------------------ opening and closing

    def open(self, *, fresh: bool = False) -> None:
        """Take the output and open its store, or make one; `fresh` begins with an empty one.

        Raises OutputError where either cannot be written; OutputBusy names the run that has it.
        """
        try:
            self._sink.open()
        except OutputBusy as error:
            raise OutputBusy(f"{error}{self._whose()}") from error
        try:
            self._take(fresh=fresh)
        except BaseException:
            self._sink.abort()
            raise

    def _take(self, *, fresh: bool = False) -> None:
        self._stores.append(Store.open(store_path(self._path), fresh=fresh))
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
        self._sink.abort()

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
    def store(self) -> Store:
        """The store, which is open."""
        return self._stores[-1]

    def _whose(self) -> str:
        """Which run has the output, as far as the store knows."""
        with suppress(TtsflowError), Store.open(store_path(self._path), readonly=True) as store:
            running = store.running()
            if running is not None:
                return f". It is process {running.pid} on {running.host}, since {running.started}"
        return ""

    # ------------------------------------------------------------ what is to be spoken

    def plan(self, document: Document, plugins_dirs: Iterable[Path] = ()) -> None:
        """Note where each chunk of the document is to be heard, and how it is spoken.

        A store that proves to be damaged is salvaged. Raises OutputError where another backend than
        before would speak without having been named.
        """
        self._planned = document, tuple(plugins_dirs)
        try:
            self._note(document, plugins_dirs)
        except StoreDamaged as damage:
            self.mend(damage)

    def _note(self, document: Document, plugins_dirs: Iterable[Path]) -> None:
        recipe, before = Recipe.of(self._plan, plugins_dirs, self._identity), Recipe.find(self.store)
        named = isinstance(self._plan.config.backend.use, str)
        if before is not None and before.backend != recipe.backend and not named:
            raise OutputError(
                f"{self._path} has been spoken by {before.backend} so far, and {recipe.backend} would speak "
                f"now. Go on with --backend {before.backend}, or say --backend {recipe.backend}"
            )
        self.store.plan(self._place(job) for job in self._plan.jobs(document, "plan"))
        recipe.write(self.store)
        self.store.counts()  # where that can be read, all that is looked up before the audio can

    def _place(self, job: ChunkJob) -> Place:
        return Place(self._plan.key(job) if job.speakable else None, job)

    def counts(self) -> Counts:
        """How far the text is."""
        return self.store.counts()

    @property
    def is_built(self) -> bool:
        """Whether the output is there, made from just what the store holds, and untouched since."""
        return self.store.is_built(self._path, fingerprint(self.store, self._plan.config.output.format))

    def jobs(self, stream: str) -> Iterator[ChunkJob]:
        """The chunks that are left, in text order: each that occurs twice once, and every pause."""
        return (place.job for place in self.store.left(stream))

    # ------------------------------------------------------------ a stream's keeper and sink

    def keep(self, chunks: Sequence[tuple[Outcome, Sequence[AudioPiece]]]) -> None:
        """Commit chunks. Raises StoreError."""
        self.store.commit(
            [Spoken(self.store.key_at(outcome.job.index), outcome, pieces) for outcome, pieces in chunks]
        )

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        """Nothing comes here: the audio is in the store."""

    def end_chunk(self, outcome: Outcome) -> None:
        """Nothing is to be done: the output is built from the store."""

    def finish(self) -> None:
        """As above."""

    def abort(self) -> None:
        """As above; what is in the store stays."""

    # ------------------------------------------------------------ the output

    def build(self) -> bool:
        """Make the output from the store; whether there is anything to hear, and so a file.

        Raises SinkError where it cannot be written, and StoreDamaged, after `mend` of which more is left
        to be spoken.
        """
        made = fingerprint(self.store, self._plan.config.output.format)
        build(self.store, self._sink)
        if self._sink.published:
            self.store.record_built(self._path, made)
        return self._sink.published

    def complete(self, speak: Callable[[], object], tell: Callable[[str], object]) -> bool:
        """Have `speak` speak `jobs`, and build the output; whether there is anything to hear.

        Chunks that turn out to be damaged are spoken again; `tell` is told. Raises as `build` does, and
        what `speak` raises.
        """
        for _ in range(MENDS):
            try:
                if self.counts().left:
                    speak()
                return self.build()
            except StoreDamaged as damage:
                tell(f"{damage}; what is lost is spoken again")
                self.mend(damage)
        raise StoreDamaged(f"{self.store.path} is damaged again and again; see to the disk that it is on")

    def mend(self, damage: StoreDamaged) -> None:
        """Remove what is damaged, so that it is spoken again. Raises it where nothing can be done."""
        if damage.keys:
            with suppress(StoreDamaged):  # more than those chunks is damaged
                self.store.drop(damage.keys)
                return
        if self._planned is None:
            raise damage
        path = self.store.path
        self._stores.pop().close()
        salvage(path)
        self._take()
        self._note(*self._planned)
