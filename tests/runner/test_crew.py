"""The worker processes of a runner: a device takes no new one while an old one is dying on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from ttsflow.interface.device import Device
from ttsflow.interface.policy import WorkerSpec
from ttsflow.runner.crew import Crew
from ttsflow.scheduler.messages import Died, StartWorker, WorkerReady

HELPERS = Path(__file__).parents[1] / "workers"
ONE, OTHER = Device("one", "cpu"), Device("other", "cpu")


class Watched:
    """A crew, and what its workers tell."""

    def __init__(self, recipe: Any) -> None:
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self.crew = Crew(recipe, self.inbox.put)

    def start(self, worker: str, generation: int = 1, device: Device = ONE) -> None:
        self.crew.start(StartWorker(worker, generation, WorkerSpec(device)))

    def runs(self, worker: str, generation: int = 1) -> bool:
        return self.crew.get(worker, generation) is not None

    def hear(self, *expected: tuple[type, str, int]) -> None:
        """Wait for so many events, which are these in any order; the dead are not forgotten yet."""
        events = [self.inbox.get(timeout=20) for _ in expected]
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
        each.crew.kill_all()
        while len(each.crew):
            event = each.inbox.get(timeout=20)
            if isinstance(event, Died):
                each.crew.forget(event.worker, event.generation)


def test_a_start_waits_until_the_last_dying_worker_of_its_device_is_gone(
    watched: Callable[[], Watched],
) -> None:
    it = watched()
    it.start("w0")
    it.start("w1")
    it.hear((WorkerReady, "w0", 1), (WorkerReady, "w1", 1))
    it.crew.kill("w0", 1)
    it.crew.kill("w1", 1)
    it.start("w2")
    it.start("w0", 2)
    it.start("w3", device=OTHER)
    assert it.runs("w3"), "nothing dies on that device"
    it.hear((Died, "w0", 1), (Died, "w1", 1), (WorkerReady, "w3", 1))
    it.crew.forget("w0", 1)
    assert not it.runs("w2")
    it.crew.forget("w1", 1)
    assert it.runs("w2")
    assert it.runs("w0", 2)


@pytest.mark.parametrize("drop", [lambda crew: crew.kill("w1", 1), Crew.close, Crew.kill_all])
def test_a_start_that_is_held_back_can_be_dropped(
    watched: Callable[[], Watched], drop: Callable[[Crew], None]
) -> None:
    it = watched()
    it.start("w0")
    it.crew.kill("w0", 1)
    it.start("w1")
    drop(it.crew)
    it.hear((Died, "w0", 1))
    it.crew.forget("w0", 1)
    assert not it.runs("w1")


def test_a_worker_that_died_by_itself_holds_nothing_up(watched: Callable[[], Watched]) -> None:
    it = watched()
    it.start("w0")
    it.start("w1")
    assert it.runs("w0")
    assert it.runs("w1")
