"""The scheduler's rules, one by one, driven by hand."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from tests.scheduler.hand import PROFILE, Deep, Hand, Wide, gpus, job
from ttsflow import Device, DeviceError, Policy, PolicyError, Profile, WorkerError, WorkerSpec
from ttsflow.interface.jobs import Account, Doubt
from ttsflow.scheduler import messages as msg


class Laned(Wide):
    """Chunks are dealt out to the devices, and no device helps another."""

    def place(self, devices, profile):
        self.devices = [device.id for device in devices]
        return super().place(devices, profile)

    def lane(self, job):
        return self.devices[job.index % len(self.devices)]

    def dispatch(self, view):
        for worker in view.free:
            chunk = view.ready.first(worker.device.id)
            if chunk is not None:
                yield chunk, worker


def test_a_chunk_travels_from_submission_to_the_account() -> None:
    hand = Hand()
    hand.open(job(0))
    assert not hand.started  # the worker is still loading
    hand.load_all()
    [start] = hand.started
    assert (start.worker, start.generation, start.job) == ("w0", 1, job(0))
    hand.feed(msg.Piece(start.token, 0, 1.5, "sound"))
    assert not hand.all(msg.Deliver)  # a chunk is delivered when it is whole
    hand.feed(msg.Finished(start.token))
    [delivery] = hand.all(msg.Deliver)
    assert delivery.payloads == ["sound"]
    outcome = delivery.outcome
    assert (outcome.status, outcome.worker, outcome.device) == ("ok", "w0", "cuda:0")
    assert (outcome.attempts, outcome.audio_s) == (1, 1.5)
    assert (outcome.queued_s, outcome.started_s, outcome.first_audio_s, outcome.finished_s) == (1, 2, 3, 4)
    assert not hand.all(msg.StreamFinished)  # the sink has not written it yet
    hand.feed(msg.Delivered("s", 0))
    assert hand.account() == Account(submitted=1, delivered=1)


def test_text_order_whatever_the_order_of_work() -> None:
    hand = Hand(devices=gpus(3))
    hand.load_all()
    hand.open(*map(job, range(3)))
    hand.finish(2)
    hand.finish(1)
    assert not hand.all(msg.Deliver)
    hand.finish(0)
    assert [delivery.index for delivery in hand.all(msg.Deliver)] == [0, 1, 2]


def test_an_empty_stream_ends_at_once() -> None:
    hand = Hand()
    hand.open()
    assert hand.account() == Account()


def test_a_chunk_with_nothing_to_say_never_reaches_a_worker() -> None:
    hand = Hand()
    hand.load_all()
    hand.open(job(0, speakable=False), job(1))
    assert [start.job.index for start in hand.started] == [1]
    [pause] = hand.all(msg.Deliver)
    assert (pause.index, pause.outcome.status, list(pause.payloads)) == (0, "pause", [])


class TestLookAhead:
    def test_jobs_are_asked_for_as_the_window_has_room(self) -> None:
        hand = Hand(look_ahead=3)
        hand.feed(msg.OpenStream("s"))
        assert hand.all(msg.RequestJobs) == [msg.RequestJobs("s", 8)]  # one slot: eight chunks
        hand.feed(msg.Submit("s", [job(0), job(1)]))
        assert len(hand.all(msg.RequestJobs)) == 1  # six are still on their way

    def test_no_more_are_admitted_than_the_window_holds(self) -> None:
        hand = Hand(devices=gpus(20), profile=Profile("p", 1, ("cuda",)), look_ahead=1)
        hand.load_all()
        hand.feed(msg.OpenStream("t"), msg.OpenStream("u"))
        hand.open(*map(job, range(100)))
        assert len(hand.started) == 20
        for index in range(1, 53):
            hand.finish(index)
        # 3 streams share the windows of 20 slots: 53 chunks each, until the head is written
        assert len(hand.started) == 8 * 20 // 3

    def test_a_sink_that_blocks_stops_the_work(self) -> None:
        hand = Hand(look_ahead=8)
        hand.load_all()
        hand.open(*map(job, range(50)))
        for index in range(8):
            token = hand.token(index)
            hand.feed(msg.Piece(token, 0, 1.0, "sound"), msg.Finished(token))
        assert len(hand.started) == 8  # all handed over, none written
        hand.feed(msg.Delivered("s", 0))
        assert len(hand.started) == 9

    def test_failed_chunks_too_wait_for_the_sink(self) -> None:
        hand = Hand(look_ahead=8)
        hand.notes_failures = False
        hand.load_all()
        hand.open(*map(job, range(50)))
        for index in range(8):
            hand.feed(msg.Failed(hand.token(index), f"no{'!' * index}", "refused"))
        assert len(hand.started) == 8
        hand.feed(msg.Delivered("s", 0))
        assert len(hand.started) == 9


class TestFairness:
    def test_streams_take_turns_by_cost(self) -> None:
        hand = Hand(look_ahead=100)
        hand.open(*(job(i, "long", "x" * 200) for i in range(20)), stream="long")
        hand.open(*(job(i, "short", "x" * 50) for i in range(20)), stream="short")
        hand.load_all()
        for _ in range(20):
            hand.finish(hand.started[-1].job.index, hand.started[-1].job.stream)
        streams = [start.job.stream for start in hand.started[:20]]
        assert 15 <= streams.count("short") <= 17  # four short ones cost as much as a long one

    def open_streams(self, hand: Hand, streams: int, group: str, chunks: int = 20) -> None:
        names = [f"{group} {number}" for number in range(streams)]
        hand.feed(*(msg.OpenStream(name, group=group) for name in names))
        hand.feed(*(msg.Submit(name, [job(i, name) for i in range(chunks)], last=True) for name in names))

    def speak_some(self, hand: Hand, count: int) -> list[str]:
        """The groups whose chunks are spoken next, one after the other."""
        for _ in range(count):
            hand.finish(hand.started[-1].job.index, hand.started[-1].job.stream)
        return [start.job.stream.partition(" ")[0] for start in hand.started[:count]]

    def test_streams_of_a_group_share_what_one_stream_gets(self) -> None:
        hand = Hand(look_ahead=100)
        self.open_streams(hand, 5, "many")
        self.open_streams(hand, 1, "one")
        hand.load_all()
        groups = self.speak_some(hand, 20)
        assert 8 <= groups.count("one") <= 12

    def test_a_group_that_opens_many_streams_at_once_does_not_come_first(self) -> None:
        hand = Hand(look_ahead=100)
        self.open_streams(hand, 8, "many", chunks=1)
        self.open_streams(hand, 1, "one", chunks=1)
        hand.load_all()
        assert self.speak_some(hand, 9)[:2] == ["many", "one"]

    def test_who_is_left_of_a_group_has_all_of_its_share(self) -> None:
        hand = Hand(look_ahead=1)
        self.open_streams(hand, 4, "many")
        self.open_streams(hand, 1, "one")
        hand.feed(*(msg.CancelStream(f"many {number}") for number in range(3)))
        hand.load_all()
        groups = self.speak_some(hand, 20)
        assert 8 <= groups.count("one") <= 12

    def test_a_stream_with_nothing_to_start_takes_nothing_of_its_group(self) -> None:
        hand = Hand(look_ahead=1)
        hand.feed(msg.OpenStream("one waiting", group="one"), msg.OpenStream("one", group="one"))
        hand.feed(msg.Submit("one", [job(i, "one") for i in range(30)], last=True))
        self.open_streams(hand, 1, "other", chunks=30)
        hand.load_all()
        assert 9 <= self.speak_some(hand, 20).count("one") <= 11

    def test_streams_in_sequence_get_what_one_stream_gets(self) -> None:
        hand = Hand(look_ahead=1)
        self.open_streams(hand, 1, "other", chunks=120)
        hand.load_all()
        lights = 0
        for _ in range(100):
            ended = sum(event.stream != "other 0" for event in hand.all(msg.StreamFinished))
            if ended == lights:
                lights += 1
                name = f"light {lights}"
                hand.feed(msg.OpenStream(name, weight=0.1, group="light"))
                hand.feed(msg.Submit(name, [job(0, name)], last=True))
            start = hand.started[-1].job
            hand.finish(start.index, start.stream)
        spoken = [start.job.stream.partition(" ")[0] for start in hand.started[:100]]
        assert 7 <= spoken.count("light") <= 11

    @pytest.mark.parametrize("crowd", [1, 10, 100])
    @pytest.mark.parametrize("look_ahead", [1, 100])
    def test_who_asks_again_and_again_waits_for_one_chunk_of_a_crowd(
        self, crowd: int, look_ahead: int
    ) -> None:
        """Whatever was predicted when the crowd came: a chunk takes twice as long as the profile says."""
        hand = Hand(look_ahead=look_ahead)
        hand.load_all()
        self.open_streams(hand, crowd, "many", chunks=30)
        waited = []
        for number in range(20):
            self.open_streams(hand, 1, f"one{number}", chunks=1)
            before = len(hand.started)
            while not any(start.job.stream.startswith("one") for start in hand.started[before:]):
                hand.finish(hand.started[-1].job.index, hand.started[-1].job.stream)
            waited.append(len(hand.started) - before)
            hand.finish(0, f"one{number} 0")
        assert max(waited[1:]) <= 2
        assert sum(waited) <= 25

    @pytest.mark.parametrize("group", [None, "all"])
    @pytest.mark.parametrize("callers", [1, 2, 4, 9])
    def test_a_book_has_its_share_beside_those_who_come_again_and_again(
        self, callers: int, group: str | None
    ) -> None:
        """Each asks for another chunk, in a stream of its own, as soon as the last one is there."""
        hand = Hand(look_ahead=8)
        hand.load_all()
        hand.feed(msg.OpenStream("book", group=group))
        hand.feed(msg.Submit("book", [job(i, "book") for i in range(400)], last=True))
        names = (f"caller {number}" for number in count())

        def call() -> None:
            name = next(names)
            hand.feed(msg.OpenStream(name, group=group))
            hand.feed(msg.Submit(name, [job(0, name)], last=True))

        for _ in range(callers):
            call()
        read = 0
        for _ in range(200):
            spoken = hand.started[-1].job
            hand.finish(spoken.index, spoken.stream)
            if spoken.stream == "book":
                read += 1
            else:
                call()
        assert read / 200 == pytest.approx(1 / (callers + 1), rel=0.15)
        assert len(hand.scheduler._streams._groups) <= callers + 2

    def test_a_retry_keeps_its_place_among_streams(self) -> None:
        hand = Hand()
        hand.load_all()
        hand.open(*(job(i, "first") for i in range(5)), stream="first")
        hand.open(*(job(i, "second") for i in range(5)), stream="second")
        hand.feed(msg.Failed(hand.token(0, "first"), "oops"))
        assert [start.job.stream for start in hand.started] == ["first", "first"]

    def test_a_retry_keeps_its_place(self) -> None:
        hand = Hand()
        hand.load_all()
        hand.open(*map(job, range(5)))
        hand.feed(msg.Failed(hand.token(0), "oops"))
        assert [start.job.index for start in hand.started] == [0, 0]


class TestLive:
    def test_pieces_of_the_head_are_passed_on_as_they_come(self) -> None:
        hand = Hand(devices=gpus(2))
        hand.load_all()
        hand.open(job(0), job(1), live=True)
        first, second = hand.token(0), hand.token(1)
        hand.feed(msg.Piece(second, 0, 1.0, "b1"))
        hand.feed(msg.Piece(first, 0, 1.0, "a1"))
        hand.feed(msg.Piece(first, 1, 1.0, "a2"), msg.Finished(first))
        hand.feed(msg.Piece(second, 1, 1.0, "b2"))
        heard = [payload for delivery in hand.all(msg.Deliver) for payload in delivery.payloads]
        assert heard == ["a1", "a2", "b1", "b2"]

    def test_what_was_heard_is_not_spoken_again(self) -> None:
        hand = Hand()
        hand.load_all()
        hand.open(job(0), job(1), live=True)
        hand.feed(msg.Piece(hand.token(0), 0, 1.0, "a1"))
        hand.feed(msg.Failed(hand.token(0), "oops"))
        [given_up] = hand.all(msg.ChunkFailed)
        assert (given_up.outcome.sent_s, given_up.outcome.attempts, given_up.outcome.why) == (1.0, 1, "oops")
        hand.finish(1)
        assert hand.account() == Account(submitted=2, delivered=1, failed=1)


class TestAttempts:
    def test_a_failed_chunk_is_tried_again_and_then_named(self) -> None:
        hand = Hand(retries=2)
        hand.load_all()
        hand.open(job(0), job(1))
        for attempt in range(3):
            hand.feed(msg.Failed(hand.token(0), f"reason {attempt}"))
        [given_up] = hand.all(msg.ChunkFailed)
        assert (given_up.outcome.status, given_up.outcome.why) == ("failed", "reason 2")
        assert (given_up.outcome.attempts, given_up.outcome.audio_s) == (3, 0.0)
        hand.finish(1)
        assert hand.account() == Account(submitted=2, delivered=1, failed=1)

    def test_a_permanent_failure_is_not_tried_again(self) -> None:
        hand = Hand(retries=9)
        hand.load_all()
        hand.open(job(0))
        hand.feed(msg.Failed(hand.token(0), "too odd", "refused"))
        assert hand.account() == Account(submitted=1, failed=1)

    def test_audio_of_a_failed_attempt_is_forgotten(self) -> None:
        hand = Hand()
        hand.load_all()
        hand.open(job(0))
        hand.feed(msg.Piece(hand.token(0), 0, 1.0, "torn"))
        hand.feed(msg.Failed(hand.token(0), "oops"))
        hand.finish(0)
        [delivery] = hand.all(msg.Deliver)
        assert delivery.payloads == ["audio 0"]

    def test_a_chunk_without_audio_is_not_passed_off_as_spoken(self) -> None:
        hand = Hand(retries=1)
        hand.load_all()
        hand.open(job(0))
        hand.feed(msg.Finished(hand.token(0)))
        hand.feed(msg.Finished(hand.token(0)))
        assert hand.account() == Account(submitted=1, failed=1)
        assert "no audio" in hand.all(msg.ChunkFailed)[0].outcome.why

    def test_a_doubt_is_delivered_and_flagged(self) -> None:
        hand = Hand(takes=0)
        hand.load_all()
        hand.open(job(0))
        hand.feed(
            msg.Piece(hand.token(0), 0, 1.0, "x"),
            msg.Finished(hand.token(0), (Doubt("engine", "reached the cap"),)),
        )
        outcome = hand.all(msg.Deliver)[-1].outcome
        assert (outcome.status, outcome.why) == ("flagged", "reached the cap")

    def test_stale_and_repeated_messages_change_nothing(self) -> None:
        hand = Hand()
        hand.load_all()
        hand.open(job(0), job(1))
        old = hand.token(0)
        hand.feed(msg.Died("w0", 1, "killed"))
        assert hand.feed(msg.Piece(old, 0, 1.0, "late"), msg.Finished(old)) == []
        assert hand.feed(msg.Died("w0", 1, "again"), msg.WorkerReady("w0", 1)) == []
        hand.feed(msg.WorkerReady("w0", 2))
        hand.finish(0)
        assert hand.feed(msg.Finished(old), msg.Delivered("s", 0), msg.Delivered("s", 1)) == []
        hand.finish(1)
        assert hand.account() == Account(submitted=2, delivered=2)


class TestCancel:
    def test_the_slot_is_held_until_the_worker_answers(self) -> None:
        hand = Hand()
        hand.load_all()
        hand.open(job(0), job(1))
        hand.open(job(0, "t"), stream="t")
        commands = hand.feed(msg.CancelStream("s"))
        token = hand.token(0)
        assert msg.CancelJob(token, "w0", 1) in commands
        assert hand.account("s") == Account(submitted=2, not_reached=2)
        assert len(hand.started) == 1
        hand.feed(msg.Cancelled(token))
        assert hand.started[-1].job.stream == "t"

    def test_a_worker_that_does_not_let_go_is_killed_and_its_other_jobs_are_not_to_blame(self) -> None:
        hand = Hand(Deep(), retries=0, timeouts={"cancel_s": 5.0})
        hand.load_all()
        hand.open(job(0))
        hand.open(job(0, "t"), stream="t")
        hand.feed(msg.CancelStream("s"))
        [*_, wake] = hand.all(msg.WakeAt)
        assert wake.when == hand.now + 5.0
        commands = hand.feed(msg.Tick(), after=5.0)
        assert msg.KillWorker("w0", 1, "a cancelled job was not let go of in time") in commands
        assert [c.generation for c in commands if isinstance(c, msg.StartWorker)] == [2]
        hand.feed(msg.WorkerReady("w0", 2))
        hand.finish(0, "t")
        assert hand.account("t") == Account(submitted=1, delivered=1)

    def test_what_comes_after_the_end_is_ignored(self) -> None:
        hand = Hand()
        hand.open(job(0), last=False)
        hand.feed(msg.CancelStream("s"))
        for event in (msg.Submit("s", [job(1)], last=True), msg.Delivered("s", 0), msg.CancelStream("s")):
            assert hand.feed(event) == []


class TestWorkers:
    def test_a_dead_worker_is_restarted_and_its_job_retried(self) -> None:
        hand = Hand()
        hand.load_all()
        hand.open(job(0))
        commands = hand.feed(msg.Died("w0", 1, "signal 9"))
        assert msg.StartWorker("w0", 2, WorkerSpec(gpus(1)[0])) in commands
        hand.feed(msg.WorkerReady("w0", 2))
        assert hand.started[-1].generation == 2
        hand.finish(0)
        assert hand.account() == Account(submitted=1, delivered=1)
        assert hand.all(msg.Deliver)[0].outcome.attempts == 2

    def test_a_cpu_gets_what_it_holds_and_few_load_at_a_time(self) -> None:
        class Many(Wide):
            def place(self, devices, profile):
                return [WorkerSpec(devices[0])] * 10_000

        hand = Hand(Many(), devices=[Device("cpu", "cpu", cores=2)])
        [notice] = hand.all(msg.Notice)
        assert notice.text == "cpu holds 16 workers, 8 a core; one was refused (9984 times)"
        started = [command.worker for command in hand.all(msg.StartWorker)]
        assert started == [f"w{number}" for number in range(8)]
        for number in range(16):
            hand.feed(msg.WorkerReady(f"w{number}", 1))
            assert len(hand.all(msg.StartWorker)) == min(16, 9 + number)

    def test_one_that_cannot_load_is_given_up_and_the_others_go_on(self) -> None:
        hand = Hand(devices=gpus(2), restarts=2)
        hand.feed(msg.WorkerReady("w1", 1))
        hand.open(job(0), job(1))
        for generation, why in enumerate(("no weights", "no memory", "no weights"), 1):
            hand.feed(msg.LoadFailed("w0", generation, why))
        assert any("given up after 3 deaths in a row" in notice.text for notice in hand.all(msg.Notice))
        hand.finish(0)
        hand.finish(1)
        assert hand.account() == Account(submitted=2, delivered=2)

    def test_one_that_cannot_load_twice_for_the_same_reason_is_given_up(self) -> None:
        hand = Hand(devices=gpus(2), restarts=5)
        hand.feed(msg.WorkerReady("w1", 1))
        for generation in (1, 2):
            assert not any("given up" in notice.text for notice in hand.all(msg.Notice))
            hand.feed(msg.LoadFailed("w0", generation, "no weights"))
        [notice] = hand.all(msg.Notice)
        assert notice.text == "worker w0 on cuda:0 given up: no weights"

    def test_what_may_pass_is_tried_again_though_it_is_the_same(self) -> None:
        hand = Hand(restarts=3)
        hand.open(job(0))
        for generation in (1, 2, 3):
            hand.feed(msg.LoadFailed("w0", generation, "no process can be started", may_pass=True))
            hand.feed(after=60.0)
        assert hand.all(msg.StartWorker)[-1].generation == 4
        assert not hand.all(msg.Stop)

    def test_the_last_one_lost_ends_the_run(self) -> None:
        hand = Hand()
        hand.open(job(0))
        hand.feed(msg.LoadFailed("w0", 1, "no such model", permanent=True))
        assert isinstance(hand.error, WorkerError)
        assert "no such model" in str(hand.error)
        assert hand.account() == Account(submitted=1, not_reached=1)
        assert hand.feed(msg.Tick()) == []

    def test_jobs_that_kill_do_not_use_up_the_worker(self) -> None:
        hand = Hand(restarts=1)
        hand.load_all()
        hand.open(job(0), job(1), job(2))
        for _ in range(6):  # twice the whole, once the first of its parts
            hand.die()
            hand.revive()
        hand.finish(2)
        assert hand.account() == Account(submitted=3, delivered=1, failed=2)

    def test_one_that_every_job_kills_is_given_up(self) -> None:
        hand = Hand(restarts=1)
        hand.load_all()
        hand.open(*map(job, range(50)))
        for _ in range(6):
            hand.die()
            hand.revive()
        assert not hand.all(msg.Stop)
        hand.die(why="segfault")  # three deaths show what a chunk does; so many once more are allowed
        assert "segfault" in str(hand.error)
        assert hand.account().settled


class TestPlacement:
    def test_the_best_kind_that_the_backend_can_use(self) -> None:
        cpu, mps = Device("cpu", "cpu"), Device("mps", "mps")
        for devices, used in (([cpu, mps, *gpus(2)], ["cuda:0", "cuda:1"]), ([mps, cpu], ["cpu"])):
            hand = Hand(devices=devices)
            assert [start.spec.device.id for start in hand.all(msg.StartWorker)] == used

    def test_no_device_of_the_kind_that_is_needed(self) -> None:
        hand = Hand(devices=[Device("cpu", "cpu")], profile=Profile("picky", 1, ("cuda",)))
        assert isinstance(hand.error, DeviceError)
        assert "'picky' needs a device of kind cuda; found: cpu" in str(hand.error)

    def test_a_worker_that_does_not_fit_in_memory_is_refused_with_both_figures(self) -> None:
        class Hundred(Wide):
            def place(self, devices, profile):
                return [WorkerSpec(devices[0])] * 99

        gib = 1024**3
        small = Device("cuda:0", "cuda", total_bytes=8 * gib, free_bytes=6 * gib)
        hand = Hand(Hundred(), [small], Profile("big", 1, ("cuda",), memory_bytes=4 * gib))
        assert len(hand.all(msg.StartWorker)) == 1
        [notice] = hand.all(msg.Notice)
        assert "needs 4.00 GiB" in notice.text
        assert "98 times" in notice.text
        assert "2.00 GiB of its memory free beside the other workers: refused" in notice.text

    def test_none_that_fits(self) -> None:
        gib = 1024**3
        small = Device("cuda:0", "cuda", free_bytes=gib)
        hand = Hand(Wide(), [small], Profile("big", 1, ("cuda",), memory_bytes=4 * gib))
        assert isinstance(hand.error, DeviceError)
        assert "needs 4.00 GiB, and cuda:0 has 1.00 GiB" in str(hand.error)

    def test_fewer_slots_where_memory_is_short(self) -> None:
        profile = Profile("p", 1, ("cuda",), slots=4, memory_bytes=100, slot_memory_bytes=100)
        hand = Hand(Deep(), [Device("cuda:0", "cuda", free_bytes=350)], profile)
        assert [start.spec.slots for start in hand.all(msg.StartWorker)] == [2]
        assert "2 slots instead" in hand.all(msg.Notice)[0].text

    def test_no_more_slots_than_the_backend_has(self) -> None:
        hand = Hand(Deep(), profile=Profile("p", 1, ("cuda",), slots=3))
        assert [start.spec.slots for start in hand.all(msg.StartWorker)] == [3]
        told = "a worker with 4 slots was wanted on cuda:0, and backend 'p' has 3: 3 instead"
        assert [notice.text for notice in hand.all(msg.Notice)] == [told]

    def test_learnt_caps_need_no_restart(self) -> None:
        hand = Hand(Deep())
        hand.load_all()
        hand.open(*map(job, range(8)))
        assert len(hand.started) == 4
        hand.feed(msg.DevicesChanged([Device("cuda:0", "cuda", max_slots=2)]))
        for index in (0, 1):
            hand.finish(index)
        assert len(hand.started) == 4  # two are running, two may
        hand.finish(2)
        assert len(hand.started) == 5
        assert len(hand.all(msg.StartWorker)) == 1

    def test_a_device_that_is_gone_takes_its_worker_and_its_lane_along(self) -> None:
        hand = Hand(Laned(), gpus(2))
        hand.load_all()
        hand.open(*map(job, range(4)))
        hand.feed(msg.DevicesChanged(gpus(1)))
        hand.finish(1)  # the surplus worker finishes what it has, and goes
        assert [kill.worker for kill in hand.all(msg.KillWorker)] == ["w1"]
        for index in (0, 2, 3):
            hand.finish(index)
        assert hand.account() == Account(submitted=4, delivered=4)

    def test_a_device_on_which_no_worker_lives_is_left_alone(self) -> None:
        hand = Hand(Laned(), gpus(2))
        hand.load_all()
        hand.open(*map(job, range(6)))
        hand.feed(msg.DevicesChanged(gpus(1)))  # w1 is still busy and will go
        hand.feed(msg.DevicesChanged(gpus(2)))  # a new worker for its device
        hand.feed(msg.LoadFailed("w2", 1, "broken", permanent=True))
        hand.finish(1)
        for index in (0, 2, 3, 4, 5):
            hand.finish(index)
        assert hand.account() == Account(submitted=6, delivered=6)

    def test_a_new_worker_waits_for_the_draining_one_of_its_device(self) -> None:
        class Slots(Wide):
            wish = 1

            def place(self, devices, profile):
                return [WorkerSpec(device, self.wish) for device in devices]

        policy = Slots()
        hand = Hand(policy)
        hand.load_all()
        hand.open(*map(job, range(3)))
        policy.wish = 4  # more slots need another process; both models may not fit
        commands = hand.feed(msg.DevicesChanged(gpus(1)))
        assert not [c for c in commands if isinstance(c, msg.StartWorker)]
        token = hand.token(0)
        commands = hand.feed(msg.Piece(token, 0, 1.0, "x"), msg.Finished(token))
        kinds = [type(c) for c in commands if isinstance(c, msg.KillWorker | msg.StartWorker)]
        assert kinds == [msg.KillWorker, msg.StartWorker]

    def test_a_device_that_comes_back_keeps_its_worker(self) -> None:
        hand = Hand(devices=gpus(2))
        hand.load_all()
        hand.open(*map(job, range(4)))
        hand.feed(msg.DevicesChanged(gpus(1)))
        hand.feed(msg.DevicesChanged(gpus(2)))
        for index in (1, 0, 2, 3):
            hand.finish(index)
        assert len(hand.all(msg.StartWorker)) == 2
        assert not hand.all(msg.KillWorker)

    def test_the_same_wish_in_another_order_changes_nothing(self) -> None:
        class Turning(Wide):
            wish = (4, 1)

            def place(self, devices, profile):
                return [WorkerSpec(devices[0], slots) for slots in self.wish]

        policy = Turning()
        hand = Hand(policy)
        policy.wish = (1, 4)
        commands = hand.feed(msg.DevicesChanged(gpus(1)))
        assert not [c for c in commands if isinstance(c, msg.StartWorker | msg.KillWorker)]

    def test_a_full_device_is_left_to_others(self) -> None:
        full, free = Device("cuda:0", "cuda", free_bytes=1), Device("cuda:1", "cuda", free_bytes=100)
        hand = Hand(Laned(), [full, free], Profile("p", 1, ("cuda",), memory_bytes=50))
        hand.load_all()
        hand.open(*map(job, range(4)))
        for index in range(4):
            hand.finish(index)
        assert hand.account().delivered == 4
        assert [start.spec.device.id for start in hand.all(msg.StartWorker)] == ["cuda:1"]

    def test_the_death_of_a_draining_worker_says_nothing_of_its_device(self) -> None:
        hand = Hand(devices=gpus(2), restarts=0)
        hand.load_all()
        hand.open(*map(job, range(4)))
        hand.feed(msg.DevicesChanged(gpus(1)))
        hand.feed(msg.Died("w1", 1, "killed"))
        commands = hand.feed(msg.DevicesChanged(gpus(2)))
        assert [c.spec.device.id for c in commands if isinstance(c, msg.StartWorker)] == ["cuda:1"]

    def test_what_no_longer_fits_after_a_loss_is_no_mistake_of_the_user(self) -> None:
        class Choosy(Wide):
            def place(self, devices, profile):
                return [WorkerSpec(devices[0])]

        good, full = Device("cuda:0", "cuda", free_bytes=100), Device("cuda:1", "cuda", free_bytes=1)
        hand = Hand(Choosy(), [good, full], Profile("p", 1, ("cuda",), memory_bytes=50))
        hand.open(job(0))
        hand.feed(msg.LoadFailed("w0", 1, "fell off the bus", permanent=True))
        assert isinstance(hand.error, WorkerError)
        assert "no worker fits: " in str(hand.error)
        assert "fell off the bus" in str(hand.error)

    def test_the_last_good_device_is_gone(self) -> None:
        hand = Hand(Laned(), gpus(2), restarts=0)
        hand.feed(msg.WorkerReady("w1", 1), msg.LoadFailed("w0", 1, "broken", permanent=True))
        hand.open(*map(job, range(3)))
        hand.feed(msg.DevicesChanged(gpus(1)))  # only the broken one is left
        hand.finish(0)  # what was running ends in peace
        assert isinstance(hand.error, WorkerError)
        assert hand.account() == Account(submitted=3, delivered=0, not_reached=3)


class TestMisbehavingPolicies:
    @staticmethod
    def run(policy: Policy) -> PolicyError:
        hand = Hand(policy)
        hand.load_all()
        hand.open(job(0), job(1))
        assert isinstance(hand.error, PolicyError)
        assert hand.account() == Account(submitted=2, not_reached=2)
        assert repr(policy.name) in str(hand.error)
        return hand.error

    def test_raising_in_dispatch(self) -> None:
        class Raises(Wide):
            def dispatch(self, view):
                raise KeyError("thing")

        assert "raised in dispatch: KeyError: 'thing' (" in str(self.run(Raises()))

    def test_raising_what_only_a_person_may(self) -> None:
        class Raises(Wide):
            def dispatch(self, view):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):  # on the main thread it is somebody's Ctrl-C
            self.run(Raises())
        with ThreadPoolExecutor() as elsewhere:
            error = elsewhere.submit(self.run, Raises()).result()
        assert "raised in dispatch: KeyboardInterrupt (" in str(error)

    def test_raising_in_lane(self) -> None:
        class Raises(Wide):
            def lane(self, job):
                return job.text[99]

        assert "raised in lane: IndexError" in str(self.run(Raises()))

    def test_an_unhashable_lane(self) -> None:
        class Lists(Wide):
            def lane(self, job):
                return []

        assert "lane gave [" in str(self.run(Lists()))

    def test_a_busy_worker(self) -> None:
        class Busy(Wide):
            def dispatch(self, view):
                worker = next(iter(view.free))
                for chunk in view.ready:
                    yield chunk, worker

        assert "no slot is free" in str(self.run(Busy()))

    def test_the_same_job_twice(self) -> None:
        class Twice(Deep):
            def dispatch(self, view):
                worker, chunk = next(iter(view.free)), view.ready.first()
                yield chunk, worker
                yield chunk, worker

        assert "chunk 0 of 's', which is not ready (given twice?)" in str(self.run(Twice()))

    def test_a_job_of_its_own_making(self) -> None:
        class Invents(Wide):
            def dispatch(self, view):
                yield job(0), next(iter(view.free))

        assert "not ready" in str(self.run(Invents()))

    @pytest.mark.parametrize("nonsense", [42, "w0", ("a",), (1, 2, 3)])
    def test_nonsense(self, nonsense: object) -> None:
        class Babbles(Wide):
            def dispatch(self, view):
                return [nonsense]

        assert "expected (job, worker)" in str(self.run(Babbles()))

    def test_not_even_iterable(self) -> None:
        class Number(Wide):
            def dispatch(self, view):
                return 42

        assert "dispatch gave 42; expected pairs of (job, worker)" in str(self.run(Number()))

    def test_a_worker_that_is_no_more(self) -> None:
        class Clings(Wide):
            first = None

            def dispatch(self, view):
                self.first = self.first or next(iter(view.free))
                yield view.ready.first(), self.first

        hand = Hand(Clings(), gpus(2), restarts=0)
        hand.feed(msg.WorkerReady("w0", 1))
        hand.open(job(0))
        hand.finish(0)
        hand.feed(msg.LoadFailed("w0", 1, "no"), msg.WorkerReady("w1", 1))
        hand.open(job(0, "t"), stream="t")
        assert "dispatch gave <worker w0 on cuda:0, draining, 0 of 1 slots busy> for a worker" in str(
            hand.error
        )

    def test_things_that_are_no_job_and_no_worker(self) -> None:
        class Swapped(Wide):
            def dispatch(self, view):
                yield next(iter(view.free)), view.ready.first()

        class Named(Wide):
            def dispatch(self, view):
                yield view.ready.first(), "w0"

        assert "for a job" in str(self.run(Swapped()))
        assert "'w0' for a worker" in str(self.run(Named()))

    def test_nothing(self) -> None:
        class Idle(Wide):
            name = "idle"

            def dispatch(self, view):
                return None

        error = str(self.run(Idle()))
        assert "left 2 ready chunks waiting with every worker idle" in error
        assert "chunk 0 of 's': 'some words'" in error

    def test_nothing_but_promises(self) -> None:
        class Later(Wide):
            def dispatch(self, view):
                view.wake_at(view.now)
                return ()

        hand = Hand(Later())
        hand.load_all()
        hand.open(job(0))
        for _ in range(10_000):
            if hand.all(msg.Stop):
                break
            hand.feed(msg.Tick(), after=hand.all(msg.WakeAt)[-1].when - hand.now)
        assert "left 1 ready chunks waiting" in str(hand.error)

    @pytest.mark.parametrize("when", [3600.0, 1e300])
    def test_one_promise_for_a_far_day(self, when: float) -> None:
        class Tomorrow(Wide):
            def dispatch(self, view):
                view.wake_at(view.now + when)
                return ()

        hand = Hand(Tomorrow())
        hand.load_all()
        hand.open(job(0))
        assert hand.wake == hand.now + 30.0
        hand.feed(msg.Tick(), after=30.0)
        assert "asked for later for 30 s" in str(hand.error)

    @pytest.mark.parametrize("when", [float("nan"), float("inf")])
    def test_no_time_at_all(self, when: float) -> None:
        class Never(Wide):
            def dispatch(self, view):
                view.wake_at(when)
                return ()

        assert f"raised in dispatch: ValueError: wake_at({when})" in str(self.run(Never()))

    def test_an_error_takes_nothing_else_along(self) -> None:
        class FailsLater(Wide):
            calls = 0

            def lane(self, job):
                self.calls += 1
                if self.calls > 2:
                    raise RuntimeError("on the second visit")

        hand = Hand(FailsLater(), gpus(2))
        hand.load_all()
        hand.open(job(0), job(1))
        first, second = hand.token(0), hand.token(1)
        hand.feed(msg.Piece(first, 0, 1.0, "x"), msg.Finished(first))
        hand.feed(msg.Failed(second, "oops"), msg.Delivered("s", 0))
        assert hand.account() == Account(submitted=2, delivered=1, not_reached=1)

    @pytest.mark.parametrize(
        ("wish", "complaint"),
        [
            ([], "place returned no worker for cuda:0"),
            ([3], "place returned 3, which is not a WorkerSpec"),
            ([WorkerSpec(Device("cuda:9", "cuda"))], "worker on cuda:9, which is none of the devices"),
            ([WorkerSpec("cuda:0")], "worker on 'cuda:0', which is none of the devices"),
            ([WorkerSpec(gpus(1)[0], slots=0)], "worker with 0 slots on cuda:0; 1 is the least"),
            (None, "place returned None, not WorkerSpecs"),
            (itertools.repeat(WorkerSpec(gpus(1)[0])), "wishes for more than 100,000 workers; does it end?"),
        ],
    )
    def test_in_place(self, wish: object, complaint: str) -> None:
        class Places(Wide):
            def place(self, devices, profile):
                return wish

        hand = Hand(Places())
        assert isinstance(hand.error, PolicyError)
        assert complaint in str(hand.error)


class TestView:
    def test_what_a_policy_sees(self) -> None:
        seen = []

        class Looks(Deep):
            def dispatch(self, view):
                seen.append(
                    (view.now, len(view.ready), len(view.running), list(view.streams), len(view.workers))
                )
                yield from super().dispatch(view)

        hand = Hand(Looks(), gpus(2))
        hand.load_all()
        hand.open(*map(job, range(8)))
        assert seen == [(2.0, 8, 0, ["s"], 2)]
        hand.finish(0)
        assert len(seen) == 1  # nothing was ready: not called

    def test_free_slots_are_spread_over_the_workers(self) -> None:
        hand = Hand(Deep(), gpus(2))
        hand.load_all()
        hand.open(*map(job, range(5)))
        assert [start.worker for start in hand.started] == ["w0", "w1", "w0", "w1", "w0"]

    def test_waking_up(self) -> None:
        class Waits(Wide):
            def dispatch(self, view):
                if view.now < 10.0:
                    view.wake_at(10.0)
                    return
                yield from super().dispatch(view)

        hand = Hand(Waits())
        hand.load_all()
        hand.open(job(0))
        assert hand.wake == 10.0
        assert not hand.started
        hand.tick()
        assert len(hand.started) == 1
        assert hand.wake == 130.0  # when the chunk should be done
        hand.finish(0)
        assert hand.wake is None

    def test_costs_are_learnt_from_what_chunks_took(self) -> None:
        seen = []

        class Asks(Wide):
            def dispatch(self, view):
                seen.append(view.costs.cost(view.ready.first()))
                yield from super().dispatch(view)

        hand = Hand(Asks())
        hand.load_all()
        hand.open(*map(job, range(3)))
        hand.finish(0, audio_s=4.0)
        assert seen[0] == pytest.approx(len("some words") / PROFILE.chars_per_s * PROFILE.rtf)
        assert seen[1] == pytest.approx(1.0, rel=0.1)  # it took a second, and one chunk may do so by chance


def test_a_driver_that_mixes_up_streams_is_told() -> None:
    hand = Hand()
    hand.open(job(0), last=False)
    with pytest.raises(ValueError, match="is open already"):
        hand.feed(msg.OpenStream("s"))
    with pytest.raises(ValueError, match="expects a chunk after 0, got 's' 0"):
        hand.feed(msg.Submit("s", [job(0)]))
    with pytest.raises(ValueError, match="expects a chunk after 0, got 't' 1"):
        hand.feed(msg.Submit("s", [job(1, "t")]))
    hand.feed(msg.Submit("s", [], last=True))
    with pytest.raises(ValueError, match="was complete already"):
        hand.feed(msg.Submit("s", [job(1)]))
