"""The places of a text in the output: start, length and status of each. No audio is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from ttsflow.interface.jobs import Status, silence_after
from ttsflow.report.passage import Passage
from ttsflow.store.places import PAGE, paged

_HEARD = "place LEFT JOIN chunk INDEXED BY chunk_brief ON chunk.key = place.key"
_RATE = "SELECT sample_rate FROM place JOIN chunk INDEXED BY chunk_brief ON chunk.key = place.key LIMIT 1"

_PASSAGES = f"""
SELECT idx, place.key, place.text, pause_s, until_s, status, samples,
    CASE WHEN status = 'flagged' THEN (SELECT why FROM chunk AS whole WHERE whole.key = place.key) END,
    (SELECT min(idx) FROM place AS other WHERE other.key = place.key)
FROM {_HEARD} WHERE idx > ? ORDER BY idx LIMIT {PAGE}"""

_EXTENT = f"""
SELECT total(samples), total(round(pause_s * ?)),
    total(CASE WHEN place.key IS NOT NULL THEN length(place.text) END),
    total(CASE WHEN status IS NOT NULL THEN length(place.text) END)
FROM {_HEARD}"""

_TIMED = "SELECT EXISTS (SELECT 1 FROM place WHERE until_s IS NOT NULL)"

_USUAL_RATE = 48_000  # Hz, to count pauses in samples if there is no audio


@dataclass(frozen=True, slots=True)
class Extent:
    """The length of an output built from the stored chunks, and the progress of the text.

    `length_s` is its length with all pauses, `speech_s` without pauses. `chars` are the characters of the
    places with something to speak; the chunks of `kept_chars` of them are stored.
    """

    length_s: float
    speech_s: float
    chars: int
    kept_chars: int


def extent(connection: sqlite3.Connection) -> Extent:
    """The length of the output, and the progress of the text. Raises sqlite3.Error."""
    rate = _rate(connection)
    ((samples, silence, chars, kept),) = connection.execute(_EXTENT, (rate,)).fetchall()
    length_s = (samples + silence) / rate
    if connection.execute(_TIMED).fetchone()[0]:
        for last in passages(connection):
            length_s = last.at_s + last.audio_s + last.pause_s
    return Extent(length_s, samples / rate, int(chars), int(kept))


def passages(connection: sqlite3.Connection) -> Iterator[Passage]:
    """All places in text order, with their times in the output. Raises StoreDamaged, sqlite3.Error."""
    rate, at, late_s = _rate(connection), 0, 0.0  # `at` in samples, as the output is written
    for index, key, text, pause_s, until_s, kept, samples, why, first in paged(connection, _PASSAGES):
        status: Status | None = "pause" if key is None else kept
        same_as = None if first == index else first
        heard = samples or 0
        end_s = (at + heard) / rate
        silence_s = silence_after(end_s, pause_s, until_s)
        yield Passage(index, text, status, why, at / rate, heard / rate, silence_s, same_as, late_s)
        at += heard + round(silence_s * rate)
        late_s = 0.0 if until_s is None else max(0.0, end_s - until_s)


def _rate(connection: sqlite3.Connection) -> int:
    rows = connection.execute(_RATE).fetchall()
    return int(rows[0][0]) if rows else _USUAL_RATE
