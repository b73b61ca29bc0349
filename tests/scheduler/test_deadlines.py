"""What is not heard in time, driven by hand: until when a chunk, a piece and a model are waited for."""

from __future__ import annotations

import pytest

from tests.scheduler.hand import PROFILE, Deep, Hand, gpus, job
from ttsflow.interface.jobs import Account
from ttsflow.scheduler import messages as msg

LONG = "x" * 3000
"""100 s of work, as the profile predicts"""


def speaking(hand: Hand, *texts: str) -> Hand:
    hand.load_all()
    hand.open(*(job(index, text=text) for index, text in enumerate(texts or ["some words"])))
    return hand


def left_s(hand: Hand) -> float:
    """Seconds until the scheduler wants to be woken."""
    assert hand.wake is not None
    return hand.wake - hand.now


class TestTheWhole:
    def test_a_short_chunk_has_the_time_that_the_limits_give(self) -> None:
        assert left_s(speaking(Hand())) == 120.0
        assert left_s(speaking(Hand(timeouts={"chunk_s": 7.0}))) == 7.0

    def test_a_long_one_has_ten_times_what_is_predicted(self) -> None:
        assert left_s(speaking(Hand(), LONG)) == pytest.approx(1000.0)

    def test_one_that_may_get_company_has_more(self) -> None:
        hand = speaking(Hand(Deep()), LONG)
        assert PROFILE.slowdown[3] == 1.3
        assert left_s(hand) == pytest.approx(1300.0)

    def test_when_it_is_over_the_worker_is_ended_and_the_chunk_tried_again(self) -> None:
        hand = speaking(Hand())
        commands = hand.tick()
        why = "worker w0 hangs and is ended: not done after 120 s"
        assert [type(c) for c in commands if not isinstance(c, msg.WakeAt)] == [
            msg.Notice, msg.KillWorker, msg.StartWorker,
        ]  # fmt: skip
        assert hand.kills == [("w0", 1, why)]
        assert hand.notices == [f"chunk 0 of 's' failed and is tried again: {why}"]
        hand.revive()
        hand.finish(0)
        assert (hand.outcome().status, hand.outcome().attempts) == ("ok", 2)

    def test_it_holds_though_piece_follows_piece(self) -> None:
        hand = speaking(Hand())
        for number in range(3):
            hand.feed(msg.Piece(1, number, 1.0, "x"), after=39.0)
        hand.tick()
        assert hand.kills == [("w0", 1, "worker w0 hangs and is ended: not done after 120 s")]

    def test_what_was_heard_just_in_time_counts(self) -> None:
        hand = speaking(Hand())
        hand.feed(msg.Piece(1, 0, 1.0, "x"), msg.Finished(1), after=left_s(hand))
        assert hand.heard == ["x"]
        assert not hand.kills

    def test_a_chunk_that_is_done_is_waited_for_no_longer(self) -> None:
        hand = speaking(Hand())
        hand.finish(0)
        assert hand.wake is None


class TestAPiece:
    def test_it_is_waited_for_only_after_the_first(self) -> None:
        hand = speaking(Hand())
        assert left_s(hand) == 120.0
        hand.feed(msg.Piece(1, 0, 1.0, "x"))
        assert left_s(hand) == 60.0

    def test_each_puts_the_deadline_off(self) -> None:
        hand = speaking(Hand(timeouts={"chunk_s": 1000.0}))
        for number in range(5):
            hand.feed(msg.Piece(1, number, 1.0, "x"), after=59.0)
            assert left_s(hand) == 60.0

    def test_silence_ends_the_worker(self) -> None:
        hand = speaking(Hand())
        hand.feed(msg.Piece(1, 0, 1.0, "x"))
        hand.tick()
        assert hand.kills == [("w0", 1, "worker w0 hangs and is ended: silent for 60 s")]

    def test_of_a_long_chunk_it_may_take_five_times_the_predicted_work(self) -> None:
        hand = speaking(Hand(), LONG)
        hand.feed(msg.Piece(1, 0, 1.0, "x"))
        assert left_s(hand) == pytest.approx(500.0)

    def test_one_that_comes_twice_is_no_sign_of_life(self) -> None:
        hand = speaking(Hand())
        hand.feed(msg.Piece(1, 0, 1.0, "x"))
        hand.feed(msg.Piece(1, 0, 1.0, "x"), after=10.0)
        assert left_s(hand) == 50.0


