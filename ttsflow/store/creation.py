"""Creates a store file that is complete or absent."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ttsflow.store.files import Files
from ttsflow.store.schema import connect, make_tables


@contextmanager
def new_store(path: Path) -> Iterator[sqlite3.Connection]:
    """A new store. When the block ends without an error, it replaces the file at `path`.

    If the process is killed, the old file or the new store is at `path`. Raises OSError, sqlite3.Error.
    """
    files = Files(path)
    growing = files.growing
    remains = (growing, *Files(growing).beside)
    for left in remains:
        left.unlink(missing_ok=True)
    try:
        os.close(os.open(growing, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        with closing(connect(growing, empty=True)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            make_tables(connection)
            yield connection
            connection.execute("PRAGMA journal_mode = WAL")
        with growing.open("rb") as file:
            os.fsync(file.fileno())
        growing.replace(files.whole)
    except BaseException:
        for left in remains:
            with suppress(OSError):
                left.unlink(missing_ok=True)
        raise
    files.adopt()
