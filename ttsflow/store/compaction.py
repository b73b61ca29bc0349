"""Removes the chunks that the text no longer contains from a store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ttsflow.errors import InputError, StoreError
from ttsflow.store import chunks, places
from ttsflow.store.creation import new_store
from ttsflow.store.faults import explaining
from ttsflow.store.files import resolved, size_of
from ttsflow.store.schema import connect, transaction

_UNUSED = """
SELECT count(*) FROM chunk INDEXED BY chunk_brief
WHERE NOT EXISTS (SELECT 1 FROM place WHERE place.key = chunk.key)"""

_COPIED = {
    f"SELECT {chunks.COLUMNS} FROM chunk WHERE key IN (SELECT key FROM place) ORDER BY id": chunks.INSERT,
    f"SELECT {places.COLUMNS} FROM place ORDER BY idx": places.INSERT,
    "SELECT name, value, checksum FROM meta": "INSERT INTO meta(name, value, checksum) VALUES (?, ?, ?)",
}


class Compacted(NamedTuple):
    """Number of removed chunks, and by how many bytes the store became smaller."""

    chunks: int
    bytes: int


def compact(path: Path) -> Compacted:
    """Remove the chunks that no place of the text uses, and free their disk space.

    Nothing else changes. The rest is copied into a new file, which replaces the old one at the end. If the
    process is killed, the store is the complete old one or the complete new one. It must be of this version,
    and no connection to it may be open. Raises InputError if the store does not know its text, StoreError
    if the disk has no room for the copy, StoreDamaged.
    """
    path = resolved(path)
    before = size_of(path)
    try:
        with explaining(path), closing(connect(path)) as source:
            if not sum(1 for _ in places.all_places(source, stream="")):
                raise InputError(f"{path} does not know its text any more; run the same command again first")
            ((unused,),) = source.execute(_UNUSED)
        if not unused:
            return Compacted(0, 0)
        with explaining(path), new_store(path) as fresh, closing(connect(path)) as source, transaction(fresh):
            for select, insert in _COPIED.items():
                fresh.executemany(insert, source.execute(select))
    except OSError as error:
        raise StoreError(f"{path} cannot be made smaller: {error.strerror}; it stays as it is") from error
    return Compacted(unused, before - size_of(path))