class TestAfterAnOverrun:
    def test_the_chunk_has_twice_the_time(self) -> None:
        hand = speaking(Hand())
        hand.tick()
        hand.revive()
        assert left_s(hand) == 240.0

    def test_so_one_that_is_far_slower_than_predicted_gets_through(self) -> None:
        hand = speaking(Hand(retries=3))
        needs_s = 900.0
        while left_s(hand) < needs_s:
            hand.tick()
            hand.revive()
        hand.feed(msg.Piece(hand.token(0), 0, 1.0, "x"), msg.Finished(hand.token(0)), after=needs_s)
        assert hand.outcome().status == "ok"

    def test_so_have_others_while_little_is_known(self) -> None:
        hand = speaking(Hand(retries=0), *["some words"] * 12)
        hand.tick()  # nobody wants the first any more
        hand.revive()
        assert left_s(hand) == 240.0
        for index in range(1, 11):
            hand.finish(index)
        assert left_s(hand) == pytest.approx(75.0)

    def test_however_many_hang_the_time_grows_with_the_attempts_at_one(self) -> None:
        hand = speaking(Hand(retries=1, restarts=100, deaths=100), *["some words"] * 20)
        allowed = []
        while not hand.all(msg.StreamFinished):
            allowed.append(left_s(hand))
            hand.tick()
            hand.revive()
        assert hand.account().failed == 5
        assert max(allowed) == 480.0

    def test_the_time_of_a_piece_is_doubled_too(self) -> None:
        hand = speaking(Hand(timeouts={"chunk_s": 1e6}))
        hand.feed(msg.Piece(1, 0, 1.0, "x"))
        hand.tick()
        hand.revive()
        hand.feed(msg.Piece(2, 0, 1.0, "x"))
        assert left_s(hand) == 120.0


class TestMeasured:
    """A chunk of "some words" is predicted to take a third of a second."""

    def test_what_a_user_says_is_the_limit_whatever_is_predicted(self) -> None:
        hand = speaking(Hand(timeouts={"chunk_s": 20.0, "idle_s": 7.0}), LONG)
        assert left_s(hand) == 20.0
        hand.feed(msg.Piece(1, 0, 1.0, "x"))
        assert left_s(hand) == 7.0
        hand.tick()
        hand.revive()
        assert left_s(hand) == 20.0

    def test_it_tightens_as_evidence_grows_down_to_a_floor(self) -> None:
        hand = speaking(Hand(), *["some words"] * 300)
        left = []
        for index in range(300):
            left.append(left_s(hand))
            hand.finish(index)
        assert left == sorted(left, reverse=True)
        assert left[0] == 120.0
        assert left[10] == pytest.approx(75.0)
        assert 30.0 < left[-1] < 35.0

    def test_a_run_whose_chunks_are_off_their_predictions_waits_longer(self) -> None:
        hand = speaking(Hand(), *["y" * 300] * 40)
        for index in range(39):
            hand.feed(msg.Piece(hand.token(index), 0, 20.0, "x"), msg.Finished(hand.token(index)),
                      after=10.0 if index % 3 else 100.0)  # fmt: skip
            hand.feed(msg.Delivered("s", index), after=0.0)
        assert left_s(hand) > 300.0

    def test_one_in_work_is_given_what_the_run_has_learnt_since(self) -> None:
        hand = speaking(Hand(devices=gpus(2)), LONG, *["some words"] * 8)
        for index in range(1, 9):
            token = hand.token(index)
            hand.feed(msg.Piece(token, 0, 10 / 15, "x"), msg.Finished(token), after=10 / 30)
        hand.tick()
        assert hand.kills[0][0] == "w0"
        assert 700.0 < hand.now < 750.0  # of a thousand

    def test_a_deadline_of_a_poor_prediction_is_put_off_when_it_is_due(self) -> None:
        hand = speaking(Hand(devices=gpus(2)), *["y" * 300] * 5)
        for index in range(1, 4):  # each takes three times as long as predicted
            hand.feed(msg.Piece(hand.token(index), 0, 20.0, "x"), msg.Finished(hand.token(index)), after=30.0)
        first = hand.wake
        while not hand.kills:
            hand.tick()
        assert first is not None
        assert hand.now > first > 120.0

    def test_it_is_put_off_to_eight_times_what_it_was_at_most(self) -> None:
        hand = speaking(Hand(devices=gpus(2)), *["y" * 300] * 99)
        begun, done_s = hand.now, 100.0  # the others take ten times as long as predicted
        while not hand.kills:
            assert hand.wake is not None
            if hand.wake < begun + done_s:
                hand.tick()
                continue
            hand.feed(
                msg.Piece(hand.running[-1].token, 0, 20.0, "x"), msg.Finished(hand.running[-1].token),
                after=begun + done_s - hand.now,
            )  # fmt: skip
            done_s += 100.0
        assert hand.now - begun == pytest.approx(8 * 120.0)


