"""An error that nobody foresaw, in each thread of the program: no hang, and the run goes on later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.cli.unforeseen import ENDING, OTHERS, speak, trial


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> bytes:
    return speak(new_program(tmp_path_factory.mktemp("undisturbed")))


@pytest.mark.parametrize(
    ("name", "after"),
    [(name, after) for name in (*ENDING["file"], *OTHERS) for after in (0, 60, 150)],
)
def test_in_a_run_that_writes_a_file(program: Program, undisturbed: bytes, name: str, after: int) -> None:
    ended = trial(program, name, after, "file")
    injected = "INJECTED" in ended.err
    assert injected or after == 150, "a thread may have ended so late in a run, and in none before"
    if injected and after and name in ENDING["file"]:
        assert ended.code == 3
    program.await_end()  # a worker that was being started ends with the program
    assert speak(program) == undisturbed


@pytest.mark.parametrize("name", ["ttsflow runner", "MainThread", *OTHERS])
def test_when_all_is_spoken_and_the_run_ends(program: Program, undisturbed: bytes, name: str) -> None:
    """What a thread took out of its queue when the error came is lost, and may be that it was to end."""
    ended = trial(program, name, "closing", "file")
    assert "INJECTED" in ended.err
    program.await_end()
    assert ended.code == 0 or name == "MainThread"
    assert speak(program) == undisturbed


@pytest.mark.parametrize("name", [*ENDING["listener"], *OTHERS])
def test_in_a_run_that_somebody_hears(program: Program, name: str) -> None:
    ended = trial(program, name, 60, "listener")
    assert ended.code == 3 if name in ENDING["listener"] else ended.code in (0, 3), ended.err
    assert program.processes() == []
