"""The tables of a store, and the connection to its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from ttsflow.errors import StoreDamaged
from ttsflow.store.upgrades import UPGRADES

APPLICATION_ID = 0x74747366  # "ttsf"
SCHEMA_VERSION = max(UPGRADES) + 1
SIGN = "a store of ttsflow, format {}"
"""this text is in the first page, so a store is recognised even if its header is damaged"""

PAGE_BYTES = 8192
"""Measured with chunks of 200 to 600 KB: 4 KiB reads a chunk in 0.10 ms where 8 KiB takes 0.06 and
64 KiB takes 0.05; a commit costs the same with each; 64 KiB makes the file 7 % larger than its audio,
8 KiB 1 %."""

LONGEST_AUDIO = 256 * 2**20
"""bytes of one chunk: 45 minutes at 48 kHz"""

_LONGEST_ROW = LONGEST_AUDIO + 2**20  # bytes, written or read

_CHECKPOINT_BYTES = 16 * 2**20  # of the -wal file, before its pages go into the store
_LONGEST_WAL_BYTES = 64 * 2**20  # what is left of the -wal file after a checkpoint
_BUSY_S = 60.0

_META = """CREATE TABLE meta( -- {}
    name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum BLOB NOT NULL)"""

# The tables of version 1; the upgrades change them to the current version. `audio` is the last column, so the
# other columns can be read without its pages. Queries over all chunks use the index `chunk_brief`, without
# reading the rows.
_TABLES = (
    _META.format(SIGN.format(1)),
    """CREATE TABLE chunk(
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, status TEXT NOT NULL, why TEXT,
    take INTEGER NOT NULL, seed INTEGER NOT NULL, text TEXT NOT NULL, language TEXT NOT NULL,
    sample_rate INTEGER NOT NULL, samples INTEGER NOT NULL, checksum BLOB NOT NULL, audio BLOB NOT NULL)""",
    "CREATE INDEX chunk_brief ON chunk(key, status, samples, sample_rate, checksum)",
    """CREATE TABLE place(
    idx INTEGER PRIMARY KEY, key BLOB, text TEXT NOT NULL, language TEXT NOT NULL, voice TEXT,
    seed INTEGER NOT NULL, pause_s REAL NOT NULL, recordings TEXT NOT NULL, checksum BLOB NOT NULL)""",
    "CREATE INDEX place_key ON place(key)",
)


def connect(
    path: Path, *, readonly: bool = False, immutable: bool = False, empty: bool = False
) -> sqlite3.Connection:
    """A connection to the store at `path`, or to an `empty` file, for use by one thread at a time.

    The schema in the file is not trusted. Raises StoreDamaged if it has other tables, triggers or views than
    a store of its version; sqlite3.Error.
    """
    address = f"{path.as_uri()}?mode=ro&immutable=1" if immutable else f"{path.as_uri()}?mode=rw"
    connection = sqlite3.connect(
        address, uri=True, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
    )
    try:
        _settle(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_BYTES // PAGE_BYTES}")
        connection.execute(f"PRAGMA journal_size_limit = {_LONGEST_WAL_BYTES}")
        if not empty and _tables(connection) != _tables_of(_version(connection)):
            raise StoreDamaged(f"{path} is damaged (its tables are not those of a store)")
        if readonly:
            _show_as_today(connection)
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _settle(connection: sqlite3.Connection) -> None:
    connection.text_factory = _decoded
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_ROW)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


def _decoded(text: bytes) -> str:
    """Decode text without an exception: damaged text is detected by its checksum."""
    return text.decode("utf-8", "replace")


def _version(connection: sqlite3.Connection) -> int:
    ((version,),) = connection.execute("PRAGMA user_version")
    return int(version)


_ADDED = {3: "spoken", 4: "until_s"}
"""columns of the table `place` that a version has added, and that may be NULL"""


def _show_as_today(connection: sqlite3.Connection) -> None:
    """Have a store that must not be upgraded read as one of today, as far as it can be."""
    version = _version(connection)
    added = [f"NULL AS {column}" for since, column in _ADDED.items() if version < since]
    if added:
        connection.execute(f"CREATE TEMP VIEW place AS SELECT *, {', '.join(added)} FROM main.place")


def _tables(connection: sqlite3.Connection) -> list[Any]:
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall()


@cache
def _tables_of(version: int) -> list[Any] | None:
    """The tables of a store of this version; None if there is no such version."""
    if not 1 <= version <= SCHEMA_VERSION:
        return None
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as template:
        _settle(template)
        make_tables(template, version)
        return _tables(template)


def make_tables(connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
    """Create the tables in an empty database, to which nothing was written before. Raises sqlite3.Error."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    with transaction(connection):
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        for statement in _TABLES:
            connection.execute(statement)
        _upgrade(connection, version)


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Upgrade a store of an earlier version, with all its content, or change nothing.

    Raises StoreDamaged if the data that an upgrade changes is damaged; sqlite3.Error.
    """
    if _version(connection) < SCHEMA_VERSION:
        with transaction(connection):
            _upgrade(connection, SCHEMA_VERSION)


def _upgrade(connection: sqlite3.Connection, to: int) -> None:
    connection.execute("PRAGMA secure_delete = ON")  # no earlier version may stay readable in the first page
    for version in range(_version(connection), to):
        UPGRADES[version](connection)
        _sign(connection, version + 1)


def _sign(connection: sqlite3.Connection, version: int) -> None:
    """Write the version to both of its places: the file's header, and the SQL text of the table meta."""
    connection.execute(f"PRAGMA user_version = {version}")
    notes = connection.execute("SELECT name, value, checksum FROM meta").fetchall()
    connection.execute("DROP TABLE meta")
    connection.execute(_META.format(SIGN.format(version)))
    connection.executemany("INSERT INTO meta VALUES (?, ?, ?)", notes)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything written in the `with` block is committed, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the caller must get the first error
                connection.execute("ROLLBACK")
        raise
