"""Where no store can be, and what a file that is there already means: said before anything is spoken."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.world import child, files, filled, on_a_small_disk, spoken
from ttsflow.errors import OutputError, StoreDamaged
from ttsflow.store import Store, remove, store_path
from ttsflow.store.schema import APPLICATION_ID, SCHEMA_VERSION

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store_path(tmp_path / "book.wav")


def refusal(path: Path, **how: bool) -> str:
    with pytest.raises(OutputError) as raised:
        Store.open(path, **how)
    assert str(path) in str(raised.value)
    return str(raised.value)


def of_another_version(path: Path, version: int) -> None:
    filled(path, 1)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA writable_schema = ON")
        change = "UPDATE sqlite_schema SET sql = replace(sql, ?, ?)"
        database.execute(change, (f"format {SCHEMA_VERSION}", f"format {version}"))
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()


def strangers_database(path: Path, application_id: int = 0) -> bytes:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA application_id = {application_id}")
        database.execute("CREATE TABLE chunk(id INTEGER PRIMARY KEY, key BLOB)")
    return path.read_bytes()


def test_places_where_no_store_can_be(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    before = files(tmp_path)
    assert "is a folder" in refusal(tmp_path / "folder")
    assert "a device or a pipe" in refusal(Path("/dev/null"))
    assert "a device or a pipe" in refusal(tmp_path / "pipe")
    assert "ymlink loop" in refusal(tmp_path / "loop")
    assert "there is no folder" in refusal(tmp_path / "nowhere" / "store")
    assert "choose another output" in refusal(tmp_path / "file" / "store")
    assert "too long" in refusal(tmp_path / ("x" * 254))
    assert "null" in refusal(tmp_path / "a\0b")
    for fresh in (False, True):
        assert "no store of ttsflow" in refusal(tmp_path / "file", fresh=fresh)
    assert "no store that can be read" in refusal(tmp_path / "none", readonly=True)
    assert files(tmp_path) == before
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("application_id", [0, 0x47504B47])
def test_a_database_of_another_program_is_left_alone(path: Path, application_id: int) -> None:
    content = strangers_database(path, application_id)
    for how in ({}, {"fresh": True}, {"readonly": True}):
        assert "a database of another program" in refusal(path, **how)
    with pytest.raises(OutputError, match="another program"):
        remove(path)
    assert path.read_bytes() == content
    assert files(path.parent) == [path.name]


def test_a_store_of_a_newer_version_is_refused_with_two_ways_out(path: Path) -> None:
    of_another_version(path, SCHEMA_VERSION + 1)
    before = path.read_bytes()
    for how in ({}, {"readonly": True}):
        said = refusal(path, **how)
        assert f"a newer version of ttsflow (format {SCHEMA_VERSION + 1};" in said
        assert f"knows formats 1 to {SCHEMA_VERSION}" in said
        assert "update ttsflow, or begin anew with --fresh" in said
    assert path.read_bytes() == before
    with Store.open(path, fresh=True) as store:
        assert store.counts().stored == 0


def test_fresh_begins_anew(path: Path) -> None:
    filled(path, 3)
    with Store.open(path, fresh=True) as store:
        assert store.counts().stored == 0
        assert list(store.places()) == []
    path.write_bytes(path.read_bytes()[:5000])
    with Store.open(path, fresh=True) as store:
        assert store.salvaged is None


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with Store.open(path) as store:
        assert store.counts().stored == 0


def test_what_an_old_store_left_beside_it_does_not_get_into_a_new_one(path: Path) -> None:
    """A -wal file whose store is gone would else be taken for that of the new one."""
    with Store.open(path) as store:
        store.commit([spoken(1)])
        wal = path.with_name(path.name + "-wal")
        kept = wal.read_bytes()
    remove(path)
    wal.write_bytes(kept)
    with Store.open(path) as store:
        assert store.counts().stored == 0


def test_a_store_behind_a_link_is_used_where_it_lies(tmp_path: Path, path: Path) -> None:
    (tmp_path / "disk").mkdir()
    filled(tmp_path / "disk" / "real", 2)
    path.symlink_to("disk/real")
    with Store.open(path) as store:
        assert store.counts().kept == 2
    assert path.is_symlink()
    assert files(tmp_path / "disk") == ["real"]


def test_a_name_with_every_odd_character(tmp_path: Path) -> None:
    path = store_path(tmp_path / os.fsdecode(b"a b?c#d%41&\xff;'\"\n.wav"))
    filled(path, 2)
    with Store.open(path) as store:
        assert store.counts().kept == 2
    assert files(tmp_path) == [path.name]


def test_remove_takes_the_store_and_all_that_is_beside_it(path: Path) -> None:
    assert remove(path) == 0
    filled(path, 3)
    size = path.stat().st_size
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).touch()
    (path.parent / "book.wav").touch()
    assert remove(path) == size
    assert files(path.parent) == ["book.wav"]
    of_another_version(path, 9)
    assert remove(path) > 0
    assert files(path.parent) == ["book.wav"]


def test_a_file_that_says_it_is_ours_and_has_other_tables_is_made_anew(path: Path) -> None:
    filled(path, 4)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE harm(x)")
        database.execute("CREATE TRIGGER t AFTER INSERT ON meta BEGIN INSERT INTO harm VALUES (1); END")
        assert database.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    with pytest.raises(StoreDamaged, match="tables"):
        Store.open(path, readonly=True)
    with Store.open(path) as store:
        assert store.salvaged == (4, 0)
    with closing(sqlite3.connect(path)) as database:
        assert not database.execute("SELECT 1 FROM sqlite_schema WHERE name IN ('harm', 't')").fetchall()


# ---------------------------------------------------------------- disks that take nothing


def test_a_read_only_folder(path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = store_path(Path(name, "book.wav"))
        filled(path, 2)
        Path(name).chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(NOBODY)  # root is not held back by permission bits
        try:
            assert "writable" in refusal(path)
            assert "Permission denied" in refusal(Path(name, "other"))
            with Store.open(path, readonly=True) as store:
                assert store.counts().kept == 2
        finally:
            if root:
                os.seteuid(0)
            Path(name).chmod(0o755)


def test_a_read_only_file(path: Path) -> None:
    filled(path, 2)
    path.chmod(0o444)
    path.parent.chmod(0o777)
    root = os.geteuid() == 0
    for folder in path.parents:
        if not (mode := folder.stat().st_mode) & 0o001:  # pytest's own, which only their owner may enter
            folder.chmod(mode | 0o011)
    if root:
        os.seteuid(NOBODY)
    try:
        assert "writable" in refusal(path)
    finally:
        if root:
            os.seteuid(0)


READ_ONLY = """
import subprocess, sys
from pathlib import Path
from tests.store.world import filled
from ttsflow.errors import OutputError
from ttsflow.store import Store
folder = Path(sys.argv[1])
filled(folder / "store", 2)
subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
for name in ("store", "other"):
    try:
        Store.open(folder / name)
    except OutputError as error:
        print(error)
