"""The values that a store keeps by name, as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from ttsflow.store.checksum import checksum

CALLER = "caller:"
"""begins the names that callers choose"""

_PUT = """INSERT INTO meta(name, value, checksum) VALUES (?, ?, ?)
ON CONFLICT(name) DO UPDATE SET value = excluded.value, checksum = excluded.checksum"""


def put(connection: sqlite3.Connection, name: str, value: object) -> None:
    """Store a JSON value. Raises sqlite3.Error."""
    text = json.dumps(value)
    connection.execute(_PUT, (name, text, checksum(name, text)))


def get(connection: sqlite3.Connection, name: str) -> Any:
    """The value; None if there is none, or its checksum is wrong. Raises sqlite3.Error."""
    rows = connection.execute("SELECT value, checksum FROM meta WHERE name = ?", (name,)).fetchall()
    for text, seal in rows:
        if checksum(name, text) == seal:
            return json.loads(text)
    return None


def of_callers(connection: sqlite3.Connection) -> Iterator[tuple[str, Any]]:
    """The names and values that the store keeps for its callers; not those whose checksum is wrong.

    Raises sqlite3.Error.
    """
    for name, text, seal in connection.execute("SELECT name, value, checksum FROM meta").fetchall():
        if str(name).startswith(CALLER) and checksum(name, text) == seal:
            yield name, json.loads(text)


def forget(connection: sqlite3.Connection, name: str) -> None:
    """Remove the value. Raises sqlite3.Error."""
    connection.execute("DELETE FROM meta WHERE name = ?", (name,))
