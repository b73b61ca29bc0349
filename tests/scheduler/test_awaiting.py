"""Somebody waits for the workers, driven by hand."""

from __future__ import annotations

import pytest

from tests.scheduler.hand import Hand, gpus, job
from ttsflow import WorkerError
from ttsflow.interface.jobs import Account
from ttsflow.scheduler import messages as msg

AWAIT = msg.AwaitWorkers()


def loaded(commands: list[msg.Command]) -> bool:
    return commands.count(msg.WorkersLoaded()) == 1


def test_it_is_told_when_the_last_worker_has_loaded_and_not_again() -> None:
    hand = Hand(devices=gpus(2))
    assert not loaded(hand.feed(AWAIT))
    assert not loaded(hand.feed(msg.WorkerReady("w0", 1)))
    assert loaded(hand.feed(msg.WorkerReady("w1", 1)))
    assert not loaded(hand.feed(msg.Tick()))
    assert loaded(hand.feed(AWAIT, AWAIT)), "at once, where all have loaded"


def test_nobody_is_told_who_does_not_wait() -> None:
    hand = Hand()
    hand.load_all()
    assert hand.all(msg.WorkersLoaded) == []


def test_a_worker_that_is_started_again_is_waited_for() -> None:
    hand = Hand(devices=gpus(2), restarts=3)
    hand.feed(AWAIT, msg.WorkerReady("w1", 1))
    for _ in range(2):
        assert not loaded(hand.die())
    while (start := hand.all(msg.StartWorker)[-1]).generation < 3:
        assert not loaded(hand.tick())
    assert loaded(hand.feed(msg.WorkerReady("w0", start.generation)))


def test_one_that_is_given_up_is_not_waited_for() -> None:
    hand = Hand(devices=gpus(2))
    hand.feed(AWAIT, msg.WorkerReady("w1", 1))
    assert loaded(hand.feed(msg.LoadFailed("w0", 1, "no such model", permanent=True)))


@pytest.mark.parametrize("asked", ["before", "after"])
def test_where_none_is_left_the_run_ends(asked: str) -> None:
    hand = Hand()
    if asked == "before":
        hand.feed(AWAIT)
    hand.feed(msg.LoadFailed("w0", 1, "no such model", permanent=True))
    if asked == "after":
        assert hand.all(msg.Stop) == [], "nobody needs a worker"
        hand.feed(AWAIT)
    assert isinstance(hand.error, WorkerError)
    assert "no worker is left to speak with. The last was w0 on cuda:0: no such model" in str(hand.error)
    assert hand.all(msg.WorkersLoaded) == []


def test_it_is_told_while_the_scheduler_drains_too() -> None:
    hand = Hand()
    hand.open(job(0))
    hand.feed(msg.Drain())
    assert hand.account() == Account(submitted=1, not_reached=1)
    assert not loaded(hand.feed(AWAIT))
    assert loaded(hand.feed(msg.WorkerReady("w0", 1)))
