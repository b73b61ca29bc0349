"""Who asks: a client is an API key, or else an address."""

from __future__ import annotations

import codecs
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.requests import HTTPConnection

from ttsflow.errors import ConfigError
from ttsflow.server.errors import Refused

LEAST_CHARS = 8
"""of a key: a shorter one is a mistake, or is guessed"""


@dataclass(frozen=True, slots=True)
class Clients:
    """The keys of which a client must show one; without any, everybody is answered."""

    keys: Sequence[bytes] = ()

    @classmethod
    def of(cls, keys_file: Path | None) -> Clients:
        """Those of a file with a key a line, beside comments. Raises ConfigError, which never shows a key."""
        if keys_file is None:
            return cls()
        try:
            lines = keys_file.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines()
        except OSError as error:
            raise ConfigError(f"server.api_keys_file {keys_file}: {error.strerror}") from error
        keys = []
        for number, line in enumerate(lines, 1):
            key = line.strip()
            if not key or key.startswith(b"#"):
                continue
            if len(key) < LEAST_CHARS or len(key.split()) > 1:
                raise ConfigError(
                    f"server.api_keys_file {keys_file}, line {number}: this is no key; a key has at least "
                    f"{LEAST_CHARS} characters and no spaces, and a comment begins with #"
                )
            keys.append(key)
        if not keys:
            raise ConfigError(
                f"server.api_keys_file {keys_file} has no key; write one a line, or leave it out"
            )
        return cls(keys)

    def name(self, connection: HTTPConnection) -> str:
        """What a client is called; no key is ever part of it. Raises Refused (401) for one without a key."""
        number = self._number(connection)
        return _host(connection) if number is None else f"key {number + 1}"

    def owner(self, connection: HTTPConnection) -> str:
        """What a client's things are kept under, whatever other keys there will be; a key cannot be read from
        it. Raises Refused (401) for one without a key."""
        number = self._number(connection)
        if number is None:
            return f"address {_host(connection)}"
        return f"key {hashlib.blake2b(self.keys[number], digest_size=16).hexdigest()}"

    def _number(self, connection: HTTPConnection) -> int | None:
        """Which of the keys a client shows; None where there are none."""
        if not self.keys:
            return None
        scheme, _, shown = connection.headers.get("authorization", "").partition(" ")
        given = shown.strip().encode("latin-1") if scheme.lower() == "bearer" else b""
        found = [hmac.compare_digest(given, key) for key in self.keys]  # all of them: it takes the same time
        if not any(found):
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                "no valid API key was given; send one as `Authorization: Bearer KEY`",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return found.index(True)


def _host(connection: HTTPConnection) -> str:
    return "somebody" if connection.client is None else connection.client.host
