"""Devices and workers that are no more, driven by hand: the work goes elsewhere, or the run ends."""

from __future__ import annotations

import pytest

from tests.scheduler.hand import Deep, Hand, Wide, gpus, job
from ttsflow import WorkerError
from ttsflow.interface.jobs import Account
from ttsflow.scheduler import messages as msg


def speaking(hand: Hand, chunks: int = 8) -> Hand:
    hand.load_all()
    hand.open(*map(job, range(chunks)))
    return hand


def lose(hand: Hand, worker: str) -> list[msg.Command]:
    token = next(start.token for start in hand.running if start.worker == worker)
    return hand.feed(msg.Failed(token, "fell off the bus", "device lost"))


class TestLost:
    def test_it_is_retired_and_its_jobs_go_elsewhere_without_blame(self) -> None:
        hand = speaking(Hand(Deep(), gpus(2), retries=0, deaths=1))
        lose(hand, "w0")
        assert hand.kills == [("w0", 1, "cuda:0 is lost")]
        assert "cuda:0 is given up: fell off the bus" in hand.notices
        while hand.running:
            assert {start.worker for start in hand.running} == {"w1"}
            hand.write(hand.speak(hand.running[0].token, "x"))
        assert hand.account() == Account(submitted=8, delivered=8)
        assert len(hand.all(msg.StartWorker)) == 2

    def test_every_worker_on_it_goes(self) -> None:
        class Two(Wide):
            def place(self, devices, profile):
                return [spec for spec in super().place(devices, profile) for _ in range(2)]

        hand = speaking(Hand(Two(), gpus(2)), chunks=4)
        lose(hand, "w0")
        assert [kill[0] for kill in hand.kills] == ["w0", "w1"]
        assert {start.worker for start in hand.running} == {"w2", "w3"}

    def test_it_stays_lost_when_the_devices_change(self) -> None:
        hand = speaking(Hand(Deep(), gpus(2)))
        lose(hand, "w0")
        hand.feed(msg.DevicesChanged(gpus(3)))
        assert [start.spec.device.id for start in hand.all(msg.StartWorker)] == ["cuda:0", "cuda:1", "cuda:2"]

    def test_what_its_workers_say_afterwards_is_nothing(self) -> None:
        hand = speaking(Hand(Deep(), gpus(2)))
        lost = [start.token for start in hand.running if start.worker == "w0"]
        lose(hand, "w0")
        assert hand.feed(msg.Finished(lost[1]), msg.Died("w0", 1, "killed")) == []

    def test_a_worker_that_waits_there_is_not_started(self) -> None:
        class Two(Wide):
            def place(self, devices, profile):
                return [spec for spec in super().place(devices, profile) for _ in range(2)]

        hand = Hand(Two(), gpus(2))
        hand.feed(msg.LoadFailed("w1", 1, "no"))
        hand.feed(*(msg.WorkerReady(name, 1) for name in ("w0", "w2", "w3")))
        hand.open(*map(job, range(3)))
        hand.feed(
            msg.LoadFailed("w1", 2, "no"),
            msg.Failed(hand.running[0].token, "fell off the bus", "device lost"),
        )
        assert [kill[0] for kill in hand.kills] == ["w0"]
        hand.feed(msg.Tick(), after=60.0)
        assert hand.generation("w1") == 2

    def test_the_last_one_ends_the_run(self) -> None:
        hand = speaking(Hand())
        lose(hand, "w0")
        assert isinstance(hand.error, WorkerError)
        assert str(hand.error) == (
            "no worker is left to speak with. The last was the last on cuda:0: fell off the bus"
        )
        assert hand.account() == Account(submitted=8, not_reached=8)

    def test_without_work_it_ends_nothing_until_there_is_some(self) -> None:
        hand = speaking(Hand(), chunks=1)
        hand.feed(msg.CancelStream("s"))
        hand.feed(msg.Failed(1, "fell off the bus", "device lost"))
        assert not hand.all(msg.Stop)
        hand.open(job(0, "t"), stream="t")
        assert isinstance(hand.error, WorkerError)

    def test_a_suspect_that_runs_there_goes_elsewhere(self) -> None:
        hand = speaking(Hand(Deep(), gpus(2)), chunks=4)
        hand.die("w0")  # 0 and 2; w1 has 1 and 3
        hand.finish(1)
        hand.finish(3)
        assert [(start.worker, start.job.index) for start in hand.running] == [("w1", 0)]
        lose(hand, "w1")
        hand.revive("w0")
        assert [(start.worker, start.job.index) for start in hand.running] == [("w0", 0)]


