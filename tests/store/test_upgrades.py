"""A store of an earlier version becomes one of today with all that it holds, or stays what it was."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.old import STORE
from tests.store.world import child, files, filled, key, place
from ttsflow.errors import StoreDamaged
from ttsflow.store import Place, Store, salvage, store_path
from ttsflow.store.schema import PAGE_BYTES, SCHEMA_VERSION, _upgrade, transaction
from ttsflow.store.upgrades import UPGRADES

TEXTS = ["One day.", "It rained, and nobody came.", "***", "The door fell. Who was there?", "One day."]
TEXTS.append("Für immer: das Ende.")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = store_path(tmp_path / "story.wav")
    path.write_bytes(STORE)
    return path


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


CHUNKS = "SELECT * FROM chunk ORDER BY id"


def test_its_texts_can_be_read_as_they_are(old: Path) -> None:
    with Store.open(old, readonly=True) as store:
        assert list(store.texts()) == [text for text in TEXTS if text != "***"]


def test_all_that_it_holds_is_kept(old: Path) -> None:
    before = rows(old, CHUNKS)
    with Store.open(old) as store:
        assert store.salvaged is None
        counts = store.counts()
        assert (counts.places, counts.speakable, counts.distinct) == (6, 5, 4)
        assert (counts.kept, counts.left, counts.flagged, counts.stored) == (4, 0, 1, 4)
        assert [place.job.text for place in store.places()] == TEXTS
        assert {(place.job.speed, place.job.voice) for place in store.places()} == {(1.0, "anna")}
        assert [store.read(place.key).status for place in store.places() if place.key] == [  # type: ignore[union-attr]
            "ok",
            "flagged",
            "ok",
            "ok",
            "ok",
        ]
        assert store.doubts(9) == [(1, TEXTS[1], "reached the model's cap")]
        assert store.get("recipe")["backend"] == "sim"
        assert store.get("nothing") is None
    assert rows(old, CHUNKS) == before
    assert files(old.parent) == [old.name]


def test_it_is_a_store_as_one_that_is_made_today(old: Path, tmp_path: Path) -> None:
    Store.open(old).close()
    filled(tmp_path / "new", 3)
    tables = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    assert rows(old, tables) == rows(tmp_path / "new", tables)
    for path in (old, tmp_path / "new"):
        page = path.read_bytes()[:PAGE_BYTES]
        signs = re.findall(rb"a store of ttsflow, format (\d)", page)
        assert signs == [str(SCHEMA_VERSION).encode()], "an older program is not misled"
    assert list(UPGRADES) == list(range(1, SCHEMA_VERSION)), "a way from each version"


def test_it_can_be_looked_at_without_a_change(old: Path) -> None:
    old.chmod(0o444)
    with Store.open(old, readonly=True) as store:
        assert (store.counts().kept, store.counts().left) == (4, 0)
        assert store.get("recipe")["backend"] == "sim"
        assert store.doubts(9) == [(1, TEXTS[1], "reached the model's cap")]
        assert store.running() is None
        assert len(list(store.checksums())) == 6
    assert old.read_bytes() == STORE


def test_what_a_killed_program_of_that_time_had_not_yet_put_into_the_file_is_kept(old: Path) -> None:
    with closing(sqlite3.connect(old)) as database:
        database.execute("DELETE FROM chunk WHERE text LIKE 'The door%'")
        database.commit()
        content = {end: old.with_name(old.name + end).read_bytes() for end in ("", "-wal")}
    for end, data in content.items():
        old.with_name(old.name + end).write_bytes(data)
    with Store.open(old) as store:
        assert store.salvaged is None
        assert [place.job.text for place in store.left()] == ["***", "The door fell. Who was there?"]
        assert store.counts().kept == 3


@pytest.mark.parametrize(
    "change",
    ["UPDATE place SET pause_s = 9 WHERE idx = 3", "DELETE FROM place WHERE idx = 5", "DROP INDEX place_key"],
)
def test_damage_is_not_carried_over_and_the_chunks_are_kept(old: Path, change: str) -> None:
    with closing(sqlite3.connect(old)) as database:
        database.execute(change)
        database.commit()
    with Store.open(old) as store:
        assert store.salvaged == (4, 0)
        assert list(store.places()) == []
        assert store.counts().stored == 4


def test_one_that_is_damaged_beyond_that_keeps_its_chunks_too(old: Path) -> None:
    for harm in (bytes(100), b"\xa5" * PAGE_BYTES):
        old.write_bytes(harm + STORE[len(harm) :])
        assert salvage(old) == (4, 0)
        with Store.open(old) as store:
            assert store.counts().stored == 4


# Opens the store again and again in a process that is killed: before a statement, or within one.
KILLED = """
import os, sys
from pathlib import Path
from tests.store.old import STORE
from ttsflow.store import Store, schema, store, upgrades

