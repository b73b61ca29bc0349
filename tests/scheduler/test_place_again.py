"""Policies that want other workers while a run goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from tests.scheduler.hand import Hand, Wide, gpus, job
from tests.scheduler.random_policies import Restless
from ttsflow import ChunkJob, Device, PolicyError, Profile, View, WorkerSpec, WorkerView
from ttsflow.interface.jobs import Account
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.policy_guard import PLACED_FOR_S
from ttsflow.testing import ROUGH
from ttsflow.testing.fault_tester import Faults, run_schedule


class Asking(Wide):
    """Asks with every decision for so many workers, each with so many slots, on the first device."""

    name = "asking"

    def __init__(self, count: int = 1, slots: int = 1) -> None:
        super().__init__()
        self.count, self.slots, self.placed = count, slots, 0

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        self.placed += 1
        return [WorkerSpec(devices[0], self.slots) for _ in range(self.count)]

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        view.place_again()
        return super().dispatch(view)


def speaking(policy: Asking, chunks: int = 12) -> Hand:
    hand = Hand(policy, gpus(1))
    hand.load_all()
    hand.open(*map(job, range(chunks)))
    return hand


def wait(hand: Hand) -> None:
    """Time goes by until a placement may follow."""
    hand.feed(after=PLACED_FOR_S)


def speak_all(hand: Hand) -> None:
    while hand.running:
        hand.write(hand.speak(hand.running[0].token, "x"))
        hand.load_all()


def test_more_workers() -> None:
    policy = Asking()
    hand = speaking(policy)
    policy.count = 3
    wait(hand)
    hand.finish(0)
    assert len(hand.all(msg.StartWorker)) == 3
    assert hand.kills == []
    hand.load_all()
    assert len(hand.running) == 3
    speak_all(hand)
    assert hand.account() == Account(submitted=12, delivered=12)


def test_fewer_workers_finish_what_they_speak() -> None:
    policy = Asking(3)
    hand = speaking(policy)
    policy.count = 1
    wait(hand)
    hand.finish(0)
    assert hand.kills == [] or len(hand.kills) == 1  # the one that had nothing to do
    speak_all(hand)
    assert len(hand.kills) == 2
    assert {why for _, _, why in hand.kills} == {"no longer placed"}
    assert [start.job.index for start in hand.started] == list(range(12)), "each once"
    assert hand.account() == Account(submitted=12, delivered=12)


def test_more_slots_are_a_new_worker_when_the_old_one_is_through() -> None:
    policy = Asking()
    hand = speaking(policy)
    policy.slots = 3
    wait(hand)
    hand.finish(0)
    assert len(hand.all(msg.StartWorker)) == 1, "the next chunk was started before"
    hand.finish(1)
    assert hand.kills == [("w0", 1, "no longer placed")]
    assert [start.spec.slots for start in hand.all(msg.StartWorker)] == [1, 3]
    hand.load_all()
    assert len(hand.running) == 3
    speak_all(hand)
    assert hand.account() == Account(submitted=12, delivered=12)


def test_who_asks_all_the_time_is_heard_every_ten_seconds() -> None:
    policy = Asking()
    hand = speaking(policy, chunks=40)
    for index in range(40):  # a second each
        hand.finish(index)
    assert policy.placed == 1 + hand.now // PLACED_FOR_S


def test_nobody_is_heard_while_workers_load() -> None:
    policy = Asking()
    hand = speaking(policy)
    policy.count = 2
    wait(hand)
    hand.finish(0)
    assert policy.placed == 2
    policy.count = 3
    wait(hand)
    hand.finish(1)
    assert policy.placed == 2, "the second worker still loads"
    hand.load_all()
    hand.finish(2)
    assert policy.placed == 3


def test_a_bad_answer_ends_the_run_as_at_the_start() -> None:
    policy = Asking()
    hand = speaking(policy)
    policy.count = 0
    wait(hand)
    hand.finish(0)
    assert isinstance(hand.error, PolicyError)
    assert "place returned no worker" in str(hand.error)


@pytest.mark.parametrize("faults", [Faults(), ROUGH], ids=["undisturbed", "rough"])
def test_whoever_asks_at_random_keeps_every_promise(faults: Faults) -> None:
    """Each job once, in order, whatever workers come and go."""
    moved = 0
    for seed in range(150):
        result = run_schedule(seed, Restless, faults)
        moved += sum("share" in notice for notice in result.notices) > 1
    assert moved > 20, "placements did change while jobs were spoken"


@pytest.mark.parametrize("slots", [1, 4])
def test_the_same_placement_changes_nothing(slots: int) -> None:
    hand = speaking(Asking(2, slots), chunks=60)
    speak_all(hand)
    assert len(hand.all(msg.StartWorker)) == 2
    assert len(hand.notices) == 1, "two workers share a GPU: said once"
    assert hand.account() == Account(submitted=60, delivered=60)
