"""A store without the chunks that its text no longer has."""

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
    """Chunks that were removed, and the bytes that the store is smaller by."""

    chunks: int
    bytes: int


def compact(path: Path) -> Compacted:
    """Remove the chunks that no place of the text has, and give the room that they took back to the disk.

    Nothing else changes. What stays is copied into a new file, which takes the place of the old one at the
    end: killed at any instant, the store is the one or the other. It must be of this version, and no
    connection to it may be open. Raises InputError where the store does not know its text, StoreError where
    the disk has no room for the copy, StoreDamaged.
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
