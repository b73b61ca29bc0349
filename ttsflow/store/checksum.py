"""The checksum that each row of a store carries."""

from __future__ import annotations

import hashlib

Value = bytes | str | int | float | None


def checksum(*values: Value) -> bytes:
    """16 bytes over values and their types, none of which can run into the next."""
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode("ascii", "backslashreplace")
        digest.update(f"{type(value).__name__} {len(data)}\n".encode())
        digest.update(data)
    return digest.digest()
