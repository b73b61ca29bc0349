"""What the text no longer has is removed and its room given back; all else is as it was, whatever happens."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.test_kills import killed
from tests.store.world import child, files, filled, key, pcm, place, spoken
from ttsflow.errors import InputError, StoreDamaged
from ttsflow.store import Running, Store, compact, fingerprint, salvage, store_path

SAMPLES = 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of 40 chunks whose text has every third of them, one twice, a pause, and one not yet spoken."""
    path = store_path(tmp_path / "book.wav")
    filled(path, 40, SAMPLES)
    with Store.open(path) as store:
        names = [*range(0, 40, 3), 0, None, "new"]
        store.plan(place(index, name) for index, name in enumerate(names))
        store.set("note", {"a": 1})
        store.set_running(Running(1, "h", "now"))
        store.drop([key(3)])
        store.commit([spoken(3, SAMPLES)])
    return path


def seen(path: Path) -> list[object]:
    """All that a store tells, but for its size and for what the text does not have."""
    with Store.open(path) as store:
        assert store.salvaged is None
        places = list(store.places())
        audio = {found.key: store.read(found.key) for found in places if found.key}
        counts = store.counts()
        notes = store.get("note"), store.running()
        return [places, audio, counts.kept, counts.left, notes, fingerprint(store, "wav")]


def test_only_what_the_text_does_not_have_goes_and_the_file_is_smaller(path: Path) -> None:
    before, size = seen(path), path.stat().st_size
    removed, smaller = compact(path)
    assert removed == 26
    assert smaller == size - path.stat().st_size > 26 * 2 * SAMPLES
    assert seen(path) == before
    assert files(path.parent) == [path.name]
    with Store.open(path) as store:
        assert store.counts().stored == 14
        assert store.read(key(1)) is None
        assert store.read(key(39)).samples == pcm(39, SAMPLES)  # type: ignore[union-attr]
        with pytest.raises(StoreDamaged, match="damaged again"):
            store.drop([key(3)])
    assert compact(path) == (0, 0)


def test_a_store_that_does_not_know_its_text_keeps_all(path: Path) -> None:
    assert salvage(path) == (40, 0)
    with pytest.raises(InputError, match="run the same command again first"):
        compact(path)
    with Store.open(path) as store:
        assert store.counts().stored == 40


def test_places_that_are_damaged_are_not_believed(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM place WHERE idx = 2")
        database.commit()
    with pytest.raises(StoreDamaged):
        compact(path)
    with Store.open(path) as store:
        assert store.counts().stored == 40


COMPACTOR = """
import os, sys
from pathlib import Path
from ttsflow.store import compact, compaction
compaction._UNUSED = "SELECT 1"  # or it would have something to do only once
compact(Path(sys.argv[1]))
os.write(1, b"ready\\n")
while True:
    compact(Path(sys.argv[1]))
"""


@pytest.mark.usefixtures("quickly")
def test_killed_at_any_moment_it_has_lost_nothing(path: Path) -> None:
    before = seen(path)
    rng = random.Random(4)
    for _ in range(15):
        killed(COMPACTOR, path, rng)
        assert seen(path) == before
    assert compact(path) == (0, 0)


LIMITED = """
import resource, sys
from pathlib import Path
from ttsflow.errors import StoreError
from ttsflow.store import compact
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    compact(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


@pytest.mark.usefixtures("quickly")  # coverage could not be written either
def test_without_room_for_the_copy_it_stays_as_it_is(path: Path) -> None:
    before = seen(path)
    assert "raise the limit (ulimit -f)" in child(LIMITED, path)
    assert seen(path) == before
    assert files(path.parent) == [path.name]
