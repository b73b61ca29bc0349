"""Copies what can still be read of a damaged store into a new one."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ttsflow.errors import StoreDamaged, StoreError
from ttsflow.store import meta
from ttsflow.store.chunks import COLUMNS, INSERT, intact
from ttsflow.store.creation import new_store
from ttsflow.store.faults import code_of, explaining
from ttsflow.store.files import Files, resolved
from ttsflow.store.schema import PAGE_BYTES, connect, transaction

logger = logging.getLogger(__name__)

_SMALLEST_ROW = 100  # bytes, roughly; it limits how many rows a file can hold
_MOST_FAILURES = 1_000_000  # in a row: about ten seconds
_MOST_STEPS = 100_000_000  # steps of SQLite's virtual machine, to count the chunks

# By row number, not by an index, and one row at a time: then a broken page hides only its own rows.
_NEXT = f"SELECT id, {COLUMNS} FROM chunk NOT INDEXED WHERE id >= ? ORDER BY id LIMIT 1"
_COUNT = "SELECT total(1) FROM chunk INDEXED BY chunk_brief"

_UNRELATED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM)


class Salvaged(NamedTuple):
    """Number of chunks that were kept, and of chunks that were lost, as far as this is known."""

    kept: int
    lost: int


def salvage(path: Path) -> Salvaged:
    """Replace a damaged store by one with every chunk that can be read and has the right checksum.

    The values of callers are kept as far as they can be read. Places are not: call `plan` again. The file may
    contain any bytes; only what has the right checksum is kept. No connection to the store may be open. If
    the process is killed, `salvage` can run again. Raises StoreError if the disk fails, OutputError if the
    path cannot be resolved.
    """
    path = resolved(path)
    result = Salvaged(0, 0)
    try:
        with explaining(path), new_store(path) as fresh:
            source = _opened(path, fresh.serialize()[:PAGE_BYTES])
            if source is not None:
                with closing(source), transaction(fresh):
                    result = _copy(source, fresh, path.stat().st_size)
                    _copy_values(source, fresh)
    except OSError as error:
        raise StoreError(f"{path} is damaged and cannot be mended: {error.strerror}") from error
    logger.warning("%s was damaged: %s chunks kept, %s lost", path, *result)
    return result


def _opened(path: Path, first_page: bytes) -> sqlite3.Connection | None:
    """A connection that finds the tables: with the -wal file or, if this fails, without it.

    The first page is the same in every store, except for two bytes (WAL) and for counters that may be 0. So
    it is always rewritten.
    """
    page = b"".join((first_page[:18], b"\2\2", first_page[20:24], bytes(16), first_page[40:]))
    for _ in range(2):
        with path.open("r+b", buffering=0) as damaged:
            damaged.write(page)
        try:
            return connect(path)
        except (sqlite3.Error, StoreDamaged):
            for file in Files(path).beside:  # they may hide the good first page
                file.unlink(missing_ok=True)
    return None


def _copy(source: sqlite3.Connection, fresh: sqlite3.Connection, size: int) -> Salvaged:
    kept = lost = failures = 0
    at = 1
    while failures <= min(size // _SMALLEST_ROW, _MOST_FAILURES) and at < 2**63:
        try:
            rows = source.execute(_NEXT, (at,)).fetchall()
        except sqlite3.Error as error:
            if code_of(error) & 0xFF in _UNRELATED:
                raise
            rows = [(0,)]
        if not rows:
            break
        number, *row = rows[0]
        if number < at:  # it cannot be read; the next row may be in another page
            failures += 1
            at += 1
            continue
        sound = intact(row)
        if sound:
            fresh.execute(INSERT, row)
        kept, lost, failures = kept + sound, lost + failures + (not sound), 0
        at = number + 1
    return Salvaged(kept, max(lost, _counted(source) - kept))


def _copy_values(source: sqlite3.Connection, fresh: sqlite3.Connection) -> None:
    try:
        found = list(meta.of_callers(source))
    except sqlite3.Error as error:
        if code_of(error) & 0xFF in _UNRELATED:
            raise
        return
    for name, value in found:
        meta.put(fresh, name, value)


def _counted(source: sqlite3.Connection) -> int:
    """How many chunks there were; 0 if this is unknown."""
    source.set_progress_handler(lambda: 1, _MOST_STEPS)
    try:
        return int(source.execute(_COUNT).fetchone()[0])
    except sqlite3.Error:
        return 0
