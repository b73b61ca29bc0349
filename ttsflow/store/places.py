"""The places of a text, in its order: what is to be heard at each, and the pause after it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ttsflow.errors import StoreDamaged
from ttsflow.interface.jobs import ChunkJob
from ttsflow.store import meta
from ttsflow.store.checksum import checksum
from ttsflow.store.schema import transaction

_PAGE = 256  # rows of one query: a query that stayed open would keep the -wal file from being emptied
_TOTAL = "places"  # the name in meta under which their number and digest stand

_COLUMNS = "idx, key, text, language, voice, seed, pause_s, recordings"
_INSERT = f"INSERT INTO place({_COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ALL = f"SELECT {_COLUMNS}, checksum FROM place WHERE idx > ? ORDER BY idx LIMIT {_PAGE}"
_LEFT = f"""
SELECT {_COLUMNS}, checksum FROM place AS here WHERE idx > ? AND (
    key IS NULL OR NOT EXISTS (SELECT 1 FROM chunk INDEXED BY chunk_brief WHERE chunk.key = here.key)
    AND NOT EXISTS (SELECT 1 FROM place AS other WHERE other.key = here.key AND other.idx < here.idx))
ORDER BY idx LIMIT {_PAGE}"""

_CHECKSUMS = """
SELECT place.key, pause_s, chunk.checksum
FROM place LEFT JOIN chunk INDEXED BY chunk_brief ON chunk.key = place.key ORDER BY idx"""

_DOUBTS = """
SELECT idx, place.text, why FROM place JOIN chunk INDEXED BY chunk_brief ON chunk.key = place.key
WHERE status = 'flagged' ORDER BY idx LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text: the chunk that is heard there, by its content key, and the pause after it.

    `key` is None where there is nothing to say. `pause_s` is in seconds. The rest is what a job needs.
    """

    index: int
    key: bytes | None
    text: str
    language: str = "en"
    voice: str | None = None
    seed: int = 0
    pause_s: float = 0.0
    references: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: ChunkJob, key: bytes) -> Place:
        """The place of a job whose content has this key."""
        return cls(
            job.index,
            key if job.speakable else None,
            job.text,
            job.language,
            job.voice,
            job.seed,
            job.pause_s,
            job.references,
        )

    def job(self, stream: str) -> ChunkJob:
        """The job again."""
        return ChunkJob(
            stream,
            self.index,
            self.text,
            self.language,
            self.voice,
            self.seed,
            self.pause_s,
            speakable=self.key is not None,
            references=self.references,
        )


def replace(connection: sqlite3.Connection, places: Iterable[Place]) -> None:
    """Put these places in the place of all that were there, or change nothing.

    Raises ValueError where indexes do not rise, sqlite3.Error, and whatever `places` raises.
    """
    total = _Total()
    with transaction(connection):
        connection.execute("DELETE FROM place")
        connection.executemany(_INSERT, map(total.counted, map(_row, places)))
        meta.put(connection, _TOTAL, total.value())


def all_places(connection: sqlite3.Connection) -> Iterator[Place]:
    """All places in text order. Raises StoreDamaged where one is not as it was written, or missing."""
    total = _Total()
    for row in _paged(connection, _ALL):
        yield _place(row)
        total.counted(row)
    written = meta.get(connection, _TOTAL) or _Total().value()
    if written != total.value():
        raise StoreDamaged(f"{total.number:,} places of the text are in the store, not those written there")


def left(connection: sqlite3.Connection) -> Iterator[Place]:
    """The first place of each key that has no chunk, and every place with nothing to say, in text order."""
    return map(_place, _paged(connection, _LEFT))


def checksums(connection: sqlite3.Connection) -> Iterator[tuple[bytes | None, float, bytes | None]]:
    """Key, pause and checksum of the chunk, of each place in text order."""
    yield from connection.execute(_CHECKSUMS)


def doubts(connection: sqlite3.Connection, most: int) -> list[tuple[int, str, str]]:
    """Index, text and doubt of the first places whose chunk is flagged; reads no audio."""
    return connection.execute(_DOUBTS, (most,)).fetchall()


def _paged(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    at = -1
    while rows := connection.execute(query, (at,)).fetchall():
        yield from rows
        last = rows[-1][0]
        if not isinstance(last, int) or last <= at:
            raise StoreDamaged("the places of the text in the store are out of order")
        at = last


def _row(place: Place) -> tuple[Any, ...]:
    values = (
        place.index,
        place.key,
        place.text,
        place.language,
        place.voice,
        place.seed,
        float(place.pause_s),
        json.dumps(place.references),
    )
    return (*values, checksum(*values))


def _place(row: tuple[Any, ...]) -> Place:
    *values, recordings, seal = row
    if checksum(*values, recordings) != seal:
        raise StoreDamaged(f"place {row[0]} of the text is not as it was written in the store")
    return Place(*(*values, tuple(json.loads(recordings))))


class _Total:
    """Number and digest of the places that have been counted, by which a missing one is noticed."""

    def __init__(self) -> None:
        self.number = 0
        self._last = -1
        self._digest = hashlib.blake2b(digest_size=16)

    def counted(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if row[0] <= self._last:
            raise ValueError(f"place {row[0]} comes after place {self._last}; indexes must rise from 0")
        self.number += 1
        self._last = row[0]
        self._digest.update(row[-1])
        return row

    def value(self) -> dict[str, object]:
        return {"number": self.number, "digest": self._digest.hexdigest()}
