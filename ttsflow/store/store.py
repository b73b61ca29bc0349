"""The store of a run: one SQLite file next to the output. Opens it, writes it and reads it."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ttsflow.errors import OutputError, StoreDamaged, StoreError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.report.passage import Passage
from ttsflow.store import chunks, meta, passages, places
from ttsflow.store.chunks import Audio, Spoken
from ttsflow.store.creation import new_store
from ttsflow.store.faults import explaining
from ttsflow.store.files import Files, find, resolved, size_of, stamp, unusable
from ttsflow.store.passages import Extent
from ttsflow.store.places import Place, Silence
from ttsflow.store.salvage import Salvaged, salvage
from ttsflow.store.schema import bring_up_to_date, connect
from ttsflow.version import __version__

_PLACES = "SELECT count(*), count(key) FROM place"
_DISTINCT = """
SELECT count(*), total(chars), count(status), total(CASE WHEN status IS NOT NULL THEN chars END),
    total(status = 'flagged'), total(samples * 1.0 / sample_rate)
FROM (SELECT key, length(text) AS chars FROM place WHERE key IS NOT NULL GROUP BY key)
LEFT JOIN chunk INDEXED BY chunk_brief USING (key)"""


@dataclass(frozen=True, slots=True)
class Counts:
    """The progress of a text: its places, those with something to speak, and their distinct chunks.

    `kept` of the distinct chunks are in the store, with `audio_s` seconds in total; `flagged` of these
    are in doubt. `left` of the distinct chunks are not in the store. `chars` are the characters of the
    distinct chunks, `kept_chars` of those that are in the store. `stored` counts all chunks in the
    store, also those that the text no longer contains. `bytes` is the size of the store on disk.
    """

    places: int
    speakable: int
    distinct: int
    kept: int
    left: int
    flagged: int
    audio_s: float
    chars: int
    kept_chars: int
    stored: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Made:
    """The last build of an output: the `fingerprint` of its content, and its length in seconds, if known."""

    fingerprint: str
    length_s: float | None


@dataclass(frozen=True, slots=True)
class Running:
    """The run that uses a store; `started` is a text that tells a person the time."""

    pid: int
    host: str
    started: str

    @classmethod
    def here(cls, started: str) -> Running:
        """This process."""
        return cls(os.getpid(), socket.gethostname(), started)

    @property
    def gone(self) -> bool:
        """Whether it was killed; False for a process on another host, where this is unknown."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # the process exists and belongs to another user
            pass
        return False


