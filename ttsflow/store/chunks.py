"""Finished chunks: writes them to rows of the store, and reads and checks them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ttsflow.errors import StoreDamaged, StoreError
from ttsflow.interface.jobs import AudioPiece, Outcome, Status
from ttsflow.output.pcm import FULL_SCALE, SAMPLE_BYTES, encode
from ttsflow.store import meta
from ttsflow.store.checksum import checksum
from ttsflow.store.schema import LONGEST_AUDIO, transaction

_DROPPED = "dropped"  # the name in meta of the keys that were dropped

# A row is these values in this order, then the checksum over them and the audio, then the audio.
_CONTENT = "key, status, why, take, seed, text, language, sample_rate, samples"
COLUMNS = f"{_CONTENT}, checksum, audio"
_UPDATES = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", ")[1:])
INSERT = f"""INSERT INTO chunk({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(key) DO UPDATE SET {_UPDATES}"""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A finished chunk: its content key, how it ended (ok or flagged), and all of its audio."""

    key: bytes
    outcome: Outcome
    pieces: Sequence[AudioPiece]


@dataclass(frozen=True, slots=True)
class Audio:
    """A chunk's audio as the store keeps it: little-endian 16-bit samples at `sample_rate` Hz.

    `seal` is the checksum of all that is kept of the chunk.
    """

    samples: bytes
    sample_rate: int
    status: Status
    why: str | None
    take: int
    seal: bytes

    @property
    def length_s(self) -> float:
        """How long it is, in seconds."""
        return len(self.samples) / SAMPLE_BYTES / self.sample_rate

    def piece(self) -> AudioPiece:
        """The same samples as float32; `encode` returns the same bytes again."""
        import numpy as np  # here, because the start of the program must not load it

        samples = np.frombuffer(self.samples, "<i2").astype(np.float32) / np.float32(FULL_SCALE)
        return AudioPiece(samples, self.sample_rate)


def put(connection: sqlite3.Connection, chunks: Iterable[Spoken]) -> None:
    """Write all of these chunks, or none. A chunk with an existing key is replaced.

    Raises ValueError for a chunk without audio, SinkError for a chunk with several sample rates, StoreError
    for a chunk that is too long, sqlite3.Error.
    """
    with transaction(connection):
        connection.executemany(INSERT, map(_row, chunks))


def get(connection: sqlite3.Connection, key: bytes) -> Audio | None:
    """The audio of a key, None if there is none. Raises ValueError if it is damaged; sqlite3.Error."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM chunk WHERE key = ?", (key,)).fetchall()
    for _, *row in rows:
        if not intact((key, *row)):
            raise ValueError("its checksum does not fit")
        status, why, take, _, _, _, sample_rate, _, seal, audio = row
        return Audio(audio, sample_rate, status, why, take, seal)
    return None


def drop(connection: sqlite3.Connection, keys: Iterable[bytes]) -> None:
    """Remove damaged chunks. Raises StoreDamaged for a chunk that was dropped before; sqlite3.Error.

    Such a chunk was written and damaged again. So its pages are also used by something else in the file, and
    only a new file can repair this.
    """
    keys = list(dict.fromkeys(keys))
    with transaction(connection):
        before = meta.get(connection, _DROPPED) or []
        dropped = [*before, *(key.hex() for key in keys)]
        if len(set(dropped)) < len(dropped):
            raise StoreDamaged("a chunk in the store is damaged again after it was written anew")
        meta.put(connection, _DROPPED, dropped)
        connection.executemany("DELETE FROM chunk WHERE key = ?", ((key,) for key in keys))


def intact(row: Sequence[Any]) -> bool:
    """Whether the checksum of a row with these COLUMNS is right."""
    *content, seal, audio = row
    return bool(checksum(*content, audio) == seal)


def _row(chunk: Spoken) -> tuple[Any, ...]:
    outcome, job = chunk.outcome, chunk.outcome.job
    if outcome.status not in ("ok", "flagged") or not chunk.pieces:
        raise ValueError(f"chunk {job.index} of {job.stream} is {outcome.status}: it has no audio to keep")
    sample_rate = chunk.pieces[0].sample_rate
    audio = b"".join(encode(piece, sample_rate) for piece in chunk.pieces)
    if len(audio) > LONGEST_AUDIO:
        raise StoreError(
            f"chunk {job.index} of {job.stream} has {len(audio):,} bytes of audio, and a store takes "
            f"{LONGEST_AUDIO:,} at most; set text.max_chars lower"
        )
    content = (
        chunk.key,
        outcome.status,
        outcome.why,
        outcome.take,
        job.seed,
        job.text,
        job.language,
        sample_rate,
        len(audio) // SAMPLE_BYTES,
    )
    return (*content, checksum(*content, audio), audio)
