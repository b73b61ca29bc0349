"""How a store of an earlier version becomes one of the next."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable

from ttsflow.errors import StoreDamaged
from ttsflow.store import meta
from ttsflow.store.checksum import checksum


def _give_places_a_speed(connection: sqlite3.Connection) -> None:
    """How fast a place is spoken is its request's choice, and `redo` has to speak it as fast again."""
    columns = "idx, key, text, language, voice, seed, pause_s, recordings"
    connection.create_function("seal", -1, checksum, deterministic=True)
    ((wrong,),) = connection.execute(f"SELECT count(*) FROM place WHERE checksum IS NOT seal({columns})")
    noted = meta.get(connection, "places")
    if wrong or noted not in (_total(connection), None):
        raise StoreDamaged("the places of the text in the store are not as they were written")
    connection.execute("ALTER TABLE place ADD COLUMN speed REAL NOT NULL DEFAULT 1.0")
    connection.execute(f"UPDATE place SET checksum = seal({columns}, speed)")
    if noted is not None:
        meta.put(connection, "places", _total(connection))


def _total(connection: sqlite3.Connection) -> dict[str, object]:
    """Number of the places, and a digest of their checksums, as `places` keeps them."""
    seals = [seal for (seal,) in connection.execute("SELECT checksum FROM place ORDER BY idx")]
    return {"number": len(seals), "digest": hashlib.blake2b(b"".join(seals), digest_size=16).hexdigest()}


UPGRADES: dict[int, Callable[[sqlite3.Connection], None]] = {1: _give_places_a_speed}
"""By version: what makes it the next one, inside a transaction. Raises StoreDamaged, sqlite3.Error.

A function that stands here never changes, since stores of its version lie on disks. It finds the tables as
its version has them, so it uses nothing that knows the tables of today. To let the store grow, add one.
"""
