"""Other words for chunks of a text: what a listener has mended, kept with the audio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ttsflow.errors import OutputError, StoreError
from ttsflow.session.request import Manner
from ttsflow.store import Place, Store, store_path

_CORRECTIONS = "corrections"  # the name in the store


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is spoken in the place of a chunk, by the chunk's text as it is written.

    So they outlast a change of the voice or the engine, but not of the chunk's text.
    """

    words: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, store: Store) -> Corrections:
        """Those of a store; none, where it has none."""
        return cls(store.get(_CORRECTIONS) or {})

    @classmethod
    def of(cls, output: Path) -> Corrections:
        """Those of an output whose store is not open, and may not be there."""
        try:
            with Store.open(store_path(output), readonly=True) as store:
                return cls.read(store)
        except (OutputError, StoreError):  # there is none, or none that can be read
            return cls()

    def write(self, store: Store) -> None:
        """Have a store keep them."""
        store.set(_CORRECTIONS, dict(self.words))

    def having(self, written: str, words: str) -> Corrections:
        """These and one more; the words of the text itself undo one that there was."""
        kept = {text: said for text, said in self.words.items() if text != written}
        return Corrections(kept if words == written else kept | {written: words})

    def applied(self, places: Iterable[Place], manner: Manner) -> Iterator[Place]:
        """The places of a text, with what is to be spoken there instead."""
        for place in places:
            words = self.words.get(place.job.shown)
            yield place if words is None or place.key is None else saying(place, words, manner)


def saying(place: Place, words: str, manner: Manner) -> Place:
    """The place, with other words to be spoken there."""
    job = manner.saying(place.job, words)
    return replace(place, key=manner.key(job), job=job)
