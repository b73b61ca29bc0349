"""How much many texts come to: counted where they are open, guessed where they are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.program import ONE_WORKER, Program, paragraphs, sim
from tests.cli.terminal import Terminal
from ttsflow.cli.progress import Amount
from ttsflow.cli.workload import Workload
from ttsflow.session.backlog import Waiting
from ttsflow.session.batch import Task
from ttsflow.store import Counts


def waiting(name: str, kind: str, size: int) -> Waiting:
    return Waiting(name, Task("a text", Path(name), name=name), kind, size)


def counts(chars: int, kept_chars: int = 0) -> Counts:
    return Counts(1, 1, 1, 0, 1, 0, 0.0, chars, kept_chars, 0, 0)


def test_texts_that_are_not_open_are_guessed_by_those_that_are() -> None:
    texts = [waiting("a", ".txt", 100), waiting("b", ".txt", 300), waiting("c", ".txt", 200)]
    workload = Workload(texts)
    assert workload.amounts == (Amount(600, 0), Amount(0))
    workload.begun("a", counts(80, kept_chars=30))
    assert workload.amounts == (Amount(50 + 400, 0), Amount(30)), "0.8 characters to a byte"
    workload.ended("a", counts(80, kept_chars=80))
    assert workload.amounts == (Amount(450, 0), Amount(30))
    workload.begun("b", counts(240))
    workload.ended("b", counts(240, kept_chars=100))
    assert workload.amounts == (Amount(50 + 100 + 160, 0), Amount(30)), "the rest of b is spoken by nobody"
    workload.ended("c", None)
    assert workload.amounts == (Amount(150, 0), Amount(30))


def test_of_books_nobody_knows_before_the_first_is_open() -> None:
    workload = Workload([waiting("a", ".epub", 1_000), waiting("b", ".epub", 2_000), waiting("c", ".md", 10)])
    assert workload.amounts[0] is None
    workload.begun("a", counts(500))
    assert workload.amounts == (Amount(500 + 1_000 + 10, 0), Amount(0))


def test_samples_are_alike_however_long_their_texts_are() -> None:
    workload = Workload([waiting("a", ".txt", 10), waiting("b", ".epub", 5_000)], alike=True)
    assert workload.amounts[0] is None
    workload.begun("a", counts(70))
    assert workload.amounts == (Amount(140, 0), Amount(0))


@pytest.mark.parametrize("columns", [100])
def test_the_time_that_is_left_of_many_texts_is_shown(program: Program, columns: int) -> None:
    for number in range(1, 5):
        program.write(f"in/{number}.txt", paragraphs(3).replace("This", f"Text {number}"))
    run = Terminal(
        program, "run", "in", "-o", "out", "--at-a-time", "1", *ONE_WORKER, *sim(chunk_s=0.4), columns=columns
    )
    shown = run.show_until(r"\d+%  [1-3] of 4 texts")
    assert re.search(r" of speech, .* x real time, about .* left", shown)
    assert run.end() == 0
    parts = [int(part) for frame in run.frames for part in re.findall(r"(\d+)%  \d of 4", frame)]
    assert parts == sorted(parts)
    assert parts[-1] <= 100
    assert "4 spoken" in run.frames[-1]
