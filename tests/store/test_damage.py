"""Bytes that change under a store: what is read is right or the damage is named, and most is kept."""

from __future__ import annotations

import logging
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.world import RATE, files, filled, key, pcm, place, spoken
from ttsflow.errors import OutputError, StoreDamaged
from ttsflow.output import FORMATS, About, FileSink
from ttsflow.store import Built, Store, build, salvage, store_path
from ttsflow.store.schema import PAGE_BYTES

POSITIONS = 500
CHUNKS = 40
SIZES = [150 + 400 * (number % 7) + (9000 if number % 10 == 0 else 0) for number in range(CHUNKS)]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A store's files as a killed run leaves them: half of the chunks in the store, half in its -wal file."""
    path = store_path(tmp_path_factory.mktemp("sound") / "book.wav")
    with Store.open(path) as store:
        store.plan(place(index, index % CHUNKS if index % 9 else None) for index in range(60))
        store.commit([spoken(number, SIZES[number]) for number in range(CHUNKS // 2)])
    with Store.open(path) as store:
        for number in range(CHUNKS // 2, CHUNKS):
            store.commit([spoken(number, SIZES[number])])
        return {end: path.with_name(path.name + end).read_bytes() for end in ("", "-wal")}


def put(path: Path, content: dict[str, bytes]) -> None:
    for file in path.parent.iterdir():
        file.unlink()
    for end, data in content.items():
        path.with_name(path.name + end).write_bytes(data)


def flipped(rng: random.Random, content: dict[str, bytes]) -> dict[str, bytes]:
    """One to three bytes changed, in the header, a page's own head, or anywhere, of either file."""
    end = rng.choice(("", "", "-wal"))
    data = bytearray(content[end])
    for _ in range(rng.choice((1, 1, 3))):
        where = rng.random()
        if where < 0.25:
            at = rng.randrange(100)
        elif where < 0.6:
            at = rng.randrange(len(data) // PAGE_BYTES) * PAGE_BYTES + rng.randrange(64)
        else:
            at = rng.randrange(len(data))
        data[at] ^= rng.randrange(1, 256)
    return content | {end: bytes(data)}


def cut(rng: random.Random, content: dict[str, bytes]) -> dict[str, bytes]:
    end = rng.choice(("", "", "-wal"))
    return content | {end: content[end][: rng.randrange(len(content[end]))]}


def overwritten(rng: random.Random, content: dict[str, bytes]) -> dict[str, bytes]:
    """A whole page of zeros, of noise, or of what belongs elsewhere."""
    data = bytearray(content[""])
    to, other = (rng.randrange(len(data) // PAGE_BYTES) * PAGE_BYTES for _ in range(2))
    page = rng.choice((bytes(PAGE_BYTES), rng.randbytes(PAGE_BYTES), data[other : other + PAGE_BYTES]))
    data[to : to + PAGE_BYTES] = page
    return content | {"": bytes(data)}


def read_all(store: Store) -> int:
    """Read every chunk; what is damaged must be named, what is read must be right. How many were read."""
    right = 0
    for number, size in enumerate(SIZES):
        try:
            audio = store.read(key(number))
        except StoreDamaged as error:
            named = error.keys
            assert named == (key(number),)
            continue
        if audio is not None:
            assert (audio.samples, audio.sample_rate, audio.status) == (pcm(number, size), RATE, "ok")
            right += 1
    return right


def use(store: Store, path: Path) -> None:
    """All that a run does with a store, as long as the file bears it."""
    read_all(store)
    list(store.left())
    store.counts()
    list(store.places())
    store.commit([spoken(number, SIZES[number]) for number in (0, 10, CHUNKS - 1)])
    store.plan(place(index, index) for index in range(CHUNKS))
    sink = FileSink(path.with_name("out"), sample_rate=RATE, format=FORMATS.named("pcm"), about=About())
    sink.open()
    try:
        built = build(store, sink)
        if built.silent == 0:
            assert sink.path.read_bytes() == whole_output()
    finally:
        sink.abort()


def whole_output() -> bytes:
    pause = bytes(2 * round(0.05 * RATE))
    return b"".join(pcm(number, size) + pause for number, size in enumerate(SIZES))


def repaired(path: Path, damaged: tuple[bytes, ...]) -> None:
    """What the caller of a store does once damage is named, and the run after it: all is as it should be."""
    with_keys = damaged
    for _ in range(4):
        if not with_keys:
            salvage(path)
        with Store.open(path) as store:
            try:
                if with_keys:
                    store.drop(with_keys)
                store.plan(place(index, index) for index in range(CHUNKS))
                for left in list(store.left()):
                    store.commit([spoken(left.job.index, SIZES[left.job.index])])
                use(store, path)
                return
            except StoreDamaged as error:
                with_keys = error.keys
    raise AssertionError("the damage does not end")


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("harm", [flipped, cut, overwritten])
def test_audio_is_right_or_the_damage_is_named(
    harm: Callable[[random.Random, dict[str, bytes]], dict[str, bytes]],
    sound: dict[str, bytes],
    quick_folder: Path,
) -> None:
    path = store_path(quick_folder / "book.wav")
    refused = 0
    for seed in range(POSITIONS // 3 + 1):
        put(path, harm(random.Random(seed), sound))
        try:
            store = Store.open(path)
        except OutputError:  # so damaged that it is not known for a store any more
            refused += 1
            continue
        with store:
            try:
                use(store, path)
                continue
            except StoreDamaged as error:
                damaged = error.keys
        repaired(path, damaged)
    assert refused < POSITIONS / 50  # the whole first page was something else


def test_salvage_keeps_what_is_not_damaged(sound: dict[str, bytes], quick_folder: Path) -> None:
    """Whichever page is gone, the others give back what they hold."""
    path = store_path(quick_folder / "book.wav")
    pages = len(sound[""]) // PAGE_BYTES
    kept = []
    for page in range(pages):
        data = bytearray(sound[""])
        data[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = b"\xa5" * PAGE_BYTES
        put(path, {"": bytes(data), "-wal": sound["-wal"]})
        kept.append(salvage(path).kept)
        with Store.open(path) as store:
            assert store.salvaged is None
            assert read_all(store) == kept[-1]
    assert sorted(kept)[pages // 2] >= CHUNKS - 2
    assert sum(number == 0 for number in kept) <= 1  # the root of the table of chunks


def test_a_store_with_its_first_page_gone_is_mended_where_it_is_still_known(
    sound: dict[str, bytes], quick_folder: Path
) -> None:
    path = store_path(quick_folder / "book.wav")
    for header in (bytes(60), b"\xff" * 60, bytes(100)):
        put(path, sound | {"": header + sound[""][len(header) :]})
        with pytest.raises(OutputError, match="no store that can be read"):
            Store.open(path, readonly=True)
        with Store.open(path) as store:
            assert store.salvaged is not None
            assert read_all(store) == store.salvaged.kept == CHUNKS


def test_half_a_store_keeps_half_of_its_chunks(quick_folder: Path) -> None:
    path = store_path(quick_folder / "book.wav")
    filled(path, 400)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with Store.open(path) as store:
        try:
            store.counts()
            store.plan(place(index, index) for index in range(400))
        except StoreDamaged:
            pass
    kept, lost = salvage(path)
    assert kept >= 190
    assert kept + lost <= 401
    assert files(quick_folder) == [path.name]


def test_salvage_of_a_sound_store_keeps_all(quick_folder: Path) -> None:
    path = store_path(quick_folder / "book.wav")
    filled(path, 30)
    assert salvage(path) == (30, 0)
    with Store.open(path) as store:
        assert list(store.places()) == []
        assert [store.read(key(number)).samples for number in range(30)] == [  # type: ignore[union-attr]
            pcm(number) for number in range(30)
        ]


@pytest.mark.parametrize("seed", range(20))
def test_salvage_takes_any_bytes(seed: int, quick_folder: Path) -> None:
    path = store_path(quick_folder / "book.wav")
    rng = random.Random(seed)
    filled(path, 3)
    head = path.read_bytes()[: rng.choice((0, 100, PAGE_BYTES))]
    path.write_bytes(head + rng.randbytes(rng.randrange(200_000)))
    path.with_name(path.name + "-wal").write_bytes(rng.randbytes(rng.randrange(50_000)))
    assert salvage(path).kept == 0
    with Store.open(path) as store:
        assert store.counts().stored == 0


def test_a_copy_of_a_store_is_a_store(sound: dict[str, bytes], quick_folder: Path) -> None:
    path = store_path(quick_folder / "book.wav")
    put(path, sound)
    shutil.copy(path, quick_folder / "copy")
    shutil.copy(path.with_name(path.name + "-wal"), quick_folder / "copy-wal")
    with Store.open(quick_folder / "copy") as store:
        assert read_all(store) == CHUNKS
        use(store, quick_folder / "copy")
        assert build(store, opened(quick_folder)) == Built(CHUNKS, 0, 0)


def opened(folder: Path) -> FileSink:
    sink = FileSink(folder / "out", sample_rate=RATE, format=FORMATS.named("pcm"), about=About())
    sink.open()
    return sink
