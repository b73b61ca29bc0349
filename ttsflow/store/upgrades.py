"""Upgrades a store of an earlier version to the next version."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable

from ttsflow.errors import StoreDamaged
from ttsflow.store import meta
from ttsflow.store.checksum import checksum


def _give_places_a_speed(connection: sqlite3.Connection) -> None:
    """Add the speed of the request to each place; `redo` needs it to speak at the same speed again."""
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


def _give_places_a_spoken_form(connection: sqlite3.Connection) -> None:
    """Add to each place what is spoken there, where that is not what is written; `redo` speaks it again.

    The checksum of a place without one is as it was.
    """
    connection.execute("ALTER TABLE place ADD COLUMN spoken TEXT")


def _give_places_a_time(connection: sqlite3.Connection) -> None:
    """Add to each place the time until which it is silent behind it, where the text says so.

    The checksum of a place without one is as it was.
    """
    connection.execute("ALTER TABLE place ADD COLUMN until_s REAL")


def _total(connection: sqlite3.Connection) -> dict[str, object]:
    """Number of the places, and a digest of their checksums, as `places` keeps them."""
    seals = [seal for (seal,) in connection.execute("SELECT checksum FROM place ORDER BY idx")]
    return {"number": len(seals), "digest": hashlib.blake2b(b"".join(seals), digest_size=16).hexdigest()}


UPGRADES: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: _give_places_a_speed,
    2: _give_places_a_spoken_form,
    3: _give_places_a_time,
}
"""For each version, the function that upgrades it to the next one, in a transaction. It raises StoreDamaged,
sqlite3.Error.

Never change a function here, because users have stores of its version. It works on the tables of its own
version, so it must not use code for the current tables. To change the tables, add a function.
"""
