"""The moments at which a run is killed: any in its life, and some that are aimed at."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.crash_loop.runs import Run

Moment = Callable[[Run, random.Random], bool]
"""waits for a moment; False where the run has ended before"""


def start(run: Run, rng: random.Random) -> bool:
    """While it starts: imports, reading, the store opened or made, the text planned."""
    return run.wait(rng.uniform(0.0, 0.7))


def loading(run: Run, rng: random.Random) -> bool:
    """While workers load."""
    return run.until(lambda: bool(run.workers())) and run.wait(rng.uniform(0.0, 0.3))


def speaking(run: Run, rng: random.Random) -> bool:
    """While chunks are spoken."""
    return run.until(run.speaks) and run.wait(rng.uniform(0.0, 0.4))


def committing(run: Run, rng: random.Random) -> bool:
    """As the store's log is written: in a commit, or just after it."""
    if not run.until(run.speaks):
        return False
    commits, nth = run.commits(), rng.randint(1, 8)
    return run.until(lambda: commits() >= nth)


def building(run: Run, rng: random.Random) -> bool:
    """While the output is written."""
    return run.until(run.builds) and run.wait(rng.choice((0.0, rng.uniform(0.0, 0.1))))


def renaming(run: Run, rng: random.Random) -> bool:
    """As the output comes to its place, just before, or just after that."""
    if rng.random() < 0.5:
        return run.until(lambda: run.written() or run.built())
    return run.until(run.built) and run.wait(rng.choice((0.0, rng.uniform(0.0, 0.01))))


EARLY = {start: 2, loading: 2, speaking: 4, committing: 5}
LATE = {start: 1, building: 5, renaming: 5}
NEARLY_DONE = 12  # chunks left, from which on a run may be let go on to its build


def choose(rng: random.Random, left: int | None) -> Moment:
    """A moment for a run with so many chunks left; None where that is not known."""
    if left == 0:
        weights = LATE
    elif left is not None and left <= NEARLY_DONE:
        weights = EARLY | LATE
    else:
        weights = EARLY
    (moment,) = rng.choices(list(weights), list(weights.values()))
    return moment
