"""Whose fault it was that a worker died, driven by hand: suspects run alone, and only the guilty are lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest

from tests.scheduler.hand import Deep, Hand, gpus, job
from ttsflow import ChunkJob, View, WorkerView
from ttsflow.interface.jobs import Account
from ttsflow.scheduler import messages as msg


def speaking(hand: Hand, chunks: int = 4, text: str = "some words") -> Hand:
    hand.load_all()
    hand.open(*(job(index, text=text) for index in range(chunks)))
    return hand


def indices(hand: Hand) -> list[int]:
    return [start.job.index for start in hand.running]


def speak_all(hand: Hand, poison: Collection[int], stream: str = "s") -> None:
    """Workers speak what they are given; one that has a poison chunk, or a part of it, dies."""
    suspects: set[int] = set()
    while not [end for end in hand.all(msg.StreamFinished) if end.stream == stream]:
        [*beside] = hand.running
        killer = next((start for start in beside if start.job.index in poison), None)
        for worker in {start.worker for start in beside}:
            there = {start.job.index for start in beside if start.worker == worker}
            assert len(there) == 1 or not there & suspects
        if killer is None:
            suspects.discard(beside[0].job.index)
            hand.write(hand.speak(beside[0].token, f"audio {beside[0].job.index}"))
        else:
            suspects |= {start.job.index for start in beside if start.worker == killer.worker}
            hand.die(killer.worker)
            hand.revive(killer.worker)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("poison", [(3, 17), (0, 1), (28, 29), (5,)])
def test_only_what_kills_is_lost(workers: int, poison: tuple[int, ...]) -> None:
    hand = speaking(Hand(Deep(), gpus(workers)), chunks=30)
    speak_all(hand, poison)
    assert hand.account() == Account(submitted=30, delivered=30 - len(poison), failed=len(poison))
    assert [gave_up.outcome.job.index for gave_up in hand.all(msg.ChunkFailed)] == list(poison)
    assert hand.heard == [f"audio {index}" for index in range(30) if index not in poison]


def test_a_worker_may_die_of_nothing_at_all() -> None:
    hand = speaking(Hand(Deep(), deaths=1, retries=0))
    hand.die()
    hand.revive()
    speak_all(hand, poison=())
    assert hand.account() == Account(submitted=4, delivered=4)


class TestAlone:
    def test_suspects_run_one_by_one_and_before_all_others(self) -> None:
        hand = speaking(Hand(Deep()), chunks=8)
        hand.die()
        hand.revive()
        for index in range(4):
            assert indices(hand) == [index]
            hand.finish(index)
        assert indices(hand) == [4, 5, 6, 7]

    def test_the_policy_has_no_slot_of_a_worker_that_is_kept_for_one(self) -> None:
        offered: list[tuple[float, str]] = []

        class Looks(Deep):
            def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
                for chunk, worker in super().dispatch(view):
                    offered.append((view.now, worker.id))
                    assert worker.free_slots
                    yield chunk, worker

        hand = speaking(Hand(Looks(), gpus(2)), chunks=12)
        assert [start.worker for start in hand.running] == ["w0", "w1"] * 4
        hand.die("w0")
        died_s = hand.now
        for index in (1, 3, 5):
            hand.finish(index)
            assert {start.worker for start in hand.running} == {"w1"}  # it empties
        hand.finish(7)
        assert [(start.worker, start.job.index) for start in hand.running] == [("w1", 0)]
        assert not [name for when_s, name in offered if when_s >= died_s]
        hand.revive("w0")  # and is kept for the second
        assert [(start.worker, start.job.index) for start in hand.running] == [("w1", 0), ("w0", 2)]
        hand.finish(0)
        hand.finish(2)
        hand.finish(4)
        hand.finish(6)
        assert indices(hand) == [8, 9, 10, 11]

    def test_a_suspect_takes_the_worker_with_the_least_to_do(self) -> None:
        hand = speaking(Hand(Deep(), gpus(3)), chunks=7)
        assert [start.worker for start in hand.running] == ["w0", "w1", "w2", "w0", "w1", "w2", "w0"]
        hand.finish(1)
        hand.die("w0")  # with 0, 3 and 6; w1 has one job, w2 two
        hand.finish(4)
        assert [(start.worker, start.job.index) for start in hand.running][-1] == ("w1", 0)

    def test_one_that_was_kept_for_it_may_die_too(self) -> None:
        hand = speaking(Hand(Deep(), gpus(2)), chunks=4)
        hand.die("w0")  # with 0 and 2; w1 has 1 and 3
        hand.die("w1")
        hand.revive("w1")
        assert [(start.worker, start.job.index) for start in hand.running] == [("w1", 0)]
        speak_all(hand, poison=())
        assert hand.account().delivered == 4

    def test_one_that_was_kept_for_it_may_be_given_up(self) -> None:
        hand = speaking(Hand(Deep(), gpus(3)), chunks=3)
        hand.die("w0")
        assert indices(hand) == [1, 2]  # chunk 0 waits for w1 or w2 to be done
        hand.feed(msg.DevicesChanged(gpus(3)[:1] + gpus(3)[2:]))  # w1 finishes what it has, and goes
        hand.finish(1)
        assert hand.kills == [("w1", 1, "no longer placed")]
        hand.finish(2)
        assert [(start.worker, start.job.index) for start in hand.running] == [("w2", 0)]

    def test_one_that_was_kept_for_it_may_be_lost_with_its_device(self) -> None:
        hand = speaking(Hand(Deep(), gpus(3)), chunks=6)
        hand.die("w0")  # with 0 and 3; w1 has 1 and 4, w2 has 2 and 5
        hand.fail(1, "fell off the bus", "device lost")
        hand.finish(2)
        hand.finish(5)
        assert [(start.worker, start.job.index) for start in hand.running] == [("w2", 3)]
        hand.revive("w0")
        speak_all(hand, poison=())
        assert hand.account().delivered == 6

    def test_it_stays_alone_when_it_is_tried_again(self) -> None:
        hand = speaking(Hand(Deep()), chunks=5)
        hand.die()
        hand.revive()
        hand.fail(0)
        assert indices(hand) == [0]


class TestConviction:
    def test_before_it_a_chunk_is_spoken_in_parts(self) -> None:
        hand = speaking(Hand(), chunks=2)
        hand.die(why="segfault")
        hand.revive()
        hand.die(why="segfault")
        assert hand.notices[-1] == "chunk 0 of 's' is spoken in 2 parts: worker w0 died: segfault"
        hand.revive()
        assert [start.job for start in hand.running] == job(0).split(["some", "words"])[:1]
        hand.finish(0, part=0)
        assert [start.job.part for start in hand.running] == [(1,)]
        hand.finish(0, part=1)
        assert (hand.outcome().status, hand.outcome().attempts) == ("ok", 4)
        assert hand.heard == ["audio 0.0", "audio 0.1"]

    def test_the_part_that_kills_is_named(self) -> None:
        hand = speaking(Hand(), chunks=2)
        for _ in range(2):
            hand.die()
            hand.revive()
        hand.finish(0, part=0)
        hand.die(why="segfault")
        assert (hand.outcome().status, hand.outcome().why) == (
            "failed", "part 2 of 2: worker w0 died: segfault",
        )  # fmt: skip
        assert hand.outcome().attempts == 4
        hand.revive()
        assert indices(hand) == [1]

    def test_what_cannot_be_parted_is_convicted_as_it_is(self) -> None:
        hand = speaking(Hand(), chunks=1, text="I")
        hand.die()
        hand.revive()
        hand.die(why="segfault")
        assert hand.outcome().why == "worker w0 died: segfault"
        assert hand.account() == Account(submitted=1, failed=1)

    @pytest.mark.parametrize("deaths", [1, 2, 3])
    def test_so_many_deaths_are_needed(self, deaths: int) -> None:
        hand = speaking(Hand(deaths=deaths, retries=0, restarts=9), chunks=1)
        for _ in range(deaths):  # of the whole
            assert indices(hand) == [0]
            hand.die()
            hand.revive()
        assert [start.job.part for start in hand.running] == [(0,)]
        assert not hand.all(msg.ChunkFailed)
        hand.die()  # the part has inherited all but one
        assert hand.outcome().attempts == deaths + 1

    def test_the_last_of_them_must_have_been_alone(self) -> None:
        hand = speaking(Hand(Deep(), deaths=1), chunks=2)
        hand.die()
        hand.revive()
        assert not hand.all(msg.ChunkFailed)
        assert [start.job for start in hand.running] == [job(0)]

    def test_deaths_do_not_use_up_the_retries(self) -> None:
        hand = speaking(Hand(deaths=3, retries=1), chunks=1)
        hand.die()
        hand.revive()
        hand.fail(0)
        hand.die()
        hand.revive()
        hand.finish(0)
        assert (hand.outcome().status, hand.outcome().attempts) == ("ok", 4)

    def test_a_worker_that_tells_it_is_broken_is_as_good_as_dead(self) -> None:
        hand = speaking(Hand(Deep()), chunks=4)
        hand.fail(1, "device-side assert", "broken worker")
        assert hand.kills == [("w0", 1, "device-side assert")]
        assert hand.generation() == 2
        hand.revive()
        assert indices(hand) == [0]
        hand.finish(0)
        hand.fail(1, "device-side assert", "broken worker")
        hand.revive()
        assert [start.job.part for start in hand.running] == [(0,)]
        hand.fail(1, "device-side assert", "broken worker", part=0)
        assert hand.outcome(1).why == "part 1 of 2: worker w0 died: device-side assert"


class TestCancelledSuspects:
    def test_one_that_waits_is_not_started(self) -> None:
        hand = speaking(Hand(Deep()), chunks=2)
        hand.open(job(0, "t"), stream="t")
        hand.die()
        hand.feed(msg.CancelStream("s"))
        hand.revive()
        assert [(start.job.stream, start.job.index) for start in hand.running] == [("t", 0)]

    def test_one_that_a_worker_is_kept_for_is_not_started_and_the_worker_is_free_again(self) -> None:
        hand = speaking(Hand(Deep(), gpus(2)), chunks=2)
        hand.open(*(job(index, "t") for index in range(7)), stream="t")
        assert len(hand.running) == 8
        hand.die("w0")
        hand.feed(msg.CancelStream("s"))
        started = len(hand.started)
        hand.feed(*(msg.Cancelled(token.token) for token in hand.running if token.job.stream == "s"))
        speak_all(hand, poison=(), stream="t")
        assert all(start.job.stream == "t" for start in hand.started[started:])
        assert hand.account("t").delivered == 7

    def test_one_that_runs_is_let_go_of_and_its_worker_is_free_again(self) -> None:
        hand = speaking(Hand(), chunks=1)
        hand.die()
        hand.revive()
        hand.open(job(0, "t"), stream="t")
        commands = hand.feed(msg.CancelStream("s"))
        [cancel] = [command for command in commands if isinstance(command, msg.CancelJob)]
        assert hand.running[-1].job.stream == "s"
        hand.feed(msg.Cancelled(cancel.token))
        assert hand.running[-1].job.stream == "t"

    def test_what_was_cancelled_is_not_tried_again_when_its_worker_dies(self) -> None:
        hand = speaking(Hand(), chunks=1)
        hand.feed(msg.CancelStream("s"))
        hand.die()
        hand.revive()
        assert not hand.running


def test_what_was_on_a_lost_device_is_not_suspected() -> None:
    hand = speaking(Hand(Deep(), gpus(2), retries=0, deaths=1), chunks=8)
    on_w0 = [start for start in hand.running if start.worker == "w0"]
    hand.feed(msg.Failed(on_w0[0].token, "fell off the bus", "device lost"))
    for start in [start for start in hand.running if start.worker == "w1"]:
        hand.speak(start.token, "x")
    assert [start.worker for start in hand.running] == ["w1"] * 4  # side by side
    assert [start.job for start in hand.running] == [start.job for start in on_w0]


def test_what_was_beside_a_job_that_was_not_let_go_of_is_not_suspected() -> None:
    hand = speaking(Hand(Deep(), retries=0, deaths=1), chunks=1)
    hand.open(job(0, "t"), job(1, "t"), stream="t")
    hand.feed(msg.CancelStream("s"))
    hand.tick()
    hand.revive()
    assert [start.job.index for start in hand.running] == [0, 1]


def test_a_policy_that_gives_a_job_to_a_worker_that_is_kept_is_told() -> None:
    class Insists(Deep):
        def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
            last = list(view.workers)[-1]
            for chunk in list(view.ready):
                yield chunk, last

    hand = speaking(Hand(Insists(), gpus(2)), chunks=4)
    hand.die("w1")
    assert [(start.worker, start.job.index) for start in hand.running] == [("w0", 0)]
    hand.revive("w1")
    hand.open(job(0, "t"), stream="t")
    for index in range(3):
        hand.finish(index)
    assert [(start.worker, start.job.index) for start in hand.running] == [("w1", 3)]
    assert "no slot is free" in str(hand.error)
