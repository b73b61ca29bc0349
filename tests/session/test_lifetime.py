"""An engine from its workers' start to its end, and where it is of no use: closed, or in a forked child."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import soundfile

from tests.conftest import patience
from tests.session.world import ONE_WORKER, SIM, noted, scribe, text_of
from tests.store.world import chunks_kept
from ttsflow import Drained, Engine, RunError, UsageError, WorkerError

# ---------------------------------------------------------------- workers


def test_workers_start_at_once_or_with_the_first_request(tmp_path: Path, workers: Callable[[], int]) -> None:
    with Engine(settings=ONE_WORKER) as engine:
        engine.ready(60)
        assert workers() == 1
    with Engine(settings=ONE_WORKER, preload=False) as engine:
        assert workers() == 0
        assert engine.speak("Hello.", tmp_path / "out.wav").account.delivered == 1
        assert workers() == 1
    with Engine(settings=ONE_WORKER, preload=False) as engine:
        assert engine.speak("Hello.", tmp_path / "out.wav").account.submitted == 0
        assert workers() == 0, "the file is complete"
        engine.ready(60)
        assert workers() == 1
    assert workers() == 0


def test_nobody_waits_for_loading_after_ready() -> None:
    with Engine(settings=SIM | {"backend.options.load_s": 1.0}) as engine:
        with pytest.raises(TimeoutError, match=r"have not loaded within 0\.1 s"):
            engine.ready(0.1)
        engine.ready()
        engine.ready(60)


def test_workers_that_cannot_load_are_told_of_by_ready() -> None:
    faults = [{"at": "load", "kind": "refuse"}]
    with (
        Engine(settings=SIM | {"backend.options.faults": faults}) as engine,
        pytest.raises(WorkerError, match="sim does not load"),
    ):
        engine.ready(60)


def test_a_default_that_cannot_be_is_refused_before_any_worker_starts(
    tmp_path: Path, workers: Callable[[], int]
) -> None:
    given = scribe(tmp_path)
    given["settings"] |= {"text.language": "de", "text.voice": "carl"}
    with pytest.raises(UsageError, match="carl speaks no German"):
        Engine(**given)
    assert workers() == 0
    assert [list(note) for note in noted(tmp_path)] == [["checked"]]


# ---------------------------------------------------------------- many threads


def test_eight_threads_with_files_and_streams_of_their_own(tmp_path: Path) -> None:
    settings = SIM | {"policy.use": "bounded-parallel", "policy.options.max_concurrent": 2}

    def speak(number: int) -> tuple[np.ndarray, np.ndarray]:
        path = tmp_path / f"{number}.wav"
        engine.speak(text_of(6, f"book {number}"), path, seed=number)
        pieces = engine.stream(text_of(6, f"book {number}"), seed=number)
        return soundfile.read(path)[0], np.concatenate([piece.samples for piece in pieces])

    with Engine(settings=settings, preload=False) as engine, ThreadPoolExecutor(8) as threads:
        spoken = list(threads.map(speak, range(8)))
    for kept, streamed in spoken:
        np.testing.assert_allclose(kept, streamed, atol=1 / 32768)
    assert len({kept.tobytes() for kept, _ in spoken}) == 8


# ---------------------------------------------------------------- closed


@pytest.mark.parametrize("preload", [True, False])
def test_a_closed_engine_says_so_at_once(tmp_path: Path, preload: bool) -> None:
    engine = Engine(settings=SIM, preload=preload)
    engine.close()
    engine.close()
    for use in (
        lambda: engine.speak("Hello.", tmp_path / "out.wav"),
        lambda: engine.stream("Hello."),
        lambda: engine.redo(tmp_path / "out.wav", [0]),
        lambda: engine.ready(60),
        engine.drain,
    ):
        with pytest.raises(RunError, match="closed"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_is_open_when_the_engine_is_closed_ends_with_an_error(tmp_path: Path) -> None:
    engine = Engine(settings=SIM | {"backend.options.chunk_s": 0.2})
    pieces = engine.stream(text_of(200))
    next(pieces)
    engine.close(now=True)
    with pytest.raises(RunError, match="closed"):
        list(pieces)


def test_closing_waits_for_nobody_who_has_begun_to_listen() -> None:
    engine = Engine(settings=SIM | {"limits.timeouts.close_s": 600})
    pieces = engine.stream(text_of(200))
    next(pieces)  # its sink is full soon, and waits for the one who listens
    closing = Thread(target=engine.close, daemon=True)
    closing.start()
    closing.join(patience(30))
    assert not closing.is_alive()
    with pytest.raises(RunError, match="closed"):
        list(pieces)


def test_a_drained_engine_keeps_what_was_in_work(tmp_path: Path) -> None:
    slow = SIM | {"backend.options.chunk_s": 0.3}
    path = tmp_path / "out.wav"
    with Engine(settings=slow) as engine, ThreadPoolExecutor(1) as threads:
        speaking = threads.submit(engine.speak, text_of(50), path)
        while not chunks_kept(tmp_path / "out.wav.ttsflow"):
            time.sleep(0.02)
        engine.drain()
        with pytest.raises(Drained, match=r"^the engine was drained: not spoken: \d+ chunks?$"):
            speaking.result()
        for use in (lambda: list(engine.stream("More.")), lambda: engine.speak("More.", path), engine.ready):
            with pytest.raises(Drained, match="the engine was drained, and speaks no more"):
                use()
    assert not path.exists()
    kept = chunks_kept(tmp_path / "out.wav.ttsflow")
    assert 0 < kept < 50
    with Engine(settings=SIM) as engine:
        assert engine.speak(text_of(50), path).account.submitted == 50 - kept


# ---------------------------------------------------------------- forked

FORKED = """
import os
from ttsflow import Drained, Engine, RunError

engine = Engine(settings={"backend.use": "sim", "backend.options.audio_s": 0.1})
pieces = engine.stream("One.\\n\\nTwo.\\n\\nThree.")
next(pieces)
child = os.fork()
if not child:
    for use in (
        lambda: engine.stream("child"), lambda: engine.speak("child", "child.wav"), lambda: engine.ready(60),
        engine.drain, lambda: engine.redo("child.wav", [0]), lambda: next(pieces),
    ):
        try:
            use()
        except RunError as error:
            assert "forked child" in str(error) and "after the fork" in str(error), error
        else:
            os._exit(1)
    engine.close()
    with Engine(settings={"backend.use": "sim"}) as own:
        assert len(list(own.stream("An engine of its own."))) == 2
    os._exit(0)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert len(list(pieces)) == 5, "the parent goes on"
engine.close()
print("done")
"""


def test_an_engine_is_refused_in_a_forked_child_and_goes_on_in_the_parent(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr
    assert list(tmp_path.iterdir()) == []
