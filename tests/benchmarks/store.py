"""What it costs to keep chunks: the store's commit against a bare insert, and opening a large store.

Both sides write the same audio under the same keys, one chunk to a transaction, into an SQLite file in WAL
mode that syncs at every commit (`synchronous=FULL`), on the same disk, in turns. The bare side has no other
columns, is given 16-bit samples instead of floats, and computes no checksum: the least that could be done.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from tests.benchmarks.pairs import Bound, Figure, Spread, Workload, in_turns, medians, ratios
from ttsflow import AudioPiece, ChunkJob, Outcome
from ttsflow.output.pcm import encode
from ttsflow.store import Place, Spoken, Store

SAMPLE_RATE = 24_000
SECONDS = 6.25  # of a chunk: 300 KB as 16-bit samples
LARGE = 100_000


def measure(workload: Workload) -> Iterator[Figure]:
    chunks, rounds = workload.pick(100, 20), workload.pick(15, 5)
    spoken = some_chunks(chunks)
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        sides: list[Callable[[], float]] = [
            lambda: commits(folder / "store", spoken),
            lambda: bare_inserts(folder / "bare", spoken),
        ]
        times = in_turns(sides, rounds)
        ours, theirs = (1e3 * seconds / chunks for seconds in medians(times))
        yield Figure(
            "store: commit / bare SQLite insert",
            ratios(times),
            f"{chunks:,} chunks of 300 KB, one to a commit, synced each; {rounds} rounds",
            f"{ours:.2f} ms against {theirs:.2f} ms a chunk",
            Bound("at most", 3.0),
        )
        large = workload.pick(LARGE, LARGE // 10)
        path = folder / "large"
        fill(path, large)
        again = workload.pick(7, 2)
        opened = [1e3 * opening_s(path, large) for _ in range(again)]
    yield Figure(
        "store: open it, count, find what is left",
        Spread.of(opened),
        f"{large:,} chunks of 2 KB, the last one left; {again} times",
        bound=Bound("at most", 2000.0),
        unit="ms",
    )


def key_of(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=32).digest()


def some_chunks(number: int, seconds: float = SECONDS) -> list[Spoken]:
    """Chunks of noise, all with the same samples."""
    import numpy as np

    samples = np.random.default_rng(1).uniform(-1, 1, round(seconds * SAMPLE_RATE)).astype(np.float32)
    pieces = [AudioPiece(samples, SAMPLE_RATE)]
    job = ChunkJob("book", 0, "It was a bright cold day, and nobody had shut the window. " * 2)
    return [Spoken(key_of(chunk), Outcome(job, "ok"), pieces) for chunk in range(number)]


def commits(path: Path, chunks: list[Spoken]) -> float:
    """Seconds that the store takes to commit the chunks, one at a time."""
    with Store.open(path, fresh=True) as store:
        began = time.perf_counter()
        for chunk in chunks:
            store.commit([chunk])
        return time.perf_counter() - began


def bare_inserts(path: Path, chunks: list[Spoken]) -> float:
    """Seconds that inserts of the same bytes take, without anything around them."""
    rows = [(chunk.key, encode(chunk.pieces[0], SAMPLE_RATE)) for chunk in chunks]
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA page_size = 8192")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA wal_autocheckpoint = 2048")
        database.execute("CREATE TABLE chunk(key BLOB PRIMARY KEY, audio BLOB)")
        began = time.perf_counter()
        for row in rows:
            database.execute("INSERT INTO chunk VALUES (?, ?)", row)
        return time.perf_counter() - began


def fill(path: Path, number: int) -> None:
    """A closed store with so many places, all of whose chunks but the last are there."""
    chunks = some_chunks(number, seconds=1000 / SAMPLE_RATE)
    with Store.open(path, fresh=True) as store:
        text = "It was a bright cold day. " * 5
        store.plan(Place(key_of(index), ChunkJob("book", index, text)) for index in range(number))
        for at in range(0, number - 1, 1000):
            store.commit(chunks[at : min(at + 1000, number - 1)])


def opening_s(path: Path, number: int) -> float:
    """Seconds until a store is open, counted, and what is left of its text is known."""
    began = time.perf_counter()
    with Store.open(path) as store:
        kept = store.counts().kept
        left = [place.job.index for place in store.left()]
        took = time.perf_counter() - began
    if (kept, left) != (number - 1, [number - 1]):
        raise RuntimeError(f"{number - 1} chunks were to be kept, not {kept}; left: {left[:10]}")
    return took
