"""The path of an output's store, and what exists at this path."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Literal

from ttsflow.errors import OutputError
from ttsflow.output.partfile import sync_folder
from ttsflow.store.schema import APPLICATION_ID, PAGE_BYTES, SCHEMA_VERSION, SIGN

Found = Literal["nothing", "store", "damaged"]

_ELSEWHERE = "choose another output with -o"

# Constant bytes of a store's header (https://www.sqlite.org/fileformat2.html, 1.3): offset and bytes.
_MAGIC = b"SQLite format 3\0"
_SHAPE = PAGE_BYTES.to_bytes(2, "big") + bytes((2, 2, 0, 64, 32, 32))  # page size, WAL, payload fractions
_CONSTANT = (
    (0, _MAGIC),
    (16, _SHAPE),
    (44, (4).to_bytes(4, "big")),  # schema format
    (52, bytes(4)),  # no automatic vacuum
    (56, (1).to_bytes(4, "big")),  # UTF-8
    (64, bytes(4)),
    (68, APPLICATION_ID.to_bytes(4, "big")),
    (72, bytes(20)),
)
_HEADER_BYTES = 100
_SIGN = re.compile(SIGN.format(r"(\d{1,9})").encode())


class Files:
    """The files of one store: `main`, the files that SQLite keeps next to it, and those of a new store.

    `growing` is a new store that is being written; `whole` is complete and will replace `main`.
    """

    def __init__(self, main: Path) -> None:
        self.main = main
        self.beside = tuple(main.with_name(main.name + end) for end in ("-wal", "-shm", "-journal"))
        self.growing = main.with_name(f".{main.name}.new")
        self.whole = main.with_name(f".{main.name}.whole")

    def unlink(self) -> None:
        """Remove all of them. Raises OSError."""
        for file in (self.main, *self.beside, self.growing, self.whole):
            file.unlink(missing_ok=True)

    def adopt(self) -> None:
        """Replace `main` by `whole`, if it exists. Raises OSError.

        The new store must never be next to the -wal file of the old store. So the -wal file is removed first,
        but only when the new store is complete under its own name.
        """
        if self.whole.exists():
            for file in (self.main, *self.beside):
                file.unlink(missing_ok=True)
            self.whole.replace(self.main)
            sync_folder(self.main.parent)


def store_path(output: Path) -> Path:
    """`NAME.wav.ttsflow` next to the output `NAME.wav`, with symbolic links resolved. Raises OutputError."""
    target = resolved(output)
    return target.with_name(f"{target.name}.ttsflow")


def find(path: Path, *, any_version: bool = False) -> tuple[Path, Found]:
    """What exists at a store's path, and the path with symbolic links resolved.

    Raises OutputError for anything that is not a store: a folder, a device, a file of another program, and,
    unless `any_version`, a store of a newer version of ttsflow. The file is opened and closed here. No
    connection to it may be open in this process, because closing the file would release its locks.
    """
    path = resolved(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return path, _recognised(path, file.read(PAGE_BYTES), any_version)
    except FileNotFoundError:
        if not path.parent.is_dir():
            folder = path.parent
            raise OutputError(
                f"cannot write {path}: there is no folder {folder}; create it (mkdir -p) or {_ELSEWHERE}"
            ) from None
        return path, "nothing"
    except (OSError, ValueError) as error:
        raise unusable(path, error) from error
    kind = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
    raise OutputError(f"{path} is {kind}, and the store of the run would go there; {_ELSEWHERE}")


def remove(path: Path) -> int:
    """Remove a store with all its files, and return its size in bytes; 0 if there is none.

    Raises OutputError if something else is at the path, or if the store cannot be removed.
    """
    path, _ = find(path, any_version=True)
    size = size_of(path)
    try:
        Files(path).unlink()
    except OSError as error:
        raise OutputError(f"{path} cannot be removed: {error.strerror}") from error
    return size


def size_of(path: Path) -> int:
    """Bytes on disk of the store and its -wal file."""
    size = 0
    for file in (path, Files(path).beside[0]):
        try:
            size += file.stat().st_size
        except FileNotFoundError:
            continue
    return size


def unusable(path: Path, error: Exception) -> OutputError:
    """The error for a store that cannot be at this path, with the reason that the system gives."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputError(f"the store of the run cannot be at {path}: {reason}; {_ELSEWHERE}")


def resolved(path: Path) -> Path:
    """The path with symbolic links resolved. Raises OutputError."""
    try:
        target = path.resolve()
        if target.is_symlink():  # newer Python versions do not resolve a loop of links
            raise RuntimeError("symbolic links lead in a circle")
    except (OSError, RuntimeError, ValueError) as error:  # ValueError: a NUL in the path
        raise unusable(path, error) from error
    return target


def _recognised(path: Path, page: bytes, any_version: bool) -> Found:
    """What a file is, judged by its first page."""
    if not page:
        return "nothing"
    sign = _SIGN.search(page)
    if page[68:72] != APPLICATION_ID.to_bytes(4, "big") and not sign:
        if page.startswith(_MAGIC) and len(page) < _HEADER_BYTES:
            return "damaged"  # cut off before the application id; it contains no data
        whose = "a database of another program" if page.startswith(_MAGIC) else "no store of ttsflow"
        raise OutputError(f"{path} exists and is {whose}; move it away, or {_ELSEWHERE}")
    version = int.from_bytes(page[60:64], "big")
    if any_version:
        return "store"
    if sign and int(sign[1]) == version > SCHEMA_VERSION:
        raise OutputError(
            f"{path} is a store of a newer version of ttsflow (format {version}; this version knows formats "
            f"1 to {SCHEMA_VERSION}); update ttsflow, or begin anew with --fresh"
        )
    sound = all(page[at : at + len(value)] == value for at, value in _CONSTANT)
    return "store" if sound and 1 <= version <= SCHEMA_VERSION else "damaged"


def stamp(path: Path) -> list[int] | None:
    """Size in bytes and modification time in ns of a file, by which a change shows; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]
