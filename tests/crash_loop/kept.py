"""What is kept for an output at a moment when no run has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ttsflow.errors import OutputError, StoreError
from ttsflow.store import Store, store_path


@dataclass(frozen=True, slots=True)
class Kept:
    """The places of the text with the content keys of their chunks, and the chunks that are there.

    `chunks` are the checksums of those by their keys.
    """

    places: tuple[tuple[int, bytes | None], ...] = ()
    chunks: frozenset[tuple[bytes, bytes]] = frozenset()

    @classmethod
    def at(cls, output: Path) -> Kept:
        """What the store of an output holds, read as `ttsflow status` reads it; nothing without a store."""
        path = store_path(output)
        if not path.exists():
            return cls()
        try:
            with Store.open(path, readonly=True) as store:
                places = tuple((place.job.index, place.key) for place in store.places())
                sums = [(key, seal) for key, _, seal in store.checksums() if key and seal]
        except (OutputError, StoreError) as error:
            raise AssertionError(f"the store cannot be read: {error}") from error
        return cls(places, frozenset(sums))

    @property
    def keys(self) -> frozenset[bytes]:
        return frozenset(key for key, _ in self.chunks)

    @property
    def speakable(self) -> frozenset[bytes]:
        return frozenset(key for _, key in self.places if key)

    @property
    def left(self) -> int:
        """Chunks that are still to be spoken."""
        return len(self.speakable - self.keys)

    @property
    def complete(self) -> bool:
        return bool(self.places) and not self.left


@dataclass(frozen=True, slots=True)
class Differences:
    """In what a result differs from an undisturbed one, in chunks."""

    lost: int
    duplicated: int
    reordered: int
    changed: int

    @classmethod
    def between(cls, kept: Kept, right: Kept) -> Differences:
        """`lost` are not there or not planned, `duplicated` are heard oftener, `reordered` elsewhere."""
        heard = [key for _, key in kept.places if key in kept.keys]
        due = [key for _, key in right.places if key in right.keys]
        surplus = Counter(heard) - Counter(due)
        in_both = set(heard) & set(due)
        order = ([key for key in keys if key in in_both] for keys in (heard, due))
        return cls(
            lost=(Counter(due) - Counter(heard)).total(),
            duplicated=surplus.total(),
            reordered=sum(mine != theirs for mine, theirs in zip(*order, strict=False)),
            changed=len(kept.chunks - right.chunks),
        )