path, connect, checksum = Path(sys.argv[1]), store.connect, upgrades.checksum

def spend(_):
    global life
    life -= 1
    if life < 0:
        os._exit(9)

def watched(path, **how):
    connection = connect(path, **how)
    connection.set_trace_callback(spend)
    return connection

def sealed(*values):
    spend(None)
    return checksum(*values)

def opened():
    with Store.open(path) as found:
        assert found.salvaged is None
        places = list(found.places())
        assert [bool(found.read(place.key)) for place in places if place.key] == [True] * 5
        return places, found.counts().kept, found.get("recipe")

versions = set()
for point in range(1000):
    for file in path.parent.iterdir():
        file.unlink()
    path.write_bytes(STORE)
    child = os.fork()
    if not child:
        life, store.connect, upgrades.checksum = point, watched, sealed
        Store.open(path)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with Store.open(path, readonly=True) as found:
        assert found.counts().kept == 4
        versions.add(schema._version(found._reading))
    now = opened()
    if point == 0:
        whole = now
    assert now == whole
    if code == 0:
        break
    assert code == 9
print(point, *versions)
"""


def test_killed_at_any_point_it_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    points, *versions = map(int, child(KILLED, store_path(tmp_path / "folder" / "story.wav")).split())
    assert points > 30
    assert versions == [1, SCHEMA_VERSION]


LIMITED = """
import resource, sys
from pathlib import Path
from tests.store.old import STORE
from ttsflow.errors import OutputError
from ttsflow.store import Store
path = Path(sys.argv[1])
path.write_bytes(STORE)
hard = resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_FSIZE, (len(STORE) // 2, hard))
try:
    Store.open(path)
except OutputError as error:
    print(error)
with Store.open(path, readonly=True) as store:
    print(store.counts().kept)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
with Store.open(path) as store:
    print(store.salvaged, store.counts().kept, len(list(store.places())))
"""


def test_a_disk_without_room_for_it_leaves_it_as_it_was(tmp_path: Path) -> None:
    said = child(LIMITED, store_path(tmp_path / "story.wav")).splitlines()
    assert "raise the limit (ulimit -f)" in said[0]
    assert said[1:] == ["4", "None 4 6"]


def test_a_store_of_version_2_can_be_read_as_it_is_and_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.write_bytes(STORE)
    with closing(sqlite3.connect(path, isolation_level=None)) as database, transaction(database):
        _upgrade(database, 2)
    with Store.open(path, readonly=True) as store:
        before = list(store.places())
        assert [place.job.text for place in before] == TEXTS
    assert rows(path, "PRAGMA user_version") == [(2,)]
    with Store.open(path) as store:
        assert list(store.places()) == before
    assert rows(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]


def test_a_place_keeps_what_is_written_and_what_is_spoken(tmp_path: Path) -> None:
    path = tmp_path / "store"
    job = replace(place(0, "a").job, written="A.")
    nothing = replace(place(1, None).job, text="", written="[1]")
    places = [Place(key("a"), job), Place(None, nothing), place(2, "b")]
    with Store.open(path) as store:
        store.plan(places)
        assert list(store.places("")) == places
        assert list(store.texts()) == ["A.", "This is b."]
        assert [passage.index for passage in store.passages_with("a.")] == [0]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE place SET spoken = 'Other.' WHERE idx = 0")
    with Store.open(path) as store, pytest.raises(StoreDamaged, match="place 0"):
        list(store.places(""))