class Store:
    """Finished chunks by content key, and the places of a text where they are used.

    Three threads may use it at the same time, each with its own methods: one calls `commit`; one calls
    `read`, `drop`, `places`, `build` and `fingerprint`; one calls all the others. No other Store of the same
    file may be open in the process, and a writer must hold the lock of the output.

    If the disk fails, any method raises StoreError; committed chunks are not changed. If the content of
    the file is wrong, any method raises StoreDamaged. If this error has `keys`, `drop` them. Otherwise close
    the store, call `salvage`, and open it again. Then call `plan` again. If `open` had to salvage the store,
    `salvaged` says how many chunks were kept and lost.
    """

    def __init__(
        self, path: Path, connections: Sequence[sqlite3.Connection], salvaged: Salvaged | None
    ) -> None:
        self.path = path
        self.salvaged = salvaged
        self._connections = connections
        self._planning, self._writing, self._reading = connections

    @classmethod
    def open(cls, path: Path, *, fresh: bool = False, readonly: bool = False) -> Store:
        """Open the store at `path`, or create one. With `fresh`, an existing store is removed first.

        A store of an earlier version is upgraded with all its content. With `readonly`, nothing is created,
        repaired or changed, and a run may write at the same time; the jobs of the places of version 1
        cannot be read then. Raises OutputError if a store cannot be created or written at `path`.
        With `readonly`, it also raises OutputError if there is no store, and StoreDamaged.
        """
        path, salvaged = resolved(path), None
        try:
            if not readonly:
                salvaged = _made_ready(path, fresh)
            elif find(path)[1] != "store":
                raise OutputError(f"{path} is no store that can be read; a run with this output makes one")
            return cls(path, _connected(path, readonly), salvaged)
        except OSError as error:
            raise unusable(path, error) from error
        except StoreDamaged:
            raise
        except StoreError as error:
            raise OutputError(str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store; may be called again."""
        for connection in self._connections:
            connection.close()

    def plan(self, places_: Iterable[Place]) -> None:
        """Replace all places of the text by these, or change nothing.

        Raises ValueError if their indexes do not rise, and any exception of `places_`.
        """
        with explaining(self.path):
            places.replace(self._planning, places_)

    def left(self, stream: str = "") -> Iterator[Place]:
        """The first place of each key without a chunk, and each place with nothing to speak, in text order.

        Their jobs belong to `stream`. The places are read lazily, so chunks that are committed meanwhile
        are left out.
        """
        with explaining(self.path):
            yield from places.left(self._planning, stream)

    def has(self, key: bytes) -> bool:
        """Whether there is a chunk with this content key; reads no audio."""
        query = "SELECT 1 FROM chunk INDEXED BY chunk_brief WHERE key = ?"
        with explaining(self.path):
            return self._planning.execute(query, (key,)).fetchone() is not None

    def counts(self) -> Counts:
        """The progress of the text; reads no audio."""
        with explaining(self.path):
            ((all_, speakable),) = self._planning.execute(_PLACES).fetchall()
            ((distinct, chars, kept, kept_chars, flagged, audio_s),) = self._planning.execute(
                _DISTINCT
            ).fetchall()
            count = "SELECT count(*) FROM chunk INDEXED BY chunk_brief"
            ((stored,),) = self._planning.execute(count).fetchall()
        size = size_of(self.path)
        return Counts(
            places=all_,
            speakable=speakable,
            distinct=distinct,
            kept=kept,
            left=distinct - kept,
            flagged=int(flagged),
            audio_s=audio_s,
            chars=int(chars),
            kept_chars=int(kept_chars),
            stored=stored,
            bytes=size,
        )

    def commit(self, finished: Sequence[Spoken]) -> None:
        """Write all of these chunks and their audio, or none; after the return they survive a power failure.

        A chunk with an existing key is replaced. Raises ValueError for a chunk without audio.
        """
        with explaining(self.path):
            chunks.put(self._writing, finished)

    def read(self, key: bytes) -> Audio | None:
        """The audio of a chunk, after a check; None if there is none. Raises StoreDamaged with the key."""
        try:
            with explaining(self.path):
                return chunks.get(self._reading, key)
        except (ValueError, StoreDamaged) as error:
            raise StoreDamaged(f"a chunk in {self.path} is damaged: {error}", (key,)) from error

    def drop(self, keys: Iterable[bytes]) -> None:
        """Remove damaged chunks, so that they are spoken again.

        Raises StoreDamaged for a chunk that is damaged for the second time.
        """
        with explaining(self.path):
            chunks.drop(self._reading, keys)

    def places(self, stream: str = "") -> Iterator[Place]:
        """All places in text order; their jobs belong to `stream`."""
        with explaining(self.path):
            yield from places.all_places(self._reading, stream)

    def examples(self, most: int) -> list[tuple[ChunkJob, float]]:
        """The first jobs of the text whose audio is kept and not in doubt, and its length in seconds."""
        with explaining(self.path):
            return places.examples(self._planning, most)

    def texts(self) -> Iterator[str]:
        """What is written at all places with something to speak, in text order."""
        with explaining(self.path):
            yield from places.texts(self._reading)

    def passages(self) -> Iterator[Passage]:
        """All places in text order, with their times in an output that is built now; reads no audio."""
        with explaining(self.path):
            yield from passages.passages(self._planning)

    def extent(self) -> Extent:
        """The length of an output that is built now, and the progress of the text; reads no audio."""
        with explaining(self.path):
            return passages.extent(self._planning)

    def passage_at(self, seconds: float) -> Passage | None:
        """The passage at this time in an output that is built now; None after its end."""
        for passage in self.passages():
            if passage.at_s <= seconds < passage.at_s + passage.audio_s + passage.pause_s:
                return passage
        return None

    def passages_with(self, words: str) -> Iterator[Passage]:
        """The passages whose text contains the words; case and the amount of white space do not matter."""
        wanted = _plain(words)
        return (passage for passage in self.passages() if wanted in _plain(passage.text))

    def doubts(self, most: int) -> list[tuple[int, str, str]]:
        """Index, text and doubt of the first places whose chunk is flagged; at most `most` places."""
        with explaining(self.path):
            return places.doubts(self._reading, most)

    def checksums(self) -> Iterator[tuple[bytes | None, Silence, bytes | None]]:
        """For each place in text order: its key, the silence behind it, and the checksum of its chunk."""
        with explaining(self.path):
            yield from places.checksums(self._reading)

    def set(self, name: str, value: object) -> None:
        """Store a JSON value under a name that the caller chooses."""
        with explaining(self.path):
            meta.put(self._planning, f"{meta.CALLER}{name}", value)

    def get(self, name: str) -> Any:
        """The value under a name; None if there is none, or its checksum is wrong."""
        with explaining(self.path):
            return meta.get(self._planning, f"{meta.CALLER}{name}")

    def set_running(self, running: Running) -> None:
        """Record which run uses the store."""
        with explaining(self.path):
            meta.put(self._planning, "running", asdict(running))

    def clear_running(self) -> None:
        """Record that no run uses the store."""
        with explaining(self.path):
            meta.forget(self._planning, "running")

    def running(self) -> Running | None:
        """The run that uses the store, or that was killed while it used the store."""
        with explaining(self.path):
            noted = meta.get(self._planning, "running")
        return Running(**noted) if noted else None

    def record_built(self, output: Path, fingerprint: str) -> None:
        """Record that the file at `output` was built just now, from content with this fingerprint."""
        length_s = self.extent().length_s
        with explaining(self.path):
            meta.put(self._planning, "built", [fingerprint, stamp(output), length_s])

    def built(self, output: Path) -> Made | None:
        """How the file at `output` was built; None if it does not exist or was changed since."""
        found = stamp(output)
        with explaining(self.path):
            noted = meta.get(self._planning, "built")
        if found is None or noted is None or noted[1] != found:
            return None
        return Made(noted[0], noted[2] if len(noted) > 2 else None)  # version 1 noted no length

    def is_built(self, output: Path, fingerprint: str) -> bool:
        """Whether the file at `output` was built from this content, and not changed since."""
        made = self.built(output)
        return made is not None and made.fingerprint == fingerprint


def _made_ready(path: Path, fresh: bool) -> Salvaged | None:
    """Prepare a store at `path` for writing. If it was damaged, returns what was kept and lost."""
    Files(path).adopt()
    _, found = find(path, any_version=fresh)
    if fresh and found != "nothing":
        Files(path).unlink()
        found = "nothing"
    with explaining(path):
        if found == "nothing":
            with new_store(path):
                return None
        if found == "store" and _sound(path):
            return None
    return salvage(path)


def _sound(path: Path) -> bool:
    """Upgrade the store; False if it is damaged. Raises StoreError if it cannot be written."""
    try:
        with explaining(path), closing(connect(path)) as connection:
            bring_up_to_date(connection)
            meta.put(connection, "opened", __version__)
    except StoreDamaged:
        return False
    return True


def _connected(path: Path, readonly: bool) -> list[sqlite3.Connection]:
    """A connection for each thread."""
    try:
        with explaining(path):
            return _three(path, readonly, immutable=False)
    except StoreDamaged:
        raise
    except StoreError:
        wal = Files(path).beside[0]
        if not readonly or (wal.exists() and wal.stat().st_size):
            raise
    with explaining(path):  # SQLite cannot create files next to it, and needs none: nobody writes to it
        return _three(path, readonly, immutable=True)


def _three(path: Path, readonly: bool, immutable: bool) -> list[sqlite3.Connection]:
    with ExitStack() as opened:
        connections = [
            opened.enter_context(closing(connect(path, readonly=readonly, immutable=immutable)))
            for _ in range(3)
        ]
        opened.pop_all()
    return connections


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
