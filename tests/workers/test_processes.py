"""The worker processes of a runner: a device takes no new one while an old one dies on it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Alive, Died
from ttsflow.workers.processes import WorkerProcesses

HELPERS = Path(__file__).parent
ONE, OTHER = Device("one", "cpu"), Device("other", "cpu")


class Watched:
    """Worker processes, and what they post."""

    def __init__(self, recipe: Any) -> None:
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self.infos: list[WorkerInfo] = []
        self.workers = WorkerProcesses(recipe, self.post)

    def post(self, event: Any) -> None:
        if not isinstance(event, Alive):  # they come at any time
            self.inbox.put(event)

    def start(self, worker: str, generation: int = 1, device: Device = ONE) -> None:
        self.workers.start(worker, generation, WorkerSpec(device))

    def forget(self, worker: str, generation: int = 1) -> int:
        """Forget a worker; how many there are then."""
        self.workers.forget(worker, generation)
        return len(self.workers)

    def hear(self, *expected: tuple[type, str, int]) -> None:
        """Wait for so many events, which are these in any order; the dead are not forgotten yet."""
        events = [self.inbox.get(timeout=60) for _ in expected]
        self.infos += [event for event in events if isinstance(event, WorkerInfo)]
        assert {(type(event), event.worker, event.generation) for event in events} == set(expected)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Watched]]:
    monkeypatch.syspath_prepend(str(HELPERS))
    from speakers import SpeakerRecipe

    made: list[Watched] = []

    def make() -> Watched:
        made.append(Watched(SpeakerRecipe()))
        return made[-1]

    yield make
    for each in made:
        each.workers.kill_all()
        while len(each.workers):
            event = each.inbox.get(timeout=60)
            if isinstance(event, Died):
                each.workers.forget(event.worker, event.generation)


def test_a_start_waits_until_the_last_dying_worker_of_its_device_is_gone(
    watched: Callable[[], Watched],
) -> None:
    it = watched()
    it.start("w0")
    it.start("w1")
    it.hear((WorkerInfo, "w0", 1), (WorkerInfo, "w1", 1))
    it.workers.kill("w0", 1)
    it.workers.kill("w1", 1)
    it.start("w2")
    it.start("w0", 2)
    it.start("w3", device=OTHER)
    it.hear((Died, "w0", 1), (Died, "w1", 1), (WorkerInfo, "w3", 1))  # nothing dies on the other device
    assert it.forget("w0") == 2, "the one that dies, and the one elsewhere"
    assert it.forget("w1") == 3
    it.hear((WorkerInfo, "w2", 1), (WorkerInfo, "w0", 2))


@pytest.mark.parametrize(
    "drop", [lambda workers: workers.kill("w1", 1), WorkerProcesses.close, WorkerProcesses.kill_all]
)
def test_a_start_that_is_held_back_can_be_dropped(
    watched: Callable[[], Watched], drop: Callable[[WorkerProcesses], None]
) -> None:
    it = watched()
    it.start("w0")
    it.workers.kill("w0", 1)
    it.start("w1")
    drop(it.workers)
    it.hear((Died, "w0", 1))
    assert it.forget("w0") == 0
    assert it.inbox.empty()


def test_a_worker_that_died_by_itself_holds_nothing_up(watched: Callable[[], Watched]) -> None:
    it = watched()
    it.start("w0")
    it.start("w1")
    assert len(it.workers) == 2
    it.hear((WorkerInfo, "w0", 1), (WorkerInfo, "w1", 1))
    [info] = [info for info in it.infos if info.worker == "w0"]
    os.kill(info.pid, signal.SIGKILL)
    it.hear((Died, "w0", 1))
    it.start("w2")
    assert len(it.workers) == 3, "the dead one is not forgotten yet"
    it.hear((WorkerInfo, "w2", 1))
    assert it.forget("w0") == 2


def test_calls_for_a_worker_that_is_not_there_do_nothing(watched: Callable[[], Watched]) -> None:
    workers = watched().workers
    workers.start_job("w0", 1, 7, ChunkJob("s", 0, "hello"))
    workers.cancel_job("w0", 1, 7)
    workers.kill("w0", 1)
    workers.forget("w0", 1)
    assert len(workers) == 0
