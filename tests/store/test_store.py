"""What is put into a store comes out of it: audio to the byte, places in order, counts, notes."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.store.world import RATE, files, filled, key, noise, pcm, place, spoken
from ttsflow.errors import StoreDamaged, StoreError
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.output.pcm import encode
from ttsflow.store import Place, Running, Spoken, Store, salvage, store_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store_path(tmp_path / "book.wav")


def left(store: Store) -> list[int]:
    return [found.job.index for found in store.left()]


def test_it_lies_beside_the_output_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.wav").symlink_to(tmp_path / "real" / "book.wav")
    assert store_path(tmp_path / "link.wav") == (tmp_path / "real" / "book.wav.ttsflow").resolve()


def test_a_chunk_comes_back_to_the_byte(path: Path) -> None:
    pieces = [noise("a", 100), noise("b", 0), noise("c", 2333)]
    outcome = Outcome(ChunkJob("book", 3, "Hé\0llo."), "flagged", why="reached the audio cap", take=2)
    with Store.open(path) as store:
        store.commit([Spoken(key(1), outcome, pieces)])
    with Store.open(path) as store:
        audio = store.read(key(1))
        assert store.read(key(2)) is None
    assert audio is not None
    assert audio.samples == b"".join(encode(piece, RATE) for piece in pieces)
    assert (audio.sample_rate, audio.status, audio.why, audio.take) == (
        RATE,
        "flagged",
        "reached the audio cap",
        2,
    )
    assert encode(audio.piece(), RATE) == audio.samples


def test_every_16_bit_sample_survives_being_decoded(path: Path) -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    piece = AudioPiece((every / np.float32(32768)).astype(np.float32), RATE)
    with Store.open(path) as store:
        store.commit([Spoken(key(1), spoken(1).outcome, [piece])])
        audio = store.read(key(1))
    assert audio is not None
    assert audio.samples == every.astype("<i2").tobytes()
    assert np.array_equal(audio.piece().samples, piece.samples)


def test_the_same_key_again_replaces_its_audio(path: Path) -> None:
    with Store.open(path) as store:
        store.plan([place(0, 1)])
        store.commit([spoken(1, 500), spoken(1, 700)])
        store.commit([spoken(1, 900)])
        audio = store.read(key(1))
        assert store.counts().stored == 1
    assert audio is not None
    assert audio.samples == pcm(1, 900)


def test_chunks_of_one_commit_are_there_together_or_not_at_all(path: Path) -> None:
    failed = Spoken(key(2), Outcome(ChunkJob("book", 0, "x"), "failed"), [noise(2)])
    silent = Spoken(key(2), spoken(2).outcome, [])
    with Store.open(path) as store:
        for wrong in (failed, silent):
            with pytest.raises(ValueError, match="no audio to keep"):
                store.commit([spoken(1), wrong])
        assert store.read(key(1)) is None
        store.commit([spoken(1), spoken(3)])
        assert store.read(key(1)) is not None


def test_a_chunk_of_more_than_45_minutes_is_refused(path: Path) -> None:
    piece = AudioPiece(np.zeros(2**24, np.float32), RATE)
    with Store.open(path) as store:
        with pytest.raises(StoreError, match="max_chars lower"):
            store.commit([spoken(1), Spoken(key(2), spoken(2).outcome, [piece] * 9)])
        assert store.read(key(1)) is None


def test_what_is_left_is_the_first_place_of_each_chunk_that_is_not_there_and_every_pause(path: Path) -> None:
    text = [place(0, "a"), place(1, None), place(2, "b"), place(3, "a"), place(4, "c"), place(5, None)]
    with Store.open(path) as store:
        assert left(store) == []
        store.plan(text)
        assert left(store) == [0, 1, 2, 4, 5]
        assert list(store.places()) == text
        store.commit([spoken("a"), spoken("c")])
        assert left(store) == [1, 2, 5]
        counts = store.counts()
    assert (counts.places, counts.speakable, counts.distinct) == (6, 4, 3)
    assert (counts.kept, counts.left, counts.flagged, counts.stored) == (2, 1, 0, 2)
    assert counts.audio_s == pytest.approx(2 * 3000 / RATE)
    assert counts.bytes >= 2 * 6000


def test_chunks_that_are_committed_while_places_are_taken_are_left_out(path: Path) -> None:
    """And the file beside the store does not grow meanwhile, as it would behind a query that stays open."""
    with Store.open(path) as store:
        store.plan(place(index, index) for index in range(1000))
        taken = store.left()
        assert next(taken).job.index == 0
        for number in range(200, 900):
            store.commit([spoken(number, 20_000)])
        indexes = [found.job.index for found in taken]
        wal = path.with_name(path.name + "-wal").stat().st_size
    assert indexes == [*range(1, 256), *range(900, 1000)]
    assert wal < 20_000_000 < 700 * 40_000


def test_paragraphs_that_move_cost_nothing(path: Path) -> None:
    filled(path, 20)
    moved = [12, 13, 14, *range(12), "new", *range(15, 20), 12]
    with Store.open(path) as store:
        store.plan(place(index, name, pause_s=0.5) for index, name in enumerate(moved))
        assert left(store) == [moved.index("new")]
        assert store.counts().stored == 20


def test_a_plan_that_breaks_off_changes_nothing(path: Path) -> None:
    def broken() -> object:
        yield place(0, "x")
        raise OSError("the text could not be read")

    filled(path, 3)
    with Store.open(path) as store:
        with pytest.raises(OSError, match="could not be read"):
            store.plan(broken())  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="must rise"):
            store.plan([place(1, 1), place(1, 2)])
        assert [found.job.index for found in store.places()] == [0, 1, 2]


def test_a_place_gives_its_job_again(path: Path) -> None:
    jobs = [
        ChunkJob("book", 0, "Hello.", "de", "ann", 2**63 - 1, 0.25),
        ChunkJob("book", 1, "***", pause_s=1, speakable=False),
        ChunkJob("book", 2, "Ho.", references=("/a b.wav", "/ü.wav")),
    ]
    with Store.open(path) as store:
        store.plan(Place(key(job.index) if job.speakable else None, job) for job in jobs)
        assert [found.job for found in store.places("book")] == jobs
        assert [found.job for found in store.left("book")] == jobs
        assert [found.key for found in store.left()] == [key(0), None, key(2)]


def test_a_place_whose_key_was_changed_is_damaged(path: Path) -> None:
    with Store.open(path) as store:
        store.plan([place(0, "a"), place(1, None)])
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE place SET key = ? WHERE idx = 0", (key("b"),))
        database.commit()
    with Store.open(path) as store, pytest.raises(StoreDamaged, match="not as it was written"):
        list(store.left())


def test_a_store_says_which_chunks_it_has(path: Path) -> None:
    filled(path, 2)
    with Store.open(path, readonly=True) as store:
        assert [store.has(key(number)) for number in range(3)] == [True, True, False]


def test_dropped_chunks_are_left_again(path: Path) -> None:
    filled(path, 5)
    with Store.open(path) as store:
        store.drop([key(1), key(3), key("nobody's")])
        assert left(store) == [1, 3]
        assert store.read(key(1)) is None
        assert store.counts().kept == 3


def test_a_chunk_that_has_to_be_dropped_twice_takes_a_fresh_file(path: Path) -> None:
    """Pages that belong to two things damage what is written into them again and again."""
    filled(path, 5)
    with Store.open(path) as store:
        store.drop([key(1), key(1)])
        store.commit([spoken(1)])
        store.drop([key(2)])
        with pytest.raises(StoreDamaged, match="damaged again") as raised:
            store.drop([key(3), key(1)])
        assert raised.value.keys == ()
        assert left(store) == [2]
    assert salvage(path) == (4, 0)
    with Store.open(path) as store:
        store.drop([key(1)])


def test_notes_are_kept(path: Path) -> None:
    with Store.open(path) as store:
        assert store.get("describe") is None
        assert store.running() is None
        store.set("describe", {"voice": "ann", "rate": 1.5, "text": ["é"]})
        store.set("describe", {"voice": "ben"})
        store.set_running(Running(12, "here", "10:15"))
    with Store.open(path) as store:
        assert store.get("describe") == {"voice": "ben"}
        assert store.running() == Running(12, "here", "10:15")
        store.clear_running()
        assert store.running() is None
    assert Running.here("now").pid == os.getpid()


def test_a_store_that_a_run_has_in_use_can_be_looked_at(path: Path) -> None:
    with Store.open(path) as store:
        store.plan([place(0, "a"), place(1, "b")])
        store.set_running(Running(1, "h", "now"))
        store.commit([spoken("a")])
        with Store.open(path, readonly=True) as other:
            assert other.counts().left == 1
            assert other.running() == Running(1, "h", "now")
            store.commit([spoken("b")])
            assert other.counts().left == 0


def test_three_threads_use_it_at_a_time(path: Path) -> None:
    chunks = 150
    written = threading.Semaphore(0)
    read: list[bytes | None] = []

    def commit() -> None:
        for number in range(chunks):
            store.commit([spoken(number, 500)])
            written.release()

    def look() -> None:
        for number in range(chunks):
            written.acquire()
            audio = store.read(key(number))
            read.append(audio and audio.samples)

    with Store.open(path) as store:
        store.plan(place(index, index) for index in range(chunks))
        threads = [threading.Thread(target=work) for work in (commit, look)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            counts = store.counts()
            assert counts.kept + counts.left == chunks
            assert len(left(store)) >= store.counts().left
        for thread in threads:
            thread.join()
    assert read == [pcm(number, 500) for number in range(chunks)]


def test_nothing_of_sqlites_is_left_beside_a_closed_store(path: Path) -> None:
    filled(path, 3)
    assert files(path.parent) == [path.name]


def test_audio_that_is_not_what_was_written_is_named_and_can_be_dropped(path: Path) -> None:
    filled(path, 3)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE chunk SET audio = zeroblob(6000) WHERE id = 2")
        database.commit()
    with Store.open(path) as store:
        with pytest.raises(StoreDamaged, match="checksum") as raised:
            store.read(key(1))
        assert raised.value.keys == (key(1),)
        store.drop(raised.value.keys)
        assert left(store) == [1]


@pytest.mark.parametrize("change", ["DELETE FROM place WHERE idx = 2", "UPDATE place SET pause_s = 9"])
def test_places_that_are_not_those_that_were_written_are_noticed(path: Path, change: str) -> None:
    filled(path, 4)
    with closing(sqlite3.connect(path)) as database:
        database.execute(change)
        database.commit()
    with Store.open(path) as store, pytest.raises(StoreDamaged):
        list(store.places())
