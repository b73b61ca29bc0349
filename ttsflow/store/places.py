"""The places of a text, in text order: the job at each place, and the pause after it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ttsflow.errors import StoreDamaged
from ttsflow.interface.jobs import ChunkJob
from ttsflow.store import meta
from ttsflow.store.checksum import checksum
from ttsflow.store.schema import transaction

PAGE = 256  # rows of one query: a query that stayed open would keep the -wal file from being emptied
_TOTAL = "places"  # the name in meta of their number and digest

COLUMNS = "idx, key, text, language, voice, seed, pause_s, recordings, speed, spoken, until_s, checksum"
INSERT = f"INSERT INTO place({COLUMNS}) VALUES ({', '.join('?' for _ in COLUMNS.split(', '))})"
_ALL = f"SELECT {COLUMNS} FROM place WHERE idx > ? ORDER BY idx LIMIT {PAGE}"
_LEFT = f"""
SELECT {COLUMNS} FROM place AS here WHERE idx > ? AND (
    key IS NULL OR NOT EXISTS (SELECT 1 FROM chunk INDEXED BY chunk_brief WHERE chunk.key = here.key)
    AND NOT EXISTS (SELECT 1 FROM place AS other WHERE other.key = here.key AND other.idx < here.idx))
ORDER BY idx LIMIT {PAGE}"""

_EXAMPLES = f"""
SELECT {", ".join(f"place.{name}" for name in COLUMNS.split(", "))}, samples * 1.0 / sample_rate AS audio_s
FROM place JOIN chunk INDEXED BY chunk_brief ON chunk.key = place.key
WHERE status = 'ok' AND audio_s > 0 ORDER BY idx LIMIT ?"""

_CHECKSUMS = """
SELECT place.key, pause_s, until_s, chunk.checksum
FROM place LEFT JOIN chunk INDEXED BY chunk_brief ON chunk.key = place.key ORDER BY idx"""

_DOUBTS = """
SELECT idx, place.text, why FROM place JOIN chunk INDEXED BY chunk_brief ON chunk.key = place.key
WHERE status = 'flagged' ORDER BY idx LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text: the content key of its audio, and the job that makes this audio.

    `key` is None if there is nothing to speak. `chapter` is the title of the chapter that begins here; it
    is not kept with the place.
    """

    key: bytes | None
    job: ChunkJob
    chapter: str | None = None


def replace(connection: sqlite3.Connection, places: Iterable[Place]) -> None:
    """Replace all places by these, or change nothing.

    Raises ValueError if the indexes do not rise, sqlite3.Error, and any exception of `places`.
    """
    total = _Total()
    with transaction(connection):
        connection.execute("DELETE FROM place")
        connection.executemany(INSERT, map(total.counted, map(_row, places)))
        meta.put(connection, _TOTAL, total.value())


def all_places(connection: sqlite3.Connection, stream: str) -> Iterator[Place]:
    """All places in text order, as jobs of `stream`.

    Raises StoreDamaged if a place is missing or has a wrong checksum.
    """
    total = _Total()
    for row in paged(connection, _ALL):
        yield _place(row, stream)
        total.counted(row)
    written = meta.get(connection, _TOTAL) or _Total().value()
    if written != total.value():
        raise StoreDamaged(f"{total.number:,} places of the text are in the store, not those written there")


def left(connection: sqlite3.Connection, stream: str) -> Iterator[Place]:
    """The first place of each key without a chunk, and each place with nothing to speak, in text order."""
    return (_place(row, stream) for row in paged(connection, _LEFT))


def examples(connection: sqlite3.Connection, most: int) -> list[tuple[ChunkJob, float]]:
    """The first jobs whose audio is kept and not in doubt, and its length in seconds; reads no audio."""
    rows = connection.execute(_EXAMPLES, (most,)).fetchall()
    return [(_place(row, stream="").job, audio_s) for *row, audio_s in rows]


Silence = float | tuple[float, float]
"""All that the silence behind a place depends on, besides what is heard before: `pause_s`, and `until_s`."""


def silence_behind(job: ChunkJob) -> Silence:
    """What the silence behind the place of a job depends on."""
    return _silence(job.pause_s, job.until_s)


def checksums(connection: sqlite3.Connection) -> Iterator[tuple[bytes | None, Silence, bytes | None]]:
    """For each place in text order: its key, the silence behind it, and the checksum of its chunk."""
    for key, pause_s, until_s, seal in connection.execute(_CHECKSUMS):
        yield key, _silence(pause_s, until_s), seal


def _silence(pause_s: float, until_s: float | None) -> Silence:
    return pause_s if until_s is None else (pause_s, until_s)


def texts(connection: sqlite3.Connection) -> Iterator[str]:
    """What is written at each place with something to speak, in text order; of stores of any version."""
    for (text,) in connection.execute("SELECT text FROM place WHERE key IS NOT NULL ORDER BY idx"):
        yield text


def doubts(connection: sqlite3.Connection, most: int) -> list[tuple[int, str, str]]:
    """Index, text and doubt of the first places whose chunk is flagged; reads no audio."""
    return connection.execute(_DOUBTS, (most,)).fetchall()


def paged(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """All rows of a query that returns the next places after an index.

    Raises StoreDamaged if the indexes do not rise; sqlite3.Error.
    """
    at = -1
    while rows := connection.execute(query, (at,)).fetchall():
        yield from rows
        last = rows[-1][0]
        if not isinstance(last, int) or last <= at:
            raise StoreDamaged("the places of the text in the store are out of order")
        at = last


def _row(place: Place) -> tuple[Any, ...]:
    job = place.job
    values = (
        job.index,
        place.key,
        job.shown,
        job.language,
        job.voice,
        job.seed,
        float(job.pause_s),
        json.dumps(job.references),
        float(job.speed),
    )
    later = (None if job.written is None else job.text, job.until_s)
    return (*values, *later, _seal(values, later))


def _place(row: Sequence[Any], stream: str) -> Place:
    *values, spoken, until_s, seal = row
    if _seal(values, (spoken, until_s)) != seal:
        raise StoreDamaged(f"place {row[0]} of the text is not as it was written in the store")
    index, key, text, language, voice, seed, pause_s, recordings, speed = values
    job = ChunkJob(
        stream,
        index,
        text if spoken is None else spoken,
        language,
        voice,
        seed,
        pause_s,
        speakable=key is not None,
        references=tuple(json.loads(recordings)),
        speed=speed,
        written=None if spoken is None else text,
        until_s=until_s,
    )
    return Place(key, job)


def _seal(values: Sequence[Any], later: Sequence[Any]) -> bytes:
    """The checksum of a place; without what `later` versions have added it is that of before."""
    while later and later[-1] is None:
        later = later[:-1]
    return checksum(*values, *later)


class _Total:
    """Number and digest of the counted places; they show whether a place is missing."""

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
