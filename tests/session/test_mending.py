"""A listener mends a chunk: other words, which stay with the text; takes to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.session.world import SIM, text_of
from ttsflow.errors import InputError, OutputError
from ttsflow.session.engine import Engine
from ttsflow.store import Store, store_path

TEXT = "The first.\n\nHermione came.\n\nThe last.\n\nHermione came."


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(settings=SIM) as opened:
        yield opened


def spoken(path: Path) -> list[str]:
    """What is spoken at each place."""
    with Store.open(store_path(path), readonly=True) as store:
        return [place.job.text for place in store.places()]


def written(path: Path) -> list[str]:
    """What a person is shown of each place."""
    with Store.open(store_path(path), readonly=True) as store:
        return [passage.text for passage in store.passages()]


def test_other_words_are_spoken_and_stay_with_the_text(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    engine.speak(TEXT, out)
    before = out.read_bytes()
    assert engine.redo(out, [1], words="Her-my-oh-nee  came.").account.delivered == 1
    mended = ["The first.", "Her-my-oh-nee came.", "The last.", "Her-my-oh-nee came."]
    assert spoken(out) == mended, "wherever the same is written"
    assert written(out) == ["The first.", "Hermione came.", "The last.", "Hermione came."]
    after = out.read_bytes()
    assert after != before

    assert engine.speak(TEXT, out).account.submitted == 0, "nothing is left to be spoken"
    assert out.read_bytes() == after
    edited = TEXT.replace("The last.", "The end.")
    assert engine.speak(edited, out).account.submitted == 1
    assert spoken(out) == ["The first.", "Her-my-oh-nee came.", "The end.", "Her-my-oh-nee came."]
    engine.speak(edited, out, speed=0.5)
    assert spoken(out)[1] == "Her-my-oh-nee came.", "in another voice or at another speed, too"


def test_other_words_are_changed_and_undone(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    engine.speak(TEXT, out)
    before = soundfile.read(out)[0]
    engine.redo(out, find="the first", words="The fist.")
    engine.redo(out, [0], words="The furst.")
    assert spoken(out)[0] == "The furst."
    with pytest.raises(InputError, match="chunk 0 says that already"):
        engine.redo(out, [0], words="The furst.")
    engine.redo(out, [0], words="The first.")
    assert spoken(out)[0] == "The first."
    assert np.array_equal(soundfile.read(out)[0], before)


def test_a_mended_chunk_is_spoken_again_as_it_is_mended(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    engine.speak(TEXT, out)
    engine.redo(out, [0], words="The fist.")
    assert engine.redo(out, [0]).account.delivered == 1
    assert spoken(out)[0] == "The fist."


def test_words_that_cannot_be(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    engine.speak(TEXT, out)
    before = out.read_bytes()
    with pytest.raises(InputError, match="other words are for one chunk, not for 2"):
        engine.redo(out, [0, 1], words="Both.")
    for nothing in ("", "  ", "..."):
        with pytest.raises(InputError, match="no letter and no digit"):
            engine.redo(out, [0], words=nothing)
    assert out.read_bytes() == before
    assert spoken(out)[0] == "The first."


def test_one_of_several_takes_is_chosen(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "book.wav"
    engine.speak(text_of(3), out)
    before = out.read_bytes()
    made = engine.takes(out, 1, count=3)
    assert [path.relative_to(tmp_path).as_posix() for path in made] == [
        f"book.wav.takes/1-{number}.wav" for number in range(4)
    ]
    assert out.read_bytes() == before, "it stays as it is"
    takes = [soundfile.read(path)[0] for path in made]
    rows = soundfile.read(out)[0].reshape(3, -1)
    assert np.array_equal(rows[1][: len(takes[0])], takes[0]), "take 0 is what is heard"
    assert len({take.tobytes() for take in takes}) == 4

    engine.choose_take(out, 1, 2)
    chosen = soundfile.read(out)[0].reshape(3, -1)
    assert np.array_equal(chosen[1][: len(takes[2])], takes[2])
    assert np.array_equal(chosen[[0, 2]], rows[[0, 2]])
    engine.choose_take(out, 1, 0)
    assert np.array_equal(soundfile.read(out)[0], rows.reshape(-1))
    engine.speak(text_of(3), out)
    assert np.array_equal(soundfile.read(out)[0], rows.reshape(-1))


def test_a_take_that_there_is_not(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "book.wav"
    engine.speak(text_of(2), out)
    with pytest.raises(InputError, match=r"there is no take 1 of chunk 0 of .*book\.wav"):
        engine.choose_take(out, 0, 1)
    foreign = tmp_path / "book.wav.takes" / "0-1.wav"
    foreign.parent.mkdir()
    foreign.write_bytes(b"mine")
    with pytest.raises(OutputError, match="is another's file"):
        engine.takes(out, 0)
    assert foreign.read_bytes() == b"mine"


def test_mended_words_outlast_a_fresh_start_and_damage(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    engine.speak(TEXT, out)
    engine.redo(out, [0], words="The fist.")
    engine.speak(TEXT, out, fresh=True)
    assert spoken(out)[0] == "The fist."
    pages = store_path(out).read_bytes()
    at = pages.index(b"The last.")  # in the table of places
    store_path(out).write_bytes(pages[:at] + b"\xff" * 9 + pages[at + 9 :])
    engine.speak(TEXT, out)
    assert spoken(out) == ["The fist.", "Hermione came.", "The last.", "Hermione came."]


def test_words_that_are_more_than_the_engine_speaks_at_a_time(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    engine.speak(TEXT, out)
    with pytest.raises(InputError, match=r"the words have 1\d\d\d characters, and the engine speaks \d+"):
        engine.redo(out, [0], words="word " * 300)


def test_take_0_is_what_was_heard_first(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "book.wav"
    engine.speak(text_of(2), out)
    before = out.read_bytes()
    engine.takes(out, 1, count=2)
    engine.choose_take(out, 1, 2)
    engine.takes(out, 1, count=1)
    engine.choose_take(out, 1, 0)
    assert out.read_bytes() == before
