"""Chunks that are too long for the model and are spoken in parts, driven by hand."""

import pytest

from tests.scheduler.hand import Deep, Hand, gpus, job
from ttsflow import ChunkJob, Policy
from ttsflow.interface.costs import Costs
from ttsflow.interface.jobs import Account, Doubt, Outcome
from ttsflow.scheduler import messages as msg


def speaking(policy: Policy | None = None, workers: int = 1, chunks: int = 1, live: bool = False, **limits):
    """A stream is being spoken, and its first chunk has just been found too long: three parts."""
    hand = Hand(policy, gpus(workers), **limits)
    hand.load_all()
    hand.open(*map(job, range(chunks)), live=live)
    hand.split(0, "one", "two", "three")
    return hand


def starts(hand: Hand) -> list[tuple[int, tuple[int, ...]]]:
    return [(start.job.index, start.job.part) for start in hand.started]


def heard(hand: Hand) -> list[str]:
    return [payload for delivery in hand.all(msg.Deliver) for payload in delivery.payloads]


def outcome(hand: Hand) -> Outcome:
    [ended] = [c.outcome for c in hand.commands if isinstance(c, msg.Deliver | msg.ChunkFailed) and c.outcome]
    return ended


def test_the_parts_are_spoken_and_the_chunk_is_published_once() -> None:
    hand = speaking()
    assert [notice.text for notice in hand.all(msg.Notice)] == [
        "chunk 0 of 's' is spoken in 3 parts: it is too long for the model"
    ]
    for number in range(3):
        assert not hand.all(msg.Deliver)
        hand.finish(0, part=number)
    [delivery] = hand.all(msg.Deliver)
    assert delivery.payloads == ["audio 0.0", "audio 0.1", "audio 0.2"]
    assert [start.job for start in hand.started[1:]] == job(0).split(["one", "two", "three"])
    ended = delivery.outcome
    assert ended.job == job(0)
    assert (ended.status, ended.attempts, ended.audio_s, ended.sent_s) == ("ok", 4, 6.0, 0.0)
    assert (ended.queued_s, ended.started_s, ended.first_audio_s, ended.finished_s) == (2, 3, 4, 6)
    assert hand.account() == Account(submitted=1, delivered=1)


def test_parts_run_side_by_side_and_come_out_in_order() -> None:
    hand = speaking(workers=3, chunks=2)
    assert starts(hand) == [(0, ()), (1, ()), (0, (0,)), (0, (1,))]
    hand.finish(0, part=1)
    hand.finish(0, part=2)
    hand.finish(1)
    assert not hand.all(msg.Deliver)
    hand.finish(0, part=0)
    assert heard(hand) == ["audio 0.0", "audio 0.1", "audio 0.2", "audio 1"]
    assert [delivery.index for delivery in hand.all(msg.Deliver)] == [0, 1]
    assert hand.all(msg.Deliver)[0].outcome.worker == hand.started[-1].worker


def test_parts_and_their_retries_keep_the_place_of_the_chunk() -> None:
    hand = speaking(chunks=3)
    hand.feed(msg.Failed(hand.token(0, part=0), "oops"))
    hand.finish(0, part=0)
    hand.finish(0, part=1)
    hand.finish(0, part=2)
    assert starts(hand) == [(0, ()), (0, (0,)), (0, (0,)), (0, (1,)), (0, (2,)), (1, ())]


def test_a_split_uses_up_no_retry_and_each_part_has_its_own() -> None:
    hand = Hand(retries=1)
    hand.load_all()
    hand.open(job(0))
    hand.feed(msg.Failed(hand.token(0), "oops"))
    hand.split(0, "one", "two")
    for number in range(2):
        hand.feed(msg.Failed(hand.token(0, part=number), "oops"))
        hand.finish(0, part=number)
    assert outcome(hand).status == "ok"
    assert outcome(hand).attempts == 6  # two of the whole, two of each part


def test_a_retry_of_a_part_is_told() -> None:
    hand = speaking()
    hand.feed(msg.Failed(hand.token(0, part=0), "oops"))
    assert hand.all(msg.Notice)[-1].text == "chunk 0 of 's' failed and is tried again: part 1 of 3: oops"


def test_a_part_that_is_too_long_fails_the_chunk() -> None:
    hand = speaking(retries=9)
    hand.feed(msg.TooLong(hand.token(0, part=0), ["o", "ne"]))
    assert outcome(hand).why == "part 1 of 3: it is too long for the model as well"
    assert hand.account() == Account(submitted=1, failed=1)