with Store.open(folder / "store", readonly=True) as store:
    print(store.counts().kept)
"""


def test_a_read_only_disk(tmp_path: Path) -> None:
    said = child(READ_ONLY, tmp_path, wrapped=on_a_small_disk("size=4m", tmp_path)).splitlines()
    assert "make the file and its folder writable" in said[0]
    assert "Read-only file system" in said[1]
    assert said[2] == "2"


FULL = """
import os, sys
from pathlib import Path
from tests.store.world import key, pcm, place, spoken
from ttsflow.errors import OutputError, StoreError
from ttsflow.store import Store
path = Path(sys.argv[1], "store")
free = Path(sys.argv[1], "filler")
if sys.argv[2] == "disk":
    free.write_bytes(bytes(100_000))
store = Store.open(path)
store.plan(place(index, index) for index in range(1000))
done = 0
while True:
    try:
        store.commit([spoken(done, 20_000)])
    except StoreError as error:
        print(error)
        break
    done += 1
assert store.counts().kept == done
assert store.read(key(done - 1)).samples == pcm(done - 1, 20_000)
store.close()
if sys.argv[2] == "disk":
    with free.open("ab", buffering=0) as file:
        try:
            while file.write(bytes(1000)):
                pass
        except OSError:
            pass
if sys.argv[2] == "disk":
    try:
        Store.open(Path(sys.argv[1], "other"))
    except OutputError as error:
        print(error)
if sys.argv[2] == "disk":
    free.unlink()
else:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with Store.open(path) as store:
    print(store.salvaged, done, store.counts().kept)
    for number in range(done):
        assert store.read(key(number)).samples == pcm(number, 20_000)
    if sys.argv[2] != "disk":
        store.commit([spoken(done, 20_000)])
"""


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    said = child(FULL, tmp_path, "disk", wrapped=on_a_small_disk("size=4m", tmp_path)).splitlines()
    assert "free some space" in said[0]
    assert "run the same command again: what was finished is kept" in said[0]
    assert "other" in said[1]
    assert "free some space" in said[1]
    salvaged, done, kept = said[2].split()
    assert (salvaged, kept) == ("None", done)
    assert int(done) > 20


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))"
    )
    said = child(limited + FULL, tmp_path, "limit").splitlines()
    assert "raise the limit (ulimit -f)" in said[0]
    salvaged, done, kept = said[-1].split()
    assert (salvaged, kept) == ("None", done)
    assert int(done) > 10
