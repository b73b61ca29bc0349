"""Builds the output file from the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ttsflow.errors import StoreDamaged
from ttsflow.interface.jobs import Outcome, Status
from ttsflow.output.about import About
from ttsflow.output.file import FileSink
from ttsflow.report.units import chunks
from ttsflow.store.chunks import Audio
from ttsflow.store.places import Place
from ttsflow.store.store import Store


@dataclass(frozen=True, slots=True)
class Built:
    """Counts of the places in the output: with audio, with nothing to speak, and without audio.

    `silent` places have something to speak, but no chunk in the store, because the chunk failed.
    """

    spoken: int = 0
    pauses: int = 0
    silent: int = 0


def build(store: Store, sink: FileSink, about: About | None = None) -> Built:
    """Write the audio and the pause of every place, in text order, and finish the sink, which must be open.

    The file tells what is in `about`.

    Raises StoreDamaged: with the keys of all damaged chunks, or without keys if more than chunks is damaged.
    Then no output appears; the sink stays open, and another `build` starts it again. Raises SinkError if the
    output cannot be written, or has another sample rate than the audio.
    """
    sink.restart(about)
    damaged: dict[bytes, None] = {}
    missing: set[bytes] = set()
    counts = {"spoken": 0, "pauses": 0, "silent": 0}
    for place, audio in _read_ahead(store):
        if isinstance(audio, StoreDamaged):
            damaged |= dict.fromkeys(audio.keys)
            continue
        if place.key is not None and audio is None:
            missing.add(place.key)
        counts[_COUNTED[_status(place, audio)]] += 1
        if not damaged:
            add(sink, place, audio)
    if damaged:
        raise StoreDamaged(f"damaged: {chunks(len(damaged))} in {store.path}", damaged)
    if missing != {key for key, _, seal in store.checksums() if key is not None and seal is None}:
        raise StoreDamaged(f"{store.path} is damaged: it names chunks that are not in it")
    sink.finish()
    return Built(**counts)


def add(sink: FileSink, place: Place, audio: Audio | None) -> None:
    """Write the audio of a place, if there is any, and the pause after it. Raises SinkError."""
    if audio is not None:
        sink.write_encoded(audio.samples, audio.sample_rate)
    sink.end_chunk(Outcome(place.job, _status(place, audio)))


def heard(store: Store) -> Iterator[tuple[Place, Audio | None]]:
    """Each place in text order, and its audio, if there is any. Raises StoreDamaged."""
    for place, audio in _read_ahead(store):
        if isinstance(audio, StoreDamaged):
            raise audio
        yield place, audio


def _status(place: Place, audio: Audio | None) -> Status:
    if place.key is None:
        return "pause"
    return "failed" if audio is None else audio.status


def _read_ahead(store: Store) -> Iterator[tuple[Place, Audio | StoreDamaged | None]]:
    """Each place and its audio, if there is any, or how it is damaged; the next is read meanwhile."""
    reading = _read(store)
    with ThreadPoolExecutor(1, "reader of the store") as thread:
        coming = thread.submit(next, reading, None)
        while (read := coming.result()) is not None:
            coming = thread.submit(next, reading, None)
            yield read


def _read(store: Store) -> Iterator[tuple[Place, Audio | StoreDamaged | None]]:
    for place in store.places():
        try:
            yield place, None if place.key is None else store.read(place.key)
        except StoreDamaged as damage:
            yield place, damage


_COUNTED: dict[Status, str] = {"ok": "spoken", "flagged": "spoken", "pause": "pauses", "failed": "silent"}


def fingerprint(store: Store, format: str) -> str:
    """Digest of all that the output's samples and pauses depend on, in text order; reads no audio.

    `format` is the name of the output's audio format.
    """
    digest = hashlib.blake2b(format.encode(), digest_size=16)
    for key, pause_s, seal in store.checksums():
        digest.update(repr((key, pause_s, seal)).encode())
    return digest.hexdigest()
