"""By which gain an output that is built from the store becomes as loud as is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ttsflow.interface.jobs import ending_at
from ttsflow.output.loudness import Gain, gain_towards, measure
from ttsflow.output.pcm import SAMPLE_BYTES, silence
from ttsflow.store.assembly import read_ahead
from ttsflow.store.chunks import Audio
from ttsflow.store.store import Store


def find_gain(
    store: Store,
    sample_rate: int,
    lufs: float,
    say: Callable[[str], object],
    tell: Callable[[float], object] = lambda part: None,
) -> Gain | None:
    """Measure the whole, and say what was found; None where nothing can be heard.

    `tell` is called with the part of the audio that is measured, from 0.0 to 1.0.
    """
    length_s = store.extent().length_s or 1.0
    found = measure(_samples(store, sample_rate, lambda at_s: tell(min(at_s / length_s, 1.0))), sample_rate)
    if found is None:
        say("loudness: nothing is loud enough to be measured, and all is left as it is")
        return None
    gain = gain_towards(lufs, found, partial(_samples, store, sample_rate), sample_rate)
    say(f"loudness: {found}; made {gain}, for {lufs:g} LUFS")
    return gain


def _samples(
    store: Store, sample_rate: int, tell: Callable[[float], object] = lambda at_s: None
) -> Iterator[bytes]:
    """What is heard, with its pauses. Damage is left to who builds the output, and names all of it."""
    at = 0  # in samples
    for place, audio in read_ahead(store):
        if isinstance(audio, Audio):
            yield audio.samples
            at += len(audio.samples) // SAMPLE_BYTES
        pause_s = ending_at(place.job, at / sample_rate).pause_s
        yield from silence(pause_s, sample_rate)
        at += round(pause_s * sample_rate)
        tell(at / sample_rate)
