"""The three plain policies."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.scheduler.hand import Hand, gpus, job
from ttsflow import ChunkJob, ConfigError, Device, Profile, fill
from ttsflow.scheduler import messages as msg
from ttsflow.testing import check_policy
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.gpu_affinity import GpuAffinity
from ttsflow_plugins.sequential import Sequential

ONE_SLOT = Profile("p", 1, ("cuda",))
FOUR_SLOTS = Profile("p", 1, ("cuda",), slots=4)


def placed(policy: object, devices: int, profile: Profile = ONE_SLOT) -> list[tuple[str, int]]:
    specs = policy.place(gpus(devices), profile)
    return [(spec.device.id, spec.slots) for spec in specs]


class TestSequential:
    def test_one_worker_on_the_best_device(self) -> None:
        assert placed(Sequential(), 4, FOUR_SLOTS) == [("cuda:0", 1)]

    @pytest.mark.usefixtures("quickly")
    def test_it_keeps_the_promises(self) -> None:
        check_policy(Sequential, schedules=100)


class TestFill:
    @staticmethod
    def filled(device: Device, **profile: object) -> list[int]:
        """The slots of each worker."""
        made = Profile("p", 1, (device.kind,), **profile)  # type: ignore[arg-type]
        return [spec.slots for spec in fill([device], made)]

    def test_slots_as_far_as_anything_is_gained(self) -> None:
        gpu = Device("cuda:0", "cuda")
        for slowdown, slots in (
            ((1.0, 2.0, 3.0, 4.0), 1),
            ((1.0, 1.32, 1.53, 1.73), 4),
            ((1.0, 1.2, 1.8, 2.4), 2),
            ((1.0,), 1),
        ):
            assert self.filled(gpu, slots=4, slowdown=slowdown) == [slots]

    def test_no_more_than_the_memory_of_a_gpu_holds(self) -> None:
        memory = {"slots": 4, "slowdown": (1.0, 1.1, 1.2, 1.3), "memory_bytes": 10, "slot_memory_bytes": 5}
        for free, slots in ((30, 4), (29, 3), (20, 2), (15, 1), (0, 1)):
            assert self.filled(Device("cuda:0", "cuda", free_bytes=free), **memory) == [slots]

    def test_a_worker_for_the_cores_that_it_uses(self) -> None:
        for cores, each, count in ((8, 1, 8), (8, 3, 2), (2, 4, 1), (None, 1, 1)):
            assert self.filled(Device("cpu", "cpu", cores=cores), cores=each) == [1] * count

    def test_as_many_workers_as_were_seen_to_gain(self) -> None:
        cpu = Device("cpu", "cpu", cores=4)
        for workers, count in (
            ((1.0, 1.0, 1.0, 1.0), 4),
            ((1.0, 1.1, 1.65, 2.2), 2),
            ((1.0, 2.0, 3.0, 4.0), 1),
            ((), 4),
        ):
            assert self.filled(cpu, workers=workers) == [1] * count

    def test_several_workers_on_a_gpu_only_where_it_was_measured_that_they_gain(self) -> None:
        gpu = Device("cuda:0", "cuda")
        gain = (1.0, 1.1)
        assert self.filled(gpu, workers=gain) == [1, 1]
        assert self.filled(gpu, workers=(1.0, 2.0)) == [1]
        assert self.filled(gpu, workers=gain, slots=2, slowdown=(1.0, 2.0)) == [1, 1]
        assert self.filled(gpu, workers=gain, slots=2, slowdown=(1.0, 1.2)) == [2, 2]
        assert self.filled(gpu, slots=2, slowdown=(1.0, 1.2)) == [2]
        full = Device("cuda:0", "cuda", free_bytes=15)
        assert self.filled(full, workers=gain, memory_bytes=10) == [1]

    def test_half_of_the_memory_stays_free_for_other_programs(self) -> None:
        assert self.filled(Device("cpu", "cpu", cores=8, free_bytes=100), memory_bytes=15) == [1, 1, 1]

    def test_what_was_learnt_of_a_device_counts(self) -> None:
        device = Device("cpu", "cpu", cores=8, max_workers=3, max_slots=2)
        assert self.filled(device, slots=4, slowdown=(1.0, 1.1, 1.2, 1.3)) == [2, 2, 2]


class TestBoundedParallel:
    @staticmethod
    def policy(most: object = "auto") -> BoundedParallel:
        return BoundedParallel(BoundedParallel.Options(max_concurrent=most))

    def test_auto_is_one_per_device(self) -> None:
        assert placed(self.policy(), 3) == [("cuda:0", 1), ("cuda:1", 1), ("cuda:2", 1)]

    def test_slots_where_the_backend_has_them(self) -> None:
        assert placed(self.policy(6), 1, FOUR_SLOTS) == [("cuda:0", 4), ("cuda:0", 2)]
        assert placed(self.policy(5), 2, FOUR_SLOTS) == [("cuda:0", 3), ("cuda:1", 2)]

    def test_more_than_the_slots_of_a_device_are_more_workers_and_it_says_so(self) -> None:
        hand = Hand(self.policy(10), gpus(1), FOUR_SLOTS)
        assert [start.spec.slots for start in hand.all(msg.StartWorker)] == [4, 4, 2]
        [notice] = hand.notices
        assert notice.startswith("3 workers share cuda:0, each with a model of its own in its memory")
        assert notice.endswith("speaks at most 4 at a time")
        hand.load_all()
        hand.open(*map(job, range(20)))
        assert len(hand.running) == 10

    def test_else_that_many_workers(self) -> None:
        assert placed(self.policy(3), 2) == [("cuda:0", 1), ("cuda:0", 1), ("cuda:1", 1)]

    def test_no_worker_without_work(self) -> None:
        assert placed(self.policy(2), 4) == [("cuda:0", 1), ("cuda:1", 1)]

    def test_never_more_than_it_says(self) -> None:
        hand = Hand(self.policy(2), gpus(1), FOUR_SLOTS)
        hand.load_all()
        hand.open(*map(job, range(6)))
        assert len(hand.started) == 2

    @pytest.mark.parametrize("nonsense", [0, -1, "many", 1.5, None])
    def test_its_option_is_checked(self, nonsense: object) -> None:
        with pytest.raises(ValidationError):
            self.policy(nonsense)

    @pytest.mark.usefixtures("quickly")
    def test_it_keeps_the_promises(self) -> None:
        check_policy(BoundedParallel, schedules=100)


class TestGpuAffinity:
    @staticmethod
    def hand(devices: int, **options: object) -> Hand:
        hand = Hand(GpuAffinity(GpuAffinity.Options(**options)), gpus(devices), ONE_SLOT)
        hand.load_all()
        return hand

    @staticmethod
    def where(hand: Hand) -> dict[tuple[str, int], str]:
        devices = {start.worker: start.spec.device.id for start in hand.all(msg.StartWorker)}
        return {(s.job.stream, s.job.index): devices[s.worker] for s in hand.started}

    def test_a_worker_per_gpu(self) -> None:
        assert placed(GpuAffinity(), 3, FOUR_SLOTS) == [("cuda:0", 1), ("cuda:1", 1), ("cuda:2", 1)]

    def test_chunks_in_turn(self) -> None:
        hand = self.hand(2, steal=False)
        hand.open(*map(job, range(6)))
        for index in (1, 3, 5, 0, 2, 4):
            hand.finish(index)
        assert {index: device for (_, index), device in self.where(hand).items()} == {
            0: "cuda:0", 1: "cuda:1", 2: "cuda:0", 3: "cuda:1", 4: "cuda:0", 5: "cuda:1",
        }  # fmt: skip

    def test_a_voice_stays_where_it_is(self) -> None:
        hand = self.hand(2, key="voice", steal=False)
        voices = ["Ana", "Bo", "Ana", "Cy", "Bo"]
        hand.open(*(ChunkJob("s", index, "text", voice=voice) for index, voice in enumerate(voices)))
        for index in (0, 1, 2, 4, 3):
            hand.finish(index)
        where = self.where(hand)
        assert [where["s", index] for index in range(5)] == ["cuda:0", "cuda:1", "cuda:0", "cuda:0", "cuda:1"]

    def test_recordings_of_a_voice_are_a_voice(self) -> None:
        policy = GpuAffinity(GpuAffinity.Options(key="voice", pin={"/c.wav": "cuda:1"}))
        list(policy.place(gpus(3), ONE_SLOT))
        voices = [("/a.wav",), ("/a.wav", "/b.wav"), ("/b.wav", "/a.wav"), ("/a.wav",), ("/b.wav", "/c.wav")]
        jobs = [ChunkJob("s", index, "text", references=paths) for index, paths in enumerate(voices)]
        assert [policy.lane(each) for each in jobs] == [
            ("cuda:0", False), ("cuda:1", False), ("cuda:2", False), ("cuda:0", False), ("cuda:1", True),
        ]  # fmt: skip

    def test_a_stream_stays_where_it_is(self) -> None:
        hand = self.hand(2, key="stream", steal=False)
        hand.open(job(0), job(1))
        hand.open(job(0, "t"), job(1, "t"), stream="t")
        for index, stream in ((0, "s"), (0, "t"), (1, "s"), (1, "t")):
            hand.finish(index, stream)
        assert self.where(hand) == {
            ("s", 0): "cuda:0", ("s", 1): "cuda:0", ("t", 0): "cuda:1", ("t", 1): "cuda:1",
        }  # fmt: skip

    def test_an_idle_gpu_helps_out(self) -> None:
        hand = self.hand(2, key="stream")
        hand.open(job(0), job(1))
        assert self.where(hand) == {("s", 0): "cuda:0", ("s", 1): "cuda:1"}

    def test_pinned_work_is_not_helped_with(self) -> None:
        hand = self.hand(2, pin={"s": "cuda:1"})
        hand.open(job(0), job(1), job(2))
        hand.open(job(0, "t"), stream="t")
        assert self.where(hand) == {("s", 0): "cuda:1", ("t", 0): "cuda:0"}

    def test_a_pin_to_no_device(self) -> None:
        hand = Hand(GpuAffinity(GpuAffinity.Options(pin={"Ana": "cuda:7"})), gpus(2), ONE_SLOT)
        assert isinstance(hand.error, ConfigError)
        assert "pins 'Ana' to 'cuda:7'" in str(hand.error)
        assert "it can use cuda:0, cuda:1" in str(hand.error)

    def test_a_pin_to_a_device_that_was_lost_pins_nothing(self) -> None:
        hand = self.hand(2, pin={"s": "cuda:1"})
        hand.open(job(0), job(1))
        hand.feed(msg.Died("w1", 1, "fell off the bus"))
        hand.feed(msg.DevicesChanged(gpus(1)))
        hand.finish(0)
        hand.finish(1)
        assert hand.account().delivered == 2

    def test_streams_of_long_ago_are_forgotten(self) -> None:
        policy = GpuAffinity(GpuAffinity.Options(key="stream"))
        list(policy.place(gpus(2), ONE_SLOT))
        lanes = [policy.lane(job(0, f"stream {number}")) for number in range(30_000)]
        assert lanes[:3] == [("cuda:0", False), ("cuda:1", False), ("cuda:0", False)]
        assert len(policy._dealt) == 10_000
        assert policy.lane(job(0, "stream 29999")) == lanes[29_999]

    @pytest.mark.parametrize("key", ["chunk", "voice", "stream"])
    @pytest.mark.parametrize("steal", [True, False])
    @pytest.mark.usefixtures("quickly")
    def test_it_keeps_the_promises(self, key: str, steal: bool) -> None:
        check_policy(lambda: GpuAffinity(GpuAffinity.Options(key=key, steal=steal)), schedules=50)
