"""The output file comes out of the store in text order, whole, or not at all."""

from __future__ import annotations

import os
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
import soundfile

from tests.store.world import RATE, filled, key, pcm, place, spoken
from ttsflow.errors import SinkError, StoreDamaged
from ttsflow.interface.jobs import Outcome
from ttsflow.output import FORMATS, About, FileSink, Tag
from ttsflow.store import Built, Store, build, fingerprint, store_path

PAUSE = bytes(2 * round(0.05 * RATE))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store_path(tmp_path / "book.wav")


def sink_for(path: Path, format: str = "pcm", sample_rate: int = RATE) -> FileSink:
    """An open sink for the output that belongs to a store."""
    output = path.with_name("book.wav")
    sink = FileSink(output, sample_rate=sample_rate, format=FORMATS.named(format), about=About(Tag("aa")))
    sink.open()
    return sink


def harm(path: Path, *rows: int) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executemany("UPDATE chunk SET audio = zeroblob(4) WHERE id = ?", [(row,) for row in rows])
        database.commit()


def test_places_are_heard_in_order_with_their_pauses(path: Path) -> None:
    names = ["a", "b", None, "a", "missing", "c"]
    with Store.open(path) as store:
        store.plan(place(index, name) for index, name in enumerate(names))
        store.commit([spoken("c"), spoken("a"), spoken("b", status="flagged", why="cap")])
        sink = sink_for(path)
        assert build(store, sink) == Built(spoken=4, pauses=1, silent=1)
    assert sink.published
    expected = [pcm("a"), pcm("b"), b"", pcm("a"), b"", pcm("c")]
    assert sink.path.read_bytes() == b"".join(audio + PAUSE for audio in expected)


def test_the_wav_is_the_one_that_a_sink_writes_by_itself(path: Path) -> None:
    filled(path, 5)
    with Store.open(path) as store:
        sink = sink_for(path, "wav")
        build(store, sink)
        built = sink.path.read_bytes()
        sink = sink_for(path, "wav")
        for number, found in enumerate(store.places()):
            sink.write(spoken(number).pieces)
            sink.end_chunk(Outcome(found.job, "ok"))
        sink.finish()
    assert sink.path.read_bytes() == built
    assert soundfile.info(sink.path).frames == 5 * (3000 + round(0.05 * RATE))


def test_damaged_chunks_are_all_named_and_nothing_is_published(path: Path) -> None:
    filled(path, 6)
    harm(path, 2, 5)
    with Store.open(path) as store:
        sink = sink_for(path)
        with pytest.raises(StoreDamaged, match="2 chunks") as raised:
            build(store, sink)
        assert raised.value.keys == (key(1), key(4))
        assert not sink.path.exists()
        store.drop(raised.value.keys)
        store.commit([spoken(left.job.index) for left in store.left()])
        assert build(store, sink) == Built(6, 0, 0)
    assert sink.path.read_bytes() == b"".join(pcm(number) + PAUSE for number in range(6))


def test_a_lost_place_is_not_a_shorter_book(path: Path) -> None:
    filled(path, 6)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM place WHERE idx = 5")
        database.commit()
    with Store.open(path) as store:
        sink = sink_for(path)
        with pytest.raises(StoreDamaged, match="5 places") as raised:
            build(store, sink)
        sink.abort()
    assert raised.value.keys == ()
    assert not sink.path.exists()


def test_audio_of_another_sample_rate_is_refused(path: Path) -> None:
    filled(path, 1)
    with Store.open(path) as store:
        sink = sink_for(path, sample_rate=16_000)
        with pytest.raises(SinkError, match="8000 Hz in an output of 16000 Hz"):
            build(store, sink)
        sink.abort()


def test_a_text_of_which_nothing_could_be_spoken_leaves_no_file(path: Path) -> None:
    with Store.open(path) as store:
        store.plan([place(0, "a"), place(1, None)])
        sink = sink_for(path)
        assert build(store, sink) == Built(0, 1, 1)
        assert not sink.published
        store.plan([place(0, None), place(1, None)])
        sink = sink_for(path)
        build(store, sink)
        assert sink.published


def test_the_fingerprint_changes_with_what_is_heard_and_with_nothing_else(path: Path) -> None:
    with Store.open(path) as store:
        store.plan([place(0, "a"), place(1, None), place(2, "b")])
        before = fingerprint(store, "wav")
        store.commit([spoken("a"), spoken("b")])
        whole = fingerprint(store, "wav")
        store.commit([spoken("elsewhere")])
        store.plan([place(0, "a"), place(4, None), place(7, "b")])
        assert fingerprint(store, "wav") == whole
        others = {before, whole, fingerprint(store, "pcm")}
        store.commit([spoken("b", 2999)])
        others.add(fingerprint(store, "wav"))
        store.plan([place(0, "b"), place(1, None), place(2, "a")])
        others.add(fingerprint(store, "wav"))
        store.plan([place(0, "b"), place(1, None, pause_s=0.06), place(2, "a")])
        others.add(fingerprint(store, "wav"))
    assert len(others) == 6


def test_an_output_is_known_until_it_is_touched(path: Path) -> None:
    filled(path, 2)
    with Store.open(path) as store:
        sink = sink_for(path)
        mark = fingerprint(store, "pcm")
        assert not store.is_built(sink.path, mark)
        build(store, sink)
        assert not store.is_built(sink.path, mark)
        store.record_built(sink.path, mark)
    with Store.open(path) as store:
        assert store.is_built(sink.path, mark)
        assert not store.is_built(sink.path, "another")
        os.utime(sink.path, ns=(1, 1))
        assert not store.is_built(sink.path, mark)
        sink.path.unlink()
        assert not store.is_built(sink.path, mark)
        store.record_built(sink.path, mark)
        assert not store.is_built(sink.path, mark)


def test_memory_does_not_grow_with_the_book(path: Path) -> None:
    """20 MB of audio and 3,000 places are built in a few hundred kilobytes."""
    with Store.open(path) as store:
        store.plan(place(index, index % 100) for index in range(3000))
        for number in range(100):
            store.commit([spoken(number, 5000)])
        sink = sink_for(path)
        build(store, sink)
        sink = sink_for(path)
        tracemalloc.start()
        try:
            build(store, sink)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sink.path.stat().st_size > 20_000_000
    assert peak < 1_500_000


def lose(path: Path, row: int) -> None:
    """Take a chunk out of the table and leave it in the index by which chunks are counted."""
    with closing(sqlite3.connect(path)) as database:
        index = database.execute("SELECT * FROM sqlite_master WHERE name = 'chunk_brief'").fetchone()
        database.execute("PRAGMA writable_schema = ON")
        database.execute("DELETE FROM sqlite_master WHERE name = 'chunk_brief'")
        database.commit()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM chunk WHERE id = ?", (row,))
        database.execute("PRAGMA writable_schema = ON")
        database.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index)
        database.commit()


def test_a_chunk_that_is_counted_and_not_there_is_damage_and_no_silence(path: Path) -> None:
    filled(path, 5)
    lose(path, 2)
    with Store.open(path) as store:
        assert store.counts().left == 0
        sink = sink_for(path)
        with pytest.raises(StoreDamaged, match="names chunks that are not in it") as raised:
            build(store, sink)
        assert raised.value.keys == ()
        assert not sink.published
        sink.abort()
