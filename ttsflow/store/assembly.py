"""Builds the output file from the store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ttsflow.errors import StoreDamaged
from ttsflow.interface.jobs import Outcome, Status
from ttsflow.output.file import FileSink
from ttsflow.store.store import Store


@dataclass(frozen=True, slots=True)
class Built:
    """Counts of the places in the output: with audio, with nothing to speak, and without audio.

    `silent` places have something to speak, but no chunk in the store, because the chunk failed.
    """

    spoken: int = 0
    pauses: int = 0
    silent: int = 0


def build(store: Store, sink: FileSink) -> Built:
    """Write the audio and the pause of every place, in text order, and finish the sink, which must be open.

    Raises StoreDamaged: with the keys of all damaged chunks, or without keys if more than chunks is damaged.
    Then no output appears; the sink stays open, and another `build` starts it again. Raises SinkError if the
    output cannot be written, or has another sample rate than the audio.
    """
    sink.restart()
    damaged: dict[bytes, None] = {}
    missing: set[bytes] = set()
    counts = {"spoken": 0, "pauses": 0, "silent": 0}
    for place in store.places():
        status: Status = "pause"
        if place.key is not None:
            try:
                audio = store.read(place.key)
            except StoreDamaged:
                damaged[place.key] = None
                continue
            if audio is None:
                missing.add(place.key)
            status = "failed" if audio is None else audio.status
            if audio is not None and not damaged:
                sink.write_encoded(audio.samples, audio.sample_rate)
        counts[_COUNTED[status]] += 1
        if not damaged:
            sink.end_chunk(Outcome(place.job, status))
    if damaged:
        raise StoreDamaged(f"{len(damaged):,} chunks in {store.path} are damaged", damaged)
    if missing != {key for key, _, seal in store.checksums() if key is not None and seal is None}:
        raise StoreDamaged(f"{store.path} is damaged: it names chunks that are not in it")
    sink.finish()
    return Built(**counts)


_COUNTED: dict[Status, str] = {"ok": "spoken", "flagged": "spoken", "pause": "pauses", "failed": "silent"}


def fingerprint(store: Store, format: str) -> str:
    """Digest of all that the output's samples and pauses depend on, in text order; reads no audio.

    `format` is the name of the output's audio format.
    """
    digest = hashlib.blake2b(format.encode(), digest_size=16)
    for key, pause_s, seal in store.checksums():
        digest.update(repr((key, pause_s, seal)).encode())
    return digest.hexdigest()
