"""An output belongs to one request at a time, from the first look to the last; nobody's file is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.session.world import SIM, text_of
from tests.store.world import chunks_kept
from ttsflow import Engine, OutputBusy, OutputError
from ttsflow.session.recording import Recording
from ttsflow.session.streams import SETTLED_S, Speaking

SLOW = SIM | {"backend.options.chunk_s": 0.1}


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(settings=SIM) as opened:
        yield opened


def refused(what: Callable[[], object], *words: str, kind: type[OutputError] = OutputError) -> None:
    with pytest.raises(kind) as caught:
        what()
    for word in words:
        assert word in str(caught.value)


def test_a_second_request_for_an_output_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    """It may not even open the store: SQLite's locks are the process's, and closing a file drops them."""
    path = tmp_path / "out.wav"
    store = tmp_path / "out.wav.ttsflow"
    status = [sys.executable, "-m", "ttsflow", "status", str(path)]
    with Engine(settings=SLOW) as engine, ThreadPoolExecutor(1) as threads:
        speaking = threads.submit(engine.speak, text_of(40), path)
        while not chunks_kept(store):
            time.sleep(0.02)
        for call in (lambda: engine.speak(text_of(40), path), lambda: engine.redo(path, [0])):
            refused(call, "another run is writing it", "It is process ", kind=OutputBusy)
        subprocess.run(status, capture_output=True, check=False)
        kept = chunks_kept(store)
        while not speaking.done() and chunks_kept(store) <= kept:
            time.sleep(0.02)
        assert kept == 40 or chunks_kept(store) > kept, (
            "what is committed now goes into the file that is there"
        )
        assert speaking.result().account.delivered == 40
    said = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"{path}: complete")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.wav", "out.wav.ttsflow"]


def test_the_output_is_kept_until_the_recording_is_closed(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    request = engine.request(text_of(2))
    with engine.recording(request, path) as recording:
        assert engine.complete(recording, request)
        assert path.exists()
        refused(lambda: engine.speak(text_of(2), path), "another run is writing it", kind=OutputBusy)
        recording.discard()
    assert engine.speak(text_of(2), path).account.delivered == 2


def test_a_file_put_in_the_place_of_the_output_is_not_spoken_over(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    engine.speak(text_of(3), path)
    path.write_bytes(b"mastered by hand")
    for call in (lambda: engine.redo(path, [1]), lambda: engine.redo(path, find="part 1")):
        refused(call, "another file than the one that was made", "move it away")
    refused(lambda: engine.speak(text_of(3), path), "was not made from this text")
    assert path.read_bytes() == b"mastered by hand"
    path.unlink()
    assert engine.redo(path, [1]).account.delivered == 1


def test_a_recording_that_is_interrupted_is_closed_when_the_store_has_all_that_was_finished(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is slow: a commit takes longer than a caller's sink would be waited for."""
    path = tmp_path / "out.wav"
    given, keep = [], Recording.keep

    def keep_slowly(recording: Recording, chunks: Sequence[Any]) -> None:
        given.append(len(chunks))
        time.sleep(1.5 * SETTLED_S)
        keep(recording, chunks)

    def interrupt(speaking: Speaking) -> None:
        while not given:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(Recording, "keep", keep_slowly)
    request = engine.request(text_of(3))
    with pytest.raises(KeyboardInterrupt), engine.recording(request, path) as recording:
        engine.complete(recording, request, interrupt)
    assert chunks_kept(tmp_path / "out.wav.ttsflow") == sum(given)


GREETING = "Thank you for calling us today."


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (f"{GREETING}\n\nWe are closed on Monday, on Tuesday, and on all the other days.", False),
        (f"{GREETING}\n\nYour order has been sent to the wrong address, and we are sorry.", True),
        (f"{GREETING}\n\nYour order has been sent, and that is all.\n\nGood luck.", False),
    ],
)
def test_a_text_is_the_one_before_if_it_still_has_most_of_it(
    engine: Engine, tmp_path: Path, other: str, same: bool
) -> None:
    path = tmp_path / "speech.wav"
    text = f"{GREETING}\n\nYour order has been sent to the wrong address, and we are sorry."
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "b.txt").write_text(f"{other}\n\nGoodbye.")
    engine.speak(tmp_path / "a.txt", path)
    before = path.read_bytes()
    if same:
        engine.speak(tmp_path / "b.txt", path)
        assert path.read_bytes() != before
    else:
        refused(lambda: engine.speak(tmp_path / "b.txt", path), "was not made from this text")
        assert path.read_bytes() == before