class TestRestarts:
    def test_each_comes_later_than_the_one_before(self) -> None:
        hand = Hand(restarts=20)
        hand.open(job(0))
        waits = []
        for _ in range(9):
            generation, died_s = hand.generation(), hand.now + 1.0
            hand.die()
            while hand.generation() == generation:
                hand.tick()
            waits.append(hand.now - died_s)
        assert waits == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]

    def test_one_that_has_spoken_is_restarted_at_once_again(self) -> None:
        hand = speaking(Hand())
        for _ in range(2):
            hand.die()
            hand.revive()
        hand.write(hand.speak(hand.running[0].token, "x"))
        commands = hand.die()
        assert [type(c) for c in commands if isinstance(c, msg.StartWorker)] == [msg.StartWorker]

    def test_work_waits_for_one_that_rests(self) -> None:
        hand = Hand()
        hand.open(job(0))
        hand.die()
        hand.die()
        assert not hand.all(msg.Stop)
        hand.revive()
        hand.finish(0)
        assert hand.account() == Account(submitted=1, delivered=1)

    def test_one_that_is_no_longer_placed_does_not_come_back(self) -> None:
        hand = Hand(Wide(), gpus(2))
        hand.die("w1")
        hand.feed(msg.Died("w1", 2, "killed"), msg.DevicesChanged(gpus(1)))
        hand.feed(msg.Tick(), after=60.0)
        assert hand.generation("w1") == 2

    @pytest.mark.parametrize("permanent", [True, False])
    def test_the_last_worker_of_a_device_takes_it_along(self, permanent: bool) -> None:
        hand = Hand(Wide(), gpus(2), restarts=0)
        hand.feed(msg.LoadFailed("w0", 1, "no weights", permanent), msg.WorkerReady("w1", 1))
        times = "" if permanent else " after 1 deaths in a row"
        assert hand.notices == [f"worker w0 on cuda:0 given up{times}: no weights"]
        hand.feed(msg.DevicesChanged(gpus(2)))
        assert len(hand.all(msg.StartWorker)) == 2

    def test_others_on_the_device_go_on(self) -> None:
        class Two(Wide):
            def place(self, devices, profile):
                return [spec for spec in super().place(devices, profile) for _ in range(2)]

        hand = Hand(Two(), gpus(1), restarts=0)
        hand.feed(msg.LoadFailed("w0", 1, "no memory", permanent=True), msg.WorkerReady("w1", 1))
        hand.open(job(0))
        hand.finish(0)
        assert hand.account().delivered == 1

    def test_one_that_drains_and_dies_is_not_missed(self) -> None:
        hand = speaking(Hand(Wide(), gpus(2)))
        hand.feed(msg.DevicesChanged(gpus(1)))
        hand.die("w1")
        assert hand.generation("w1") == 1
        for index in range(8):
            hand.finish(index)
        assert hand.account().delivered == 8


def test_a_worker_that_waits_to_start_goes_with_its_device() -> None:
    class Growing(Wide):
        def place(self, devices, profile):
            specs = list(super().place(devices, profile))
            self.slots += 1  # a worker has its slots from its start: the next one takes its place
            return specs

    hand = speaking(Hand(Growing(), gpus(1)))
    hand.feed(msg.DevicesChanged(gpus(1)))
    lose(hand, "w0")
    assert len(hand.all(msg.StartWorker)) == 1
    assert isinstance(hand.error, WorkerError)
