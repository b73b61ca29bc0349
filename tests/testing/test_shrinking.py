"""A schedule that fails becomes a short history that fails for the same reason."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scheduler.hand import Hand, Wide, gpus, job
from tests.testing.test_fault_tester import HARSH
from tests.testing.test_invariants import another_seed_after_a_death, committed_twice, convicted_too_soon
from ttsflow import Policy, PolicyError
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.core import Scheduler
from ttsflow.testing.fault_tester import Faults, FaultySimulator, Size, run_schedule, run_sound
from ttsflow.testing.invariants import InvariantBroken
from ttsflow.testing.shrinking import History, Shrunk, in_short, shrink
from ttsflow_plugins.sequential import Sequential


def sequential(rng: random.Random) -> Policy:
    return Sequential()


def first_failing(faults: Faults) -> int:
    for seed in range(400):
        try:
            run_schedule(seed, sequential, faults)
        except InvariantBroken:
            return seed
    pytest.fail("no schedule fails")


def check_replays(shrunk: Shrunk, policy: Any = sequential, run: Any = run_schedule) -> None:
    with pytest.raises(InvariantBroken) as broken:
        run(shrunk.seed, policy, shrunk.faults, shrunk.size)
    assert str(broken.value) == shrunk.why


class TestShrink:
    def test_a_chunk_that_is_given_up_too_soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        convicted_too_soon(monkeypatch.setattr)
        shrunk = shrink(first_failing(HARSH), sequential, HARSH)
        assert shrunk.why.endswith("was given up after 1 attempts")
        kept = [kind for kind in Faults.__slots__ if getattr(shrunk.faults, kind)]
        assert len(kept) == 1
        assert shrunk.size == Size(devices=1, streams=1, chunks=1)
        assert len(shrunk.history) <= 20
        assert "ChunkFailed(outcome=Outcome(job=<s0 0>, status='failed'" in str(shrunk)
        check_replays(shrunk)

    def test_a_chunk_that_is_committed_twice_needs_no_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        committed_twice(monkeypatch.setattr)
        shrunk = shrink(first_failing(HARSH), sequential, HARSH)
        assert shrunk.faults == Faults()
        assert len(shrunk.history) <= 15
        assert [line.split("(")[0].split()[-1] for line in shrunk.history[-5:]] == [
            "Piece", "Finished", "Commit", "Commit", "WakeAt",
        ]  # fmt: skip
        check_replays(shrunk)

    def test_what_it_says_is_a_message_for_a_person(self, monkeypatch: pytest.MonkeyPatch) -> None:
        another_seed_after_a_death(monkeypatch.setattr)
        shrunk = shrink(first_failing(HARSH), sequential, HARSH)
        why, replay, *history = str(shrunk).splitlines()
        assert why.endswith("has another seed")
        assert replay.startswith(f"seed {shrunk.seed}, Faults(")
        assert replay.endswith(f"Size(devices={shrunk.size.devices}, streams=1, chunks={shrunk.size.chunks})")
        assert all(line[8:15] == " s  <- " or line[8:15] == "    -> " for line in history)
        assert max(map(len, history)) < 300

    def test_runs_that_end_in_an_error_of_the_policy_are_shrunk_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Half(Sequential):
            name = "half"

            def dispatch(self, view: Any) -> Iterator[Any]:
                return ((job, worker) for job, worker in super().dispatch(view) if job.index < 3)

        def half(rng: random.Random) -> Policy:
            return Half()

        seed = next(s for s in range(100) if isinstance(run_schedule(s, half, HARSH).error, PolicyError))
        shrunk = shrink(seed, half, HARSH, run_sound)
        assert "ready chunks waiting with every worker idle" in shrunk.why
        assert shrunk.size.chunks == 5
        assert any("-> Stop(error=PolicyError(" in line for line in shrunk.history)
        check_replays(shrunk, half, run_sound)

    def test_a_schedule_that_breaks_nothing(self) -> None:
        with pytest.raises(ValueError, match="schedule 3 breaks no promise"):
            shrink(3, sequential, HARSH)


class TestHistory:
    def test_every_event_and_command_is_written_down_and_nothing_changed(self) -> None:
        plain = Hand(Wide(), gpus(1))
        history = History(Scheduler(Wide(), gpus(1), plain.profile))
        assert history.start(0.0) == plain.commands
        for events in ([msg.WorkerReady("w0", 1), msg.OpenStream("s")], [msg.Submit("s", [job(0)], True)]):
            assert history.feed(iter(events), 1.0) == plain.feed(*events, after=1.0 - plain.now)
        assert history.lines == [
            "            -> StartWorker(worker='w0', generation=1, spec=WorkerSpec(device=Device(id='cuda:0',"
            " kind='cuda')))",
            "            -> WakeAt(when=600.00)",
            "    1.00 s  <- WorkerReady(worker='w0', generation=1)",
            "    1.00 s  <- OpenStream(stream='s')",
            "            -> RequestJobs(stream='s', count=8)",
            "            -> WakeAt(when=None)",
            "    1.00 s  <- Submit(stream='s', jobs=[<s 0>], last=True)",
            "            -> StartJob(token=1, worker='w0', generation=1, job=<s 0>)",
            "            -> WakeAt(when=121.00)",
        ]

    def test_messages_in_short(self) -> None:
        part = job(7).split(["some", "words"])[1].retake()
        assert in_short(part) == "<s 7.1, take 1>"
        assert in_short(msg.Piece(3, 0, 1.25, "pcm", 0x123456789)) == (
            "Piece(token=3, number=0, audio_s=1.25, payload='pcm', checksum=..6789)"
        )


def test_a_world_in_which_chunks_are_lost_is_no_sound_run(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse: Any = lambda self, token, job: msg.Failed(token, "no", "refused")  # noqa: E731  # one line
    monkeypatch.setattr(FaultySimulator, "_answer", refuse)
    seed = next(seed for seed in range(100) if run_schedule(seed, sequential, Faults()).outcomes)
    with pytest.raises(InvariantBroken, match=rf"^schedule {seed}: \d+ chunks were not delivered"):
        run_sound(seed, sequential, Faults())
