"""The checksum of each row of a store."""

from __future__ import annotations

import hashlib

Value = bytes | str | int | float | None


def checksum(*values: Value) -> bytes:
    """A checksum of 16 bytes over values, their types and their lengths."""
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode("ascii", "backslashreplace")
        digest.update(f"{type(value).__name__} {len(data)}\n".encode())
        digest.update(data)
    return digest.digest()
