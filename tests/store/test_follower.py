"""An output that is compressed beside the workers is the one that is built at the end."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import active_count

import pytest

from tests.store.world import RATE, place, spoken
from ttsflow.output import FORMATS, About, Chapter, FileSink, Tag
from ttsflow.store import Built, Follower, Spoken, Store, build, store_path

CHUNKS, SAMPLES = 12, 10 * RATE  # two minutes: several sections of an encoder
ABOUT = About(Tag("aa"), chapters=(Chapter("One", 0.0), Chapter("Two", 60.0)), length_s=CHUNKS * 10.05)
NAMES = ("m4b", "mp3", "flac", "aac")


def chunk(number: int, samples: int = SAMPLES) -> Spoken:
    return spoken(number, samples)


@contextmanager
def book(folder: Path, format: str) -> Iterator[tuple[Store, FileSink]]:
    """A store that has its places and no audio, and the sink of its output."""
    output = folder / f"book.{format}"
    with Store.open(store_path(output)) as store:
        store.plan(place(index, index) for index in range(CHUNKS))
        sink = FileSink(output, sample_rate=RATE, format=FORMATS.named(format), about=About(Tag("aa")))
        sink.open()
        yield store, sink
        sink.abort()


def followed(store: Store, sink: FileSink, speak: Callable[[Follower], object]) -> bytes:
    """The output of a store in which something was spoken while it was followed."""
    with Follower(store, sink) as follower:
        speak(follower)
    build(store, sink, ABOUT, follower.written)
    return sink.path.read_bytes()


@pytest.fixture(scope="module")
def at_the_end(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The output of each format as it is built when all was spoken."""
    made = {}
    for format in NAMES:
        with book(tmp_path_factory.mktemp(format), format) as (store, sink):
            store.commit([chunk(number) for number in range(CHUNKS)])
            assert build(store, sink, ABOUT) == Built(CHUNKS, 0, 0)
            made[format] = sink.path.read_bytes()
    return made


def until(reached: Callable[[], object]) -> None:
    while not reached():
        time.sleep(0.01)


@pytest.mark.parametrize("format", NAMES)
def test_it_is_the_same_file(tmp_path: Path, at_the_end: dict[str, bytes], format: str) -> None:
    """The chunks come in another order than they are heard, and most of them is written as they come."""
    with book(tmp_path, format) as (store, sink):

        def speak(follower: Follower) -> None:
            for numbers in ((1, 2, 0), (3, 4), (7, 6), (5, 8, 9)):
                store.commit(list(map(chunk, numbers)))
                follower.look()
            until(lambda: sink.written_s > 100.0)
            store.commit([chunk(10), chunk(11)])

        assert followed(store, sink, speak) == at_the_end[format]
    assert [file.name for file in tmp_path.iterdir() if "ttsflow" not in file.name] == [f"book.{format}"]


def test_what_was_spoken_again_meanwhile_is_heard(tmp_path: Path, at_the_end: dict[str, bytes]) -> None:
    with book(tmp_path, "m4b") as (store, sink):

        def speak(follower: Follower) -> None:
            store.commit([chunk(0, SAMPLES // 2), *(chunk(number) for number in range(1, CHUNKS))])
            follower.look()
            until(lambda: sink.written_s > 60.0)
            store.commit([chunk(0)])

        assert followed(store, sink, speak) == at_the_end["m4b"]


def test_it_may_end_at_any_time(tmp_path: Path, at_the_end: dict[str, bytes]) -> None:
    """In the middle of a section, too, which is left for all cores; no thread stays behind."""
    before = active_count()
    for seconds in (0.0, 0.05, 0.3):
        with book(tmp_path, "m4b") as (store, sink):
            store.commit([chunk(number) for number in range(CHUNKS)])
            assert followed(store, sink, lambda _, pause=seconds: time.sleep(pause)) == at_the_end["m4b"]
    assert active_count() == before


def test_a_chunk_that_never_comes_is_waited_for_by_nobody(tmp_path: Path) -> None:
    with book(tmp_path, "m4b") as (store, sink):

        def speak(follower: Follower) -> None:
            store.commit([chunk(0), chunk(2)])
            follower.look()
            until(lambda: sink.written_s > 10.0)

        made = followed(store, sink, speak)
        sink.open()
        assert build(store, sink, ABOUT) == Built(2, 0, CHUNKS - 2)
        assert sink.path.read_bytes() == made


def test_a_disk_that_was_full_for_a_time_is_not_missed(tmp_path: Path, at_the_end: dict[str, bytes]) -> None:
    """No file may grow beyond 50,000 bytes here, and the system says so, as it does of a full disk."""
    with book(tmp_path, "m4b") as (store, sink):
        store.commit([chunk(number) for number in range(CHUNKS)])
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        try:
            with Follower(store, sink) as follower:
                until(lambda: not follower.follows)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert follower.written is None
        build(store, sink, ABOUT, follower.written)
        assert sink.path.read_bytes() == at_the_end["m4b"]
