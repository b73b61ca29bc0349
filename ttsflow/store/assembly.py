"""Builds the output file from the store."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from ttsflow.errors import StoreDamaged
from ttsflow.interface.jobs import Outcome, Status, ending_at
from ttsflow.output.about import About
from ttsflow.output.file import FileSink
from ttsflow.output.loudness import Gain
from ttsflow.output.pcm import SAMPLE_BYTES
from ttsflow.report.units import chunks
from ttsflow.store.chunks import Audio
from ttsflow.store.places import Place, Silence
from ttsflow.store.store import Store


@dataclass(frozen=True, slots=True)
class Built:
    """Counts of the places in the output: with audio, with nothing to speak, and without audio.

    `silent` places have something to speak, but no chunk in the store, because the chunk failed.
    """

    spoken: int = 0
    pauses: int = 0
    silent: int = 0


class Written:
    """How much of an output is in a sink: the places up to some place, and what stands for their audio."""

    def __init__(self) -> None:
        self.places = 0
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, key: bytes | None, silence: Silence, seal: bytes | None) -> None:
        """The next place, with the silence behind it and the checksum of its chunk."""
        self.places += 1
        self._digest.update(repr((key, silence, seal)).encode())

    def holds(self, store: Store) -> bool:
        """Whether the same would be written from a store now."""
        now = Written()
        for place in islice(store.checksums(), self.places):
            now.add(*place)
        return now._digest.digest() == self._digest.digest()


def build(
    store: Store,
    sink: FileSink,
    about: About | None = None,
    written: Written | None = None,
    gain: Gain | None = None,
    tell: Callable[[float], object] = lambda part: None,
) -> Built:
    """Write the audio and the pause of every place, in text order, and finish the sink, which must be open.

    The file tells what is in `about`. What has been `written` to the sink is not written again if it still
    holds; it has no `gain`, by which the audio becomes louder. `tell` is called with the part of the audio
    that is written, from 0.0 to 1.0.

    Raises StoreDamaged: with the keys of all damaged chunks, or without keys if more than chunks is damaged.
    Then no output appears; the sink stays open, and another `build` starts it again. Raises SinkError if the
    output cannot be written, or has another sample rate than the audio.
    """
    goes_on = gain is None and written is not None and written.holds(store)
    begun = written.places if written is not None and goes_on else 0
    if begun:
        sink.hurry()
    else:
        sink.restart(gain)
    damaged: dict[bytes, None] = {}
    missing: set[bytes] = set()
    length_s = store.extent().length_s or 1.0
    for place, audio in read_ahead(store, begun):
        if isinstance(audio, StoreDamaged):
            damaged |= dict.fromkeys(audio.keys)
            continue
        if place.key is not None and audio is None:
            missing.add(place.key)
        if not damaged:
            add(sink, place, audio)
            tell(min(sink.written_s / length_s, 1.0))
    if damaged:
        raise StoreDamaged(f"damaged: {chunks(len(damaged))} in {store.path}", damaged)
    rows = [(key, seal) for key, _, seal in store.checksums()]
    if missing != {key for key, seal in rows if key is not None and seal is None}:
        raise StoreDamaged(f"{store.path} is damaged: it names chunks that are not in it")
    sink.finish(about)
    kinds = Counter("pauses" if key is None else "silent" if seal is None else "spoken" for key, seal in rows)
    return Built(**kinds)


def add(sink: FileSink, place: Place, audio: Audio | None) -> None:
    """Write the audio of a place, if there is any, and the pause after it. Raises SinkError.

    What a sink has written so far says how long a pause is that lasts until a time.
    """
    if audio is not None:
        sink.write_encoded(audio.samples, audio.sample_rate)
    sink.end_chunk(Outcome(ending_at(place.job, sink.written_s), _status(place, audio)))


def heard(store: Store, rate: int) -> Iterator[tuple[Place, Audio | None]]:
    """Each place in text order, and its audio, if there is any. Raises StoreDamaged.

    How long the pause of a place is, is settled as in the whole output, of which a caller may write a part.
    """
    at = 0  # in samples
    for place, audio in read_ahead(store):
        if isinstance(audio, StoreDamaged):
            raise audio
        at += 0 if audio is None else len(audio.samples) // SAMPLE_BYTES
        if place.job.until_s is not None:
            place = replace(place, job=ending_at(place.job, at / rate))
        at += round(place.job.pause_s * rate)
        yield place, audio


def _status(place: Place, audio: Audio | None) -> Status:
    if place.key is None:
        return "pause"
    return "failed" if audio is None else audio.status


def read_ahead(store: Store, begin: int = 0) -> Iterator[tuple[Place, Audio | StoreDamaged | None]]:
    """Each place from the one at `begin` on, and its audio, if there is any, or how it is damaged; the next
    is read meanwhile."""
    reading = _read(store, begin)
    with ThreadPoolExecutor(1, "reader of the store") as thread:
        coming = thread.submit(next, reading, None)
        while (read := coming.result()) is not None:
            coming = thread.submit(next, reading, None)
            yield read


def _read(store: Store, begin: int) -> Iterator[tuple[Place, Audio | StoreDamaged | None]]:
    for place in islice(store.places(), begin, None):
        try:
            yield place, None if place.key is None else store.read(place.key)
        except StoreDamaged as damage:
            yield place, damage


def fingerprint(store: Store, format: str) -> str:
    """Digest of all that the output's samples and pauses depend on, in text order; reads no audio.

    `format` is the name of the output's audio format.
    """
    digest = hashlib.blake2b(format.encode(), digest_size=16)
    for key, silence, seal in store.checksums():
        digest.update(repr((key, silence, seal)).encode())
    return digest.hexdigest()
