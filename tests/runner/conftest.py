"""Runners with real worker processes, of which nothing is left when a test ends."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.runner.doubles import CPU, QUICK, Some
from ttsflow.interface.policy import Policy
from ttsflow.interface.profile import Profile
from ttsflow.runner import Runner
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits
from ttsflow.workers.processes import WorkerProcesses

HELPERS = Path(__file__).parents[1] / "workers"


@pytest.fixture
def speakers(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HELPERS))
    import speakers

    return speakers


@pytest.fixture
def started(tmp_path: Path) -> Callable[[], list[int]]:
    """The process ids of all workers that have been started."""
    pids = tmp_path / "pids"
    return lambda: [int(line) for line in pids.read_text().split()] if pids.exists() else []


@pytest.fixture
def run(speakers: Any, started: Any, tmp_path: Path) -> Iterator[Callable[..., Runner]]:
    """Makes runners; afterwards no thread and no process of theirs is left."""
    threads = set(threading.enumerate())

    def begin(
        policy: Policy | None = None,
        limits: Limits = QUICK,
        observer: Any = None,
        chorus: bool = False,
        recipe: Any = None,
        **options: Any,
    ) -> Runner:
        options["started"] = str(tmp_path / "pids")
        profile = Profile("speaker", speakers.RATE, rtf=0.001, slots=4)
        scheduler = Scheduler(policy or Some(), [CPU], profile, limits)
        recipe = recipe or speakers.SpeakerRecipe(tuple(options.items()), chorus)
        return Runner(scheduler, partial(WorkerProcesses, recipe), limits, observer)

    yield begin
    assert set(threading.enumerate()) <= threads
    for pid in started():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    gc.collect()  # a pipe left open would warn
