"""What can still be read of a damaged store, put into a fresh one."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ttsflow.errors import StoreDamaged, StoreError
from ttsflow.store.chunks import COLUMNS, INSERT, intact
from ttsflow.store.faults import told
from ttsflow.store.files import Files, resolved
from ttsflow.store.making import new_store
from ttsflow.store.schema import PAGE_BYTES, check_tables, connect, first_page

logger = logging.getLogger(__name__)

_SMALLEST_ROW = 100  # bytes, roughly: so many rows there may be in a page
_MOST_FAILURES = 1_000_000  # in a row: some ten seconds
_MOST_STEPS = 100_000_000  # of SQLite's machine, for counting what there was

# By row number, not by an index, and one row at a time: a broken page then hides no more than it holds.
_NEXT = f"SELECT id, {COLUMNS} FROM chunk NOT INDEXED WHERE id >= ? ORDER BY id LIMIT 1"
_COUNT = "SELECT total(1) FROM chunk INDEXED BY chunk_brief"

_UNRELATED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM)


class Salvaged(NamedTuple):
    """Chunks that were kept, and chunks that were lost, as far as that can be told."""

    kept: int
    lost: int


def salvage(path: Path) -> Salvaged:
    """Replace a damaged store by one with every chunk that can be read and whose checksum holds.

    Places and notes are not kept: plan again. Whatever bytes are there, no others are believed. No
    connection to the store may be open. Killed at any instant, it can be run again. Raises StoreError
    where the disk refuses, OutputError where the path cannot be followed.
    """
    path = resolved(path)
    result = Salvaged(0, 0)
    try:
        with told(path), new_store(path) as fresh:
            fresh.execute("BEGIN")
            source = _opened(path)
            if source is not None:
                with closing(source):
                    result = _copy(source, fresh, path.stat().st_size)
            fresh.execute("COMMIT")
    except OSError as error:
        raise StoreError(f"{path} is damaged and cannot be mended: {error.strerror}") from error
    logger.warning("%s was damaged: %s chunks kept, %s lost", path, *result)
    return result


def _opened(path: Path) -> sqlite3.Connection | None:
    """A connection that sees a store's tables, with what the -wal file adds or else without."""
    for _ in range(2):
        _mend(path)
        with suppress(sqlite3.Error, StoreDamaged):
            return _checked(path)
        for file in Files(path).beside:  # what keeps a store with a sound first page from being opened
            file.unlink(missing_ok=True)
    return None


def _checked(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    try:
        check_tables(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _mend(path: Path) -> None:
    """Write the first page anew: it is the same in every store, but for a few numbers that do not matter."""
    with path.open("r+b", buffering=0) as file:
        pages = file.seek(0, 2) // PAGE_BYTES
        page = bytearray(first_page())
        page[18:20] = bytes((2, 2))  # WAL
        page[28:32] = max(pages, 1).to_bytes(4, "big")
        page[32:40] = bytes(8)  # no free pages
        page[92:96] = page[24:28]  # the number of pages is valid
        file.seek(0)
        file.write(page)


def _copy(source: sqlite3.Connection, fresh: sqlite3.Connection, size: int) -> Salvaged:
    most_failures = min(size // _SMALLEST_ROW + 1, _MOST_FAILURES)
    kept = lost = failures = 0
    at = 1
    while failures <= most_failures and at < 2**63:
        row = _row(source, at)
        if row is None:
            break
        if not row or row[0] < at:
            failures += 1
            at += 1
            continue
        lost += failures
        failures = 0
        at = row[0] + 1
        if intact(row[1:]):
            fresh.execute(INSERT, row[1:])
            kept += 1
        else:
            lost += 1
    return Salvaged(kept, max(lost, _counted(source) - kept))


def _row(source: sqlite3.Connection, at: int) -> tuple[Any, ...] | None:
    """The first row from number `at` on; None where there is none, empty where it cannot be read."""
    try:
        rows = source.execute(_NEXT, (at,)).fetchall()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNRELATED:
            raise
        return ()
    return rows[0] if rows else None


def _counted(source: sqlite3.Connection) -> int:
    """How many chunks there were; 0 where that cannot be told."""
    source.set_progress_handler(lambda: 1, _MOST_STEPS)
    try:
        return int(source.execute(_COUNT).fetchone()[0])
    except sqlite3.Error:
        return 0
