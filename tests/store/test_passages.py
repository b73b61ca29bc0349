"""Where each place of a text is heard in the output that is built from a store, and for how long."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.store.old import STORE
from tests.store.world import RATE, pcm, place, spoken
from ttsflow.output import FORMATS, About, FileSink
from ttsflow.store import Store, build, fingerprint, store_path

PAUSE_S = 0.0501  # 400.8 samples
SIZES = {"a": 3000, "b": 1234, "c": 10}
TEXT = ["a", None, "b", "new", "a", "c", "b"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of a text with a pause, a place without audio, and two that are heard from others."""
    path = store_path(tmp_path / "book.wav")
    with Store.open(path) as store:
        store.plan(place(index, name, PAUSE_S) for index, name in enumerate(TEXT))
        store.commit([spoken(name, size) for name, size in SIZES.items()])
        store.commit([spoken("c", SIZES["c"], "flagged", "too short")])
        store.commit([spoken("of another text", 4000)])
    return path


def built(store: Store, path: Path) -> bytes:
    sink = FileSink(path.with_name("out"), sample_rate=RATE, format=FORMATS.named("pcm"), about=About())
    sink.open()
    build(store, sink)
    return sink.path.read_bytes()


def test_each_is_heard_where_it_is_said_to_be(path: Path) -> None:
    with Store.open(path) as store:
        passages = list(store.passages())
        audio = built(store, path)
        extent = store.extent()
    assert [passage.index for passage in passages] == list(range(7))
    assert [passage.status for passage in passages] == ["ok", "pause", "ok", None, "ok", "flagged", "ok"]
    assert [passage.why for passage in passages] == [None, None, None, None, None, "too short", None]
    assert [passage.same_as for passage in passages] == [None, None, None, None, 0, None, 2]
    for passage, name in zip(passages, TEXT, strict=True):
        start = round(passage.at_s * RATE) * 2
        if passage.status in ("ok", "flagged"):
            sound = pcm(name, SIZES[str(name)])
            assert audio[start : start + len(sound)] == sound
            assert passage.audio_s == len(sound) / 2 / RATE
    for one, other in pairwise(passages):
        assert other.at_s == pytest.approx(one.at_s + one.audio_s + one.pause_s, abs=1 / RATE)
    assert extent.length_s == len(audio) / 2 / RATE
    assert extent.speech_s == pytest.approx((2 * 3000 + 2 * 1234 + 10) / RATE)
    per_name = {name: len(f"This is {name}.") for name in ("a", "b", "c", "new")}
    assert extent.chars == 2 * per_name["a"] + 2 * per_name["b"] + per_name["c"] + per_name["new"]
    assert extent.kept_chars == extent.chars - per_name["new"]


def test_a_time_leads_to_the_place_that_is_heard_then(path: Path) -> None:
    with Store.open(path) as store:
        passages = list(store.passages())
        for passage in passages:
            found = store.passage_at(passage.at_s + 1e-9)
            assert found == passage
        last = store.extent().length_s
        assert store.passage_at(last - 0.001) == passages[-1]
        assert store.passage_at(last) is None
        assert store.passage_at(-1.0) is None
        assert store.passage_at(float("nan")) is None


def test_words_lead_to_the_places_that_have_them(path: Path) -> None:
    with Store.open(path) as store:
        assert [found.index for found in store.passages_with("IS\n  b.")] == [2, 6]
        assert [found.index for found in store.passages_with("this")] == [0, 2, 3, 4, 5, 6]
        assert list(store.passages_with("nobody")) == []


def test_a_text_of_pauses_alone_and_none_at_all(path: Path) -> None:
    with Store.open(path) as store:
        store.plan([])
        assert list(store.passages()) == []
        assert store.extent().length_s == 0.0
        store.plan(place(index, None, 0.5) for index in range(3))
        assert [passage.at_s for passage in store.passages()] == [0.0, 0.5, 1.0]
        assert store.extent().length_s == 1.5


def test_the_length_of_the_file_that_was_built_is_noted(path: Path) -> None:
    output = path.with_name("out")
    with Store.open(path) as store:
        assert store.built(output) is None
        audio = built(store, path)
        store.record_built(output, fingerprint(store, "pcm"))
        made = store.built(output)
        assert made is not None
        assert (made.fingerprint, made.length_s) == (fingerprint(store, "pcm"), len(audio) / 2 / RATE)
        assert store.is_built(output, made.fingerprint)
        store.plan([place(0, "a")])
        assert store.built(output) == made, "it is still what it was"
        assert not store.is_built(output, fingerprint(store, "pcm"))
        output.touch()
        assert store.built(output) is None


def test_a_store_of_version_1_tells_them_without_a_change(tmp_path: Path) -> None:
    path = store_path(tmp_path / "story.wav")
    path.write_bytes(STORE)
    with Store.open(path, readonly=True) as store:
        assert [passage.at_s for passage in store.passages()] == pytest.approx([0, 0.7, 1.4, 2.2, 2.9, 3.6])
        assert store.extent().length_s == pytest.approx(4.3)
    assert path.read_bytes() == STORE