def test_no_split_after_there_was_audio() -> None:
    hand = Hand(retries=9)
    hand.load_all()
    hand.open(job(0))
    hand.feed(msg.Piece(hand.token(0), 0, 1.0, "some"), msg.TooLong(hand.token(0), ["one", "two"]))
    assert "after it had made audio" in outcome(hand).why


class TestFailure:
    def test_what_is_ready_is_withdrawn_and_the_failure_named(self) -> None:
        hand = speaking(chunks=2)
        hand.finish(0, part=0)
        hand.feed(msg.Failed(hand.token(0, part=1), "too odd", "refused"))
        ended = outcome(hand)
        assert (ended.job, ended.status, ended.why) == (job(0), "failed", "part 2 of 3: too odd")
        assert (ended.attempts, ended.audio_s) == (3, 0.0)
        assert starts(hand)[-1] == (1, ())  # and not the third part
        hand.finish(1)
        assert heard(hand) == ["audio 1"]
        assert hand.account() == Account(submitted=2, delivered=1, failed=1)

    def test_what_runs_is_cancelled_and_holds_its_slot_until_the_worker_answers(self) -> None:
        hand = speaking(workers=3, chunks=4)
        hand.finish(1)
        hand.finish(2)
        running = [hand.token(0, part=number) for number in (1, 2)]
        commands = hand.feed(msg.Failed(hand.token(0, part=0), "too odd", "refused"))
        hand.write(commands)
        cancelled = [command.token for command in commands if isinstance(command, msg.CancelJob)]
        assert cancelled == running
        assert starts(hand)[-1] == (3, ())
        before = len(hand.started)
        hand.open(job(0, "t"), job(1, "t"), stream="t")
        assert len(hand.started) == before
        hand.feed(msg.Cancelled(running[0]))
        hand.feed(msg.Piece(running[1], 0, 1.0, "late"), msg.Finished(running[1]))  # it had not heard of it
        assert len(hand.started) == before + 2
        hand.finish(3)
        assert heard(hand) == ["audio 1", "audio 2", "audio 3"]
        assert hand.account() == Account(submitted=4, delivered=3, failed=1)

    def test_a_worker_that_does_not_let_go_of_a_part_is_killed(self) -> None:
        hand = speaking(workers=2, chunks=1, timeouts={"cancel_s": 5.0})
        commands = hand.feed(msg.Failed(hand.token(0, part=0), "too odd", "refused"))
        assert [type(c) for c in commands if isinstance(c, msg.CancelJob)] == [msg.CancelJob]
        assert hand.account() == Account(submitted=1, failed=1)
        commands = hand.feed(msg.Tick(), after=5.0)
        assert [c.worker for c in commands if isinstance(c, msg.KillWorker)] == [hand.started[-1].worker]

    def test_a_part_that_waits_for_its_retry_is_not_tried_when_another_has_failed(self) -> None:
        hand = speaking(workers=2, chunks=1)
        first, second = hand.token(0, part=0), hand.token(0, part=1)
        hand.feed(msg.Failed(first, "oops"), msg.Failed(second, "too odd", "refused"))
        assert len(hand.started) == 3
        assert hand.account() == Account(submitted=1, failed=1)

    def test_parts_that_hang_one_after_the_other_fail_the_chunk_once(self) -> None:
        hand = speaking(Deep(), retries=0)
        hand.tick()  # all three hang, in company
        hand.revive()
        hand.tick()
        assert outcome(hand).why.startswith("part 1 of 3: worker w0 hangs and is ended: not done after ")
        assert hand.account() == Account(submitted=1, failed=1)

    def test_parts_on_one_dead_worker_are_spoken_one_by_one(self) -> None:
        hand = speaking(Deep(), retries=0)
        hand.die()
        hand.revive()
        for number in range(3):
            assert starts(hand)[4:] == [(0, (part,)) for part in range(number + 1)]
            hand.finish(0, part=number)
        assert heard(hand) == ["audio 0.0", "audio 0.1", "audio 0.2"]

    def test_a_death_costs_the_parts_on_that_worker_only(self) -> None:
        hand = speaking(workers=3, retries=1)
        worker = hand.started[1].worker
        hand.feed(msg.Died(worker, 1, "killed"))
        hand.feed(msg.WorkerReady(worker, 2))
        for number in (2, 1, 0):
            hand.finish(0, part=number)
        assert heard(hand) == ["audio 0.0", "audio 0.1", "audio 0.2"]
        assert outcome(hand).attempts == 5  # of the whole one

    def test_cancelling_the_stream(self) -> None:
        hand = speaking(workers=2, chunks=3)
        commands = hand.feed(msg.CancelStream("s"))
        assert len([c for c in commands if isinstance(c, msg.CancelJob)]) == 2
        assert hand.account() == Account(submitted=3, not_reached=3)
        hand.feed(*(msg.Cancelled(start.token) for start in hand.started[-2:]))
        hand.open(job(0, "t"), stream="t")
        assert hand.started[-1].job.stream == "t"

    def test_what_was_cancelled_with_its_chunk_is_not_cancelled_again_with_its_stream(self) -> None:
        hand = speaking(workers=2)
        hand.notes_failures = False
        hand.feed(msg.Failed(hand.token(0, part=0), "too odd", "refused"))
        assert len(hand.all(msg.CancelJob)) == 1
        hand.feed(msg.CancelStream("s"))
        assert len(hand.all(msg.CancelJob)) == 1


