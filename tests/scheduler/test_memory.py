"""Memory, driven by hand: a device that has too little is asked for less, a worker that grows is replaced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.scheduler.hand import PROFILE, Deep, Hand, gpus, job
from ttsflow import Device, Policy, Profile, WorkerSpec
from ttsflow.interface.jobs import Account
from ttsflow.scheduler import messages as msg

GIB = 1024**3


class Three(Policy):
    """Three workers on every device, with a slot each."""

    name = "three"

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return [WorkerSpec(device) for device in devices for _ in range(3)]


def speaking(policy: Policy | None = None, chunks: int = 8, devices: int = 1, **limits: object) -> Hand:
    hand = Hand(policy or Deep(), gpus(devices), **limits)
    hand.load_all()
    hand.open(*map(job, range(chunks)))
    return hand


def indices(hand: Hand) -> list[int]:
    return sorted(start.job.index for start in hand.running)


def out_of_memory(hand: Hand, *indices: int) -> list[msg.Command]:
    return hand.feed(*(msg.Failed(hand.token(i), "CUDA out of memory", "out of memory") for i in indices))


class TestTooLittle:
    def test_in_company_one_slot_less_and_the_chunk_is_tried_again(self) -> None:
        hand = speaking(retries=0)
        out_of_memory(hand, 1)
        assert hand.notices == [
            "cuda:0 is out of memory: 3 at a time in a worker from now on",
            "chunk 1 of 's' failed and is tried again: CUDA out of memory",
        ]
        assert indices(hand) == [0, 2, 3]
        hand.finish(0)
        assert indices(hand) == [1, 2, 3]
        assert not hand.kills

    def test_all_that_ran_together_cost_one_slot_together(self) -> None:
        hand = speaking(retries=0)
        out_of_memory(hand, 0)
        out_of_memory(hand, 2, 3)
        assert indices(hand) == [0, 1, 2]
        assert len([text for text in hand.notices if "from now on" in text]) == 1

    def test_all_at_once_cost_one_slot_too(self) -> None:
        hand = speaking(retries=0)
        out_of_memory(hand, 0, 1, 2, 3)
        assert indices(hand) == [0, 1, 2]

    def test_what_runs_out_later_costs_another(self) -> None:
        hand = speaking(retries=0)
        out_of_memory(hand, 0)
        out_of_memory(hand, 1, 2, 3)
        out_of_memory(hand, 1)
        assert "cuda:0 is out of memory: 2 at a time in a worker from now on" in hand.notices
        assert indices(hand) == [0, 2]

    def test_what_was_learnt_holds_for_the_next_generation(self) -> None:
        hand = speaking()
        out_of_memory(hand, 0)
        hand.die()
        assert [start.spec.slots for start in hand.all(msg.StartWorker)] == [4, 3]

    def test_and_after_the_devices_changed(self) -> None:
        hand = speaking()
        out_of_memory(hand, 0)
        hand.feed(msg.DevicesChanged([Device("cuda:0", "cuda", max_slots=4)]))
        for index in (1, 2, 3):
            hand.finish(index)
        assert len(hand.running) == 3

    def test_alone_one_worker_less(self) -> None:
        hand = speaking(Three(), chunks=6, retries=0)
        out_of_memory(hand, 2)
        assert "cuda:0 is out of memory: 2 workers at a time from now on" in hand.notices
        assert "3 workers share cuda:0, each with a model of its own" in hand.notices[0]
        assert len(hand.kills) == 1
        assert hand.kills[0][2] == "no longer placed"
        for _ in range(6):
            assert len({start.worker for start in hand.running}) <= 2
            hand.write(hand.speak(hand.running[0].token, "x"))
        assert hand.account() == Account(submitted=6, delivered=6)

    def test_of_workers_too_those_that_ran_together_cost_one_together(self) -> None:
        hand = speaking(Three(), chunks=6, retries=0)
        out_of_memory(hand, 0, 1, 2)
        assert len(hand.kills) == 1

    def test_other_devices_are_left_alone(self) -> None:
        hand = speaking(chunks=12, devices=2)
        out_of_memory(hand, 0)  # on the first
        out_of_memory(hand, 1)  # on the second
        assert [text for text in hand.notices if "from now on" in text] == [
            "cuda:0 is out of memory: 3 at a time in a worker from now on",
            "cuda:1 is out of memory: 3 at a time in a worker from now on",
        ]

    def test_where_nothing_less_can_be_asked_the_worker_is_started_anew_and_the_attempt_counted(self) -> None:
        hand = speaking(chunks=1, retries=1)
        out_of_memory(hand, 0)
        assert hand.kills == [("w0", 1, "out of memory")]
        hand.revive()
        assert indices(hand) == [0]
        out_of_memory(hand, 0)
        assert hand.kills[-1] == ("w0", 2, "out of memory")
        assert (hand.outcome().status, hand.outcome().why) == ("failed", "CUDA out of memory")

    def test_a_chunk_that_nobody_wants_is_not_tried_again(self) -> None:
        hand = speaking(chunks=4)
        hand.feed(msg.CancelStream("s"))
        out_of_memory(hand, 0)
        assert not [start for start in hand.started if start.token > 4]
        hand.open(*(job(index, "t") for index in range(4)), stream="t")
        hand.feed(*(msg.Cancelled(start.token) for start in hand.running if start.job.stream == "s"))
        assert len(hand.running) == 3

    def test_nor_is_one_for_which_the_worker_is_started_anew(self) -> None:
        hand = speaking(chunks=1)
        hand.feed(msg.CancelStream("s"))
        out_of_memory(hand, 0)
        assert hand.kills == [("w0", 1, "out of memory")]
        hand.revive()
        assert len(hand.started) == 1

    def test_the_window_follows(self) -> None:
        hand = speaking(chunks=4, devices=1)
        hand.feed(msg.OpenStream("t"))
        before = hand.all(msg.RequestJobs)[-1].count
        assert before == 8 * 4 // 2
        out_of_memory(hand, 0)
        hand.feed(msg.OpenStream("u"))
        assert hand.all(msg.RequestJobs)[-1] == msg.RequestJobs("u", 8 * 3 // 3)


class TestGrowth:
    def test_a_worker_that_has_grown_is_replaced_between_chunks(self) -> None:
        hand = speaking(chunks=8)
        assert PROFILE.slots == 4
        for index, memory in ((0, 2 * GIB), (1, 5 * GIB), (2, 6 * GIB + 1)):
            hand.write(hand.speak(hand.token(index), "x", memory=memory))
        assert hand.notices == ["worker w0 is started anew: its memory has grown by 4.0 GiB"]
        assert indices(hand) == [3, 4, 5]  # and takes no more
        hand.finish(3)
        hand.finish(4)
        assert not hand.kills
        commands = hand.finish(5)
        assert hand.kills == [("w0", 1, "recycled")]
        assert [c.generation for c in commands if isinstance(c, msg.StartWorker)] == [2]
        hand.revive()
        assert indices(hand) == [6, 7]

    def test_it_is_said_once(self) -> None:
        hand = speaking(chunks=4, recycle_bytes=GIB)
        for index, memory in ((0, GIB), (1, 3 * GIB), (2, 4 * GIB), (3, 5 * GIB)):
            hand.write(hand.speak(hand.token(index), "x", memory=memory))
        assert len(hand.notices) == 1
        assert hand.kills == [("w0", 1, "recycled")]

    def test_a_new_generation_begins_anew(self) -> None:
        hand = speaking(chunks=7, recycle_bytes=GIB)
        for index, memory in ((0, GIB), (1, 3 * GIB), (2, GIB), (3, GIB), (4, GIB)):
            hand.write(hand.speak(hand.token(index), "x", memory=memory))
        hand.revive()
        for index, memory in ((5, 3 * GIB), (6, 4 * GIB)):
            hand.write(hand.speak(hand.token(index), "x", memory=memory))
        assert len(hand.kills) == 1

    def test_after_so_many_chunks(self) -> None:
        hand = speaking(chunks=8, recycle_chunks=2)
        hand.finish(0)
        assert indices(hand) == [1, 2, 3, 4]
        hand.finish(1)
        assert indices(hand) == [2, 3, 4]
        for index in (2, 3):
            hand.finish(index)
        assert not hand.kills
        hand.finish(4)
        assert hand.kills == [("w0", 1, "recycled")]
        assert hand.notices == []

    def test_a_suspect_is_not_put_on_a_worker_that_is_about_to_go(self) -> None:
        hand = speaking(chunks=12, devices=2, recycle_chunks=1)
        hand.finish(1)  # w1 goes when 3, 5 and 7 are done
        hand.die("w0")
        for index in (3, 5, 7):
            hand.finish(index)
        assert hand.kills == [("w1", 1, "recycled")]
        hand.revive("w1")
        assert [(start.worker, start.generation, start.job.index) for start in hand.running] == [("w1", 2, 0)]

    def test_one_that_is_to_go_anyway_is_not_started_anew(self) -> None:
        hand = speaking(chunks=8, devices=2, recycle_chunks=1)
        hand.feed(msg.DevicesChanged(gpus(1)))
        for index in (1, 3, 5, 7):
            hand.finish(index)
        assert hand.kills == [("w1", 1, "no longer placed")]
        assert len([start for start in hand.all(msg.StartWorker) if start.worker == "w1"]) == 1


class TestShrinking:
    """Another program takes memory while a run goes on, and the devices are looked at again."""

    TWO_GIB = replace(PROFILE, memory_bytes=2 * GIB, slot_memory_bytes=GIB)

    def speaking(self, policy: Policy, free_gib: int) -> Hand:
        hand = Hand(policy, [self.gpu(free_gib)], self.TWO_GIB)
        hand.load_all()
        hand.open(*map(job, range(12)))
        return hand

    @staticmethod
    def gpu(free_gib: int) -> Device:
        return Device("cuda:0", "cuda", free_bytes=free_gib * GIB)

    @staticmethod
    def speak_all(hand: Hand) -> None:
        while hand.running:
            hand.write(hand.speak(hand.running[0].token, "x"))

    def test_slots_that_have_no_room_take_no_more_jobs(self) -> None:
        hand = self.speaking(Deep(), 6)
        assert len(hand.running) == 4
        hand.feed(msg.DevicesChanged([self.gpu(4)]))
        assert len(hand.running) == 4, "what runs goes on"
        for index in range(3):
            hand.finish(index)
        assert len(hand.running) == 2
        assert "2 slots instead" in hand.notices[-1]
        self.speak_all(hand)
        assert hand.kills == []
        assert hand.account() == Account(submitted=12, delivered=12)

    def test_workers_that_have_no_room_end_when_they_are_through(self) -> None:
        hand = self.speaking(Three(), 9)
        assert len(hand.running) == 3
        hand.feed(msg.DevicesChanged([self.gpu(3)]))
        assert hand.kills == []
        self.speak_all(hand)
        assert [why for _, _, why in hand.kills] == ["no longer placed"] * 2
        assert hand.account() == Account(submitted=12, delivered=12)

    def test_where_nothing_has_room_any_more_the_run_ends_in_words(self) -> None:
        hand = self.speaking(Deep(), 6)
        hand.feed(msg.DevicesChanged([self.gpu(1)]))
        assert "no worker fits" in str(hand.error)
        assert "1.00 GiB of its memory free" in str(hand.error)
