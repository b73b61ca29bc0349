"""Draining, driven by hand: nothing starts any more, what runs ends in peace, and then every stream ends."""

from __future__ import annotations

from tests.scheduler.hand import Deep, Hand, Wide, gpus, job
from ttsflow import Policy
from ttsflow.interface.jobs import Account, Doubt
from ttsflow.scheduler import messages as msg


def speaking(hand: Hand, chunks: int = 8, **stream: bool) -> Hand:
    hand.load_all()
    hand.open(*map(job, range(chunks)), **stream)
    return hand


def ends(hand: Hand) -> list[str | None]:
    return [finished.why for finished in hand.all(msg.StreamFinished)]


def test_what_runs_ends_and_nothing_starts() -> None:
    hand = speaking(Hand(devices=gpus(2)))
    hand.feed(msg.Drain())
    assert not ends(hand)
    hand.finish(1)
    assert not ends(hand)
    hand.finish(0)
    assert len(hand.started) == 2
    assert hand.heard == ["audio 0", "audio 1"]
    assert ends(hand) == ["stopped before the end"]
    assert hand.account() == Account(submitted=8, delivered=2, not_reached=6)


def test_a_sink_is_waited_for() -> None:
    hand = speaking(Hand(), chunks=2)
    hand.feed(msg.Drain())
    hand.speak(hand.token(0), "x")
    assert not ends(hand)
    hand.feed(msg.Delivered("s", 0))
    assert hand.account() == Account(submitted=2, delivered=1, not_reached=1)


def test_a_store_is_waited_for() -> None:
    hand = speaking(Hand(), chunks=2, stored=True)
    hand.feed(msg.Drain())
    hand.speak(hand.token(0), "x")
    assert not ends(hand)
    hand.feed(msg.Committed("s", 0))
    assert hand.account() == Account(submitted=2, delivered=1, not_reached=1)


def test_what_is_in_the_store_and_not_next_is_handed_over() -> None:
    hand = speaking(Hand(devices=gpus(2)), chunks=3, stored=True)
    hand.finish(1)
    hand.feed(msg.Drain(), msg.Committed("s", 1))
    hand.feed(msg.Failed(hand.token(0), "oops"))  # it is not tried again
    hand.finish(2)
    hand.feed(msg.Committed("s", 2))
    assert [commit.outcome.job.index for commit in hand.all(msg.Commit)] == [1, 2]
    deliveries = hand.all(msg.Deliver)
    assert [(delivery.index, delivery.audio_s) for delivery in deliveries] == [(1, 0.0), (2, 0.0)]
    assert hand.account() == Account(submitted=3, delivered=2, not_reached=1)


def test_what_failed_and_is_not_next_is_told() -> None:
    hand = speaking(Hand(devices=gpus(2)), chunks=3, stored=True)
    hand.feed(msg.Failed(hand.token(1), "too strange", "refused"))
    hand.feed(msg.CancelStream("s"))
    [failed] = hand.all(msg.ChunkFailed)
    assert (failed.outcome.job.index, failed.outcome.why) == (1, "too strange")
    assert hand.account() == Account(submitted=3, failed=1, not_reached=2)


def test_streams_that_have_nothing_in_work_end_at_once() -> None:
    hand = speaking(Hand(), chunks=1)
    hand.open(job(0, "t"), stream="t")
    commands = hand.feed(msg.Drain())
    [finished] = [command for command in commands if isinstance(command, msg.StreamFinished)]
    assert (finished.stream, finished.account) == ("t", Account(submitted=1, not_reached=1))
    hand.finish(0)
    assert hand.account("s") == Account(submitted=1, delivered=1)


def test_a_stream_that_is_done_with_the_last_chunk_in_work_ends_as_it_would_have() -> None:
    hand = speaking(Hand(), chunks=1)
    hand.feed(msg.Drain())
    hand.finish(0)
    assert ends(hand) == [None]


def test_the_time_for_it_is_limited() -> None:
    hand = speaking(Hand(timeouts={"drain_s": 7.0}), chunks=2)
    hand.feed(msg.Drain())
    assert hand.wake == hand.now + 7.0
    commands = hand.tick()
    assert [type(c) for c in commands if not isinstance(c, msg.WakeAt)] == [
        msg.CancelJob, msg.StreamFinished, msg.Learnt,
    ]  # fmt: skip
    assert hand.account() == Account(submitted=2, not_reached=2)


def test_asking_twice_gives_no_more_time() -> None:
    hand = speaking(Hand())
    hand.feed(msg.Drain())
    hand.feed(msg.Drain(), after=20.0)
    assert hand.wake == hand.now + 10.0


def test_what_fails_is_not_tried_again_and_is_not_reached() -> None:
    for failure in (
        msg.Failed(1, "oops"),
        msg.Died("w0", 1, "killed"),
        msg.Finished(1, (Doubt("engine", "a hum"),)),
    ):
        hand = speaking(Hand(), chunks=2)
        hand.feed(msg.Drain())
        hand.feed(msg.Piece(1, 0, 1.0, "x"), failure)
        assert len(hand.started) == 1
        assert hand.account() == Account(submitted=2, not_reached=2)


def test_what_fails_for_good_is_named() -> None:
    hand = speaking(Hand(), chunks=2)
    hand.feed(msg.Drain())
    hand.fail(0, "too odd", "refused")
    assert hand.account() == Account(submitted=2, failed=1, not_reached=1)


def test_suspects_are_not_started() -> None:
    hand = speaking(Hand(Deep(), gpus(2)))
    hand.die("w0")
    hand.feed(msg.Drain())
    for index in (1, 3, 5, 7):
        hand.finish(index)
    assert len(hand.started) == 8
    assert hand.account() == Account(submitted=8, not_reached=8)


def test_the_loss_of_the_last_worker_does_not_cut_off_the_sink() -> None:
    hand = speaking(Hand(Deep(), restarts=0), chunks=8)
    hand.speak(hand.token(0), "x")
    hand.feed(msg.Drain())
    hand.fail(1, "fell off the bus", "device lost")
    assert not hand.all(msg.Stop)
    hand.feed(msg.Delivered("s", 0))
    assert hand.account() == Account(submitted=8, delivered=1, not_reached=7)


def test_streams_that_come_after_it_end_at_once() -> None:
    hand = Hand()
    hand.load_all()
    hand.feed(msg.Drain())
    hand.open(job(0))
    assert not hand.started
    assert hand.account() == Account(submitted=1, not_reached=1)


def test_no_policy_is_blamed_for_work_that_is_left() -> None:
    class Naps(Wide):
        def dispatch(self, view):
            if view.running:
                return ()
            view.wake_at(view.now + 25.0)
            return ()

    policy: Policy = Naps()
    hand = speaking(Hand(policy), chunks=2, stored=True)
    hand.feed(msg.Drain())
    assert not hand.all(msg.Stop)
    assert hand.account() == Account(submitted=2, not_reached=2)
    assert hand.wake is not None  # when the drain would have been over
    assert hand.tick() == [msg.WakeAt(None)]
