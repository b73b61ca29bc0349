"""Whatever is planned, committed, dropped and opened again: the counts and what is left are right."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.store.conftest import MEMORY
from tests.store.world import RATE, key, pcm, place, spoken
from ttsflow.errors import StoreDamaged
from ttsflow.store import Store, salvage, store_path

NAMES = st.integers(0, 7)
TEXTS = st.lists(st.one_of(st.none(), NAMES), max_size=12)


class Uses(RuleBasedStateMachine):
    """A store beside what should be in it: the names in the text, and the samples of each that is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.path = store_path(Path(self.folder.name, "book.wav"))
        self.store = Store.open(self.path)
        self.text: list[int | None] = []
        self.kept: dict[int, tuple[int, str]] = {}
        self.dropped: set[int] = set()

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(text=TEXTS)
    def plan(self, text: list[int | None]) -> None:
        self.store.plan(place(index, name) for index, name in enumerate(text))
        self.text = text

    @rule(chunks=st.lists(st.tuples(NAMES, st.integers(1, 3000), st.sampled_from(("ok", "flagged")))))
    def commit(self, chunks: list[tuple[int, int, str]]) -> None:
        self.store.commit([spoken(name, samples, status) for name, samples, status in chunks])  # type: ignore[arg-type]
        self.kept |= {name: (samples, status) for name, samples, status in chunks}

    @rule(names=st.sets(NAMES, max_size=3))
    def drop(self, names: set[int]) -> None:
        try:
            self.store.drop(key(name) for name in names)
        except StoreDamaged:
            assert names & self.dropped
            return
        assert not names & self.dropped
        self.dropped |= names
        for name in names:
            self.kept.pop(name, None)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.path)
        assert self.store.salvaged is None

    @rule()
    def mend(self) -> None:
        self.store.close()
        assert salvage(self.path) == (len(self.kept), 0)
        self.store = Store.open(self.path)
        self.text = []
        self.dropped = set()

    @invariant()
    def counts_are_right(self) -> None:
        spoken_names = [name for name in self.text if name is not None]
        kept = [self.kept[name] for name in set(spoken_names) if name in self.kept]
        counts = self.store.counts()
        assert (counts.places, counts.speakable) == (len(self.text), len(spoken_names))
        assert (counts.distinct, counts.kept) == (len(set(spoken_names)), len(kept))
        assert counts.left == counts.distinct - counts.kept
        assert counts.flagged == sum(status == "flagged" for _, status in kept)
        assert abs(counts.audio_s - sum(samples for samples, _ in kept) / RATE) < 1e-6
        assert counts.stored == len(self.kept)

    @invariant()
    def what_is_left_is_right(self) -> None:
        left = [
            index
            for index, name in enumerate(self.text)
            if name is None or (name not in self.kept and name not in self.text[:index])
        ]
        assert [found.job.index for found in self.store.left()] == left
        assert len(list(self.store.places())) == len(self.text)

    @invariant()
    def audio_is_right(self) -> None:
        for name in range(8):
            audio = self.store.read(key(name))
            assert (audio is not None) == (name in self.kept)
            if audio is not None:
                samples, status = self.kept[name]
                assert (audio.samples, audio.status) == (pcm(name, samples), status)


TestUses = Uses.TestCase
TestUses.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