class TestLive:
    def test_pieces_wait_for_the_parts_before_theirs(self) -> None:
        hand = speaking(workers=2, live=True)
        first, second = hand.token(0, part=0), hand.token(0, part=1)
        hand.feed(msg.Piece(second, 0, 1.0, "b1"))
        assert heard(hand) == []
        hand.feed(msg.Piece(first, 0, 1.0, "a1"))
        assert heard(hand) == ["a1"]
        hand.feed(msg.Piece(first, 1, 1.0, "a2"), msg.Finished(first))
        assert heard(hand) == ["a1", "a2", "b1"]
        hand.feed(msg.Piece(second, 1, 1.0, "b2"))
        assert heard(hand)[-1] == "b2"
        hand.feed(msg.Finished(second))
        hand.finish(0, part=2)
        assert heard(hand) == ["a1", "a2", "b1", "b2", "audio 0.2"]
        assert len([c for c in hand.all(msg.Deliver) if c.outcome]) == 1
        assert outcome(hand).first_audio_s == 4.0

    def test_a_part_that_was_not_heard_is_tried_again_though_others_were(self) -> None:
        hand = speaking(live=True)
        hand.finish(0, part=0)
        hand.feed(msg.Failed(hand.token(0, part=1), "oops"))
        hand.finish(0, part=1)
        hand.finish(0, part=2)
        assert heard(hand) == ["audio 0.0", "audio 0.1", "audio 0.2"]
        assert outcome(hand).status == "ok"

    @pytest.mark.parametrize("hang", [False, True])
    def test_when_its_worker_ends_the_chunk_ends_once_and_no_part_is_tried_again(self, hang: bool) -> None:
        hand = speaking(Deep(), chunks=2, live=True, retries=9)
        hand.feed(msg.Piece(hand.token(0, part=0), 0, 1.0, "a1"))
        if hang:
            hand.tick()
        else:
            hand.die()
        hand.revive()
        assert outcome(hand).status == "failed"
        assert starts(hand)[-1] == (1, ())
        hand.finish(1)
        assert hand.account() == Account(submitted=2, delivered=1, failed=1)

    def test_a_part_that_was_heard_is_not_spoken_again(self) -> None:
        hand = speaking(live=True, retries=9)
        hand.finish(0, part=0)
        hand.feed(msg.Piece(hand.token(0, part=1), 0, 1.5, "b1"))
        hand.feed(msg.Failed(hand.token(0, part=1), "oops"))
        ended = outcome(hand)
        assert (ended.status, ended.sent_s, ended.why) == ("failed", 3.5, "part 2 of 3: oops")
        assert hand.account() == Account(submitted=1, failed=1)


def test_a_doubt_about_a_part_is_one_about_the_chunk() -> None:
    hand = speaking(takes=0)
    doubts = (Doubt("engine", "a doubt"),), (), (Doubt("engine", "another"),)
    for number, found in enumerate(doubts):
        token = hand.token(0, part=number)
        hand.feed(msg.Piece(token, 0, 1.0, "x"), msg.Finished(token, found))
    assert (outcome(hand).status, outcome(hand).why) == ("flagged", "a doubt; another")


def test_costs_learn_from_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[ChunkJob, float]] = []
    monkeypatch.setattr(Costs, "observe_spent", lambda self, job, audio_s, *_: seen.append((job, audio_s)))
    hand = speaking()
    for number in range(3):
        hand.finish(0, part=number)
    assert seen == [(part, 2.0) for part in job(0).split(["one", "two", "three"])]