class TestWhoHangs:
    def test_alone_it_is_counted_against_the_chunk(self) -> None:
        hand = speaking(Hand(retries=1))
        hand.tick()
        hand.revive()
        assert not hand.all(msg.ChunkFailed)
        hand.tick()
        assert hand.outcome().status == "failed"
        assert hand.outcome().why.startswith("worker w0 hangs and is ended: not done after 24")
        assert hand.account() == Account(submitted=1, failed=1)

    def test_in_company_nobody_is_to_blame_and_each_runs_alone(self) -> None:
        hand = speaking(Hand(Deep(), retries=0), *["some words"] * 4)
        assert len(hand.running) == 4
        hand.tick()
        assert len(hand.kills) == 1
        hand.revive()
        for index in range(4):
            assert [start.job.index for start in hand.running] == [index]
            hand.finish(index)
        assert hand.account() == Account(submitted=4, delivered=4)

    def test_the_one_that_hangs_again_is_found_out(self) -> None:
        hand = speaking(Hand(Deep(), retries=0), *["some words"] * 4)
        hand.tick()
        hand.revive()
        hand.finish(0)
        hand.tick()
        hand.revive()
        hand.finish(2)
        hand.finish(3)
        assert hand.account() == Account(submitted=4, delivered=3, failed=1)
        assert "hangs" in hand.outcome(1).why

    def test_one_whose_stream_is_cancelled_has_the_time_of_a_cancellation(self) -> None:
        hand = speaking(Hand())
        hand.feed(msg.CancelStream("s"))
        assert left_s(hand) == 5.0


class TestPaused:
    def test_what_ran_meanwhile_shows_no_cost(self) -> None:
        hand = speaking(Hand(), *["some words"] * 2)
        hand.feed(msg.Paused(), after=0.001)
        hand.finish(0)
        quick = speaking(Hand(), *["some words"] * 2)
        quick.finish(0)
        assert left_s(hand) == 120.0
        assert left_s(quick) != 120.0


class TestLoading:
    def test_a_worker_that_shows_nothing_is_ended(self) -> None:
        hand = Hand()
        hand.open(job(0))
        assert hand.wake == 600.0
        hand.tick()
        assert hand.kills == [("w0", 1, "no sign of progress in loading for 600 s")]
        assert hand.generation() == 2

    def test_progress_puts_the_deadline_off(self) -> None:
        hand = Hand()
        for _ in range(5):
            hand.feed(msg.WorkerLoading("w0", 1, "weights"), after=599.0)
            assert left_s(hand) == 600.0
        hand.load_all()
        assert hand.wake is None

    def test_what_a_dead_or_a_ready_worker_says_of_loading_is_nothing(self) -> None:
        hand = Hand()
        hand.die()
        assert hand.feed(msg.WorkerLoading("w0", 1, "late")) == []
        hand.revive()
        assert hand.feed(msg.WorkerLoading("w0", 2, "late"), msg.WorkerReady("w0", 2)) == []

    def test_one_that_never_loads_ends_the_run_and_why_is_told(self) -> None:
        hand = Hand(restarts=1)
        hand.open(job(0))
        hand.tick()
        hand.tick()
        assert str(hand.error) == (
            "no worker is left to speak with. "
            "The last was w0 on cuda:0: no sign of progress in loading for 600 s"
        )
        assert hand.account() == Account(submitted=1, not_reached=1)
