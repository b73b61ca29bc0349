"""Explains errors of SQLite to a user: the disk fails, or the file is damaged."""

from __future__ import annotations

import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ttsflow.errors import StoreDamaged, StoreError

RESUME = "run the same command again: what was finished is kept"
RESUME_DAMAGED = "run the same command again: what can still be read of it is kept"

_ROOM_BYTES = 64 * 2**20
_CLOSED = (sqlite3.ProgrammingError, sqlite3.InterfaceError)  # a mistake in this program, not in the file


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turns an error of SQLite in the block into StoreError, or StoreDamaged if the file is damaged."""
    try:
        yield
    except _CLOSED:
        raise
    except sqlite3.Error as error:
        raise explained(path, error) from error


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """The StoreError for an error of SQLite in the store at `path`, with what to do."""
    refusal = _refusal(path, error)
    if refusal is not None:
        return StoreError(f"{path}: {error}; {refusal}")
    return StoreDamaged(f"{path} is damaged ({error}); {RESUME_DAMAGED}")


def code_of(error: sqlite3.Error) -> int:
    """SQLite's extended result code; 0 for an error of the Python module itself."""
    return getattr(error, "sqlite_errorcode", 0)


def _refusal(path: Path, error: sqlite3.Error) -> str | None:
    """What to do if the system refused the operation; None if the file is damaged."""
    code = code_of(error)
    if code == sqlite3.SQLITE_IOERR_SHORT_READ:
        return None
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            if _has_room(path.parent):
                return None  # SQLite reports SQLITE_FULL also for a page number that is too large
            return f"free some space on the disk or raise the quota, then {RESUME}"
        case sqlite3.SQLITE_IOERR:
            return f"{_about_the_disk()}, then {RESUME}"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"another program holds it: end that program, then {RESUME}"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return "make the file and its folder writable, or choose another place with -o"
        case sqlite3.SQLITE_NOMEM:
            return f"free some memory, then {RESUME}"
    return None


def _has_room(folder: Path) -> bool:
    """Whether a new file in the folder can hold 64 MiB."""
    block = bytes(2**20)
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            return all(file.write(block) == len(block) for _ in range(_ROOM_BYTES // len(block)))
    except OSError:
        return False


def _about_the_disk() -> str:
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit != resource.RLIM_INFINITY:
        return f"files may not grow beyond {limit:,} bytes here: raise the limit (ulimit -f)"
    return "the disk refuses it: see to the disk (dmesg tells more) or choose another one with -o"
