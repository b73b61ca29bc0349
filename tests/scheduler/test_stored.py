"""Stored streams, driven by hand: chunks are committed as they end, and handed over in text order then."""

from __future__ import annotations

from tests.scheduler.hand import Deep, Hand, gpus, job
from ttsflow.interface.jobs import Account, Doubt
from ttsflow.scheduler import messages as msg

HUM = Doubt("engine", "a hum")


def speaking(chunks: int = 4, *, workers: int = 4, last: bool = True, **limits: object) -> Hand:
    hand = Hand(devices=gpus(workers), **limits)
    hand.load_all()
    hand.open(*map(job, range(chunks)), stored=True, last=last)
    return hand


def commits(hand: Hand) -> list[tuple[int, list[str]]]:
    return [(commit.outcome.job.index, list(commit.payloads)) for commit in hand.all(msg.Commit)]


def delivered(hand: Hand) -> list[int]:
    return [delivery.index for delivery in hand.all(msg.Deliver)]


def keep(hand: Hand, *indices: int) -> list[msg.Command]:
    return hand.feed(*(msg.Committed("s", index) for index in indices))


def test_chunks_are_committed_as_they_end_whatever_their_order() -> None:
    hand = speaking()
    for index in (2, 0, 3, 1):
        hand.finish(index)
    assert commits(hand) == [(index, [f"audio {index}"]) for index in (2, 0, 3, 1)]
    assert not delivered(hand)


def test_they_are_handed_over_in_text_order_once_the_store_holds_them() -> None:
    hand = speaking()
    for index in range(4):
        hand.finish(index)
    keep(hand, 1, 3)
    assert not delivered(hand)
    keep(hand, 0)
    assert delivered(hand) == [0, 1]
    keep(hand, 2)
    assert delivered(hand) == [0, 1, 2, 3]
    deliveries = hand.all(msg.Deliver)
    assert [list(delivery.payloads) for delivery in deliveries] == [[], [], [], []]
    assert [delivery.audio_s for delivery in deliveries] == [2.0] * 4
    assert [delivery.outcome for delivery in deliveries] == [c.outcome for c in hand.all(msg.Commit)]
    assert hand.account() == Account(submitted=4, delivered=4)


def test_a_chunk_in_parts_is_committed_once() -> None:
    hand = speaking(1)
    hand.split(0, "some", "words")
    hand.finish(0, part=1)
    assert not commits(hand)
    hand.finish(0, part=0)
    assert commits(hand) == [(0, ["audio 0.0", "audio 0.1"])]


def test_a_chunk_in_doubt_is_committed_when_its_best_take_is_known() -> None:
    hand = speaking(1, workers=1, takes=1)
    hand.speak(1, "first", 0.5, HUM)
    hand.speak(2, "second", 9.0, HUM)
    assert not commits(hand)
    hand.speak(hand.token(0, part=0), "part", 0.3, HUM)
    assert commits(hand) == [(0, ["first"])]
    [commit] = hand.all(msg.Commit)
    assert (commit.outcome.status, commit.outcome.attempts) == ("flagged", 3)


def test_a_pause_has_nothing_to_commit_and_waits_for_its_turn() -> None:
    hand = Hand()
    hand.load_all()
    hand.open(job(0), job(1, speakable=False), stored=True)
    assert not delivered(hand)
    hand.finish(0)
    keep(hand, 0)
    assert commits(hand) == [(0, ["audio 0"])]
    assert delivered(hand) == [0, 1]
    assert hand.outcome(1).status == "pause"


def test_a_failed_chunk_is_not_committed_and_named_in_its_turn() -> None:
    hand = speaking(3)
    hand.fail(1, "no", "refused")
    assert not hand.all(msg.ChunkFailed)
    hand.finish(0)
    hand.finish(2)
    hand.write(keep(hand, 0, 2))
    assert [type(c) for c in hand.commands if isinstance(c, msg.Deliver | msg.ChunkFailed)] == [
        msg.Deliver, msg.ChunkFailed, msg.Deliver,
    ]  # fmt: skip
    assert [index for index, _ in commits(hand)] == [0, 2]
    assert hand.account() == Account(submitted=3, delivered=2, failed=1)


class TestWindow:
    def test_what_is_committed_leaves_it_before_its_turn(self) -> None:
        hand = speaking(100, workers=2, look_ahead=8, timeouts={"chunk_s": 1000.0})
        for index in range(1, 100):
            hand.finish(index)
            keep(hand, index)
        assert [start.job.index for start in hand.running] == [0]
        assert not delivered(hand)
        hand.finish(0)
        hand.write(keep(hand, 0))
        assert delivered(hand) == list(range(100))
        assert hand.account() == Account(submitted=100, delivered=100)

    def test_a_store_that_is_slow_holds_up_the_work(self) -> None:
        hand = speaking(50, workers=1, look_ahead=8)
        for index in range(8):
            hand.finish(index)
        assert not hand.running
        keep(hand, 5)
        assert [start.job.index for start in hand.running] == [8]

    def test_jobs_are_asked_for_as_chunks_are_committed(self) -> None:
        hand = speaking(8, workers=1, last=False)
        hand.finish(0)
        asked = len(hand.all(msg.RequestJobs))
        keep(hand, 0)
        assert hand.all(msg.RequestJobs)[asked:] == [msg.RequestJobs("s", 1)]

    def test_nobody_is_waited_for_once_all_is_committed(self) -> None:
        hand = speaking(40, workers=1, look_ahead=8)
        for index in range(40):
            hand.speak(hand.token(index), "x")
            keep(hand, index)
        assert delivered(hand) == list(range(40))
        assert hand.account() == Account(submitted=40, delivered=40)

    def test_a_failed_chunk_leaves_it_when_it_is_its_turn(self) -> None:
        hand = speaking(50, workers=1, look_ahead=8)
        hand.notes_failures = False
        for index in range(20):
            hand.fail(index, f"no{'!' * index}", "refused")
        assert [start.job.index for start in hand.running] == [20]


class TestAnswersThatWereNotDue:
    def test_a_commit_that_is_told_twice(self) -> None:
        hand = speaking(2)
        hand.finish(0)
        keep(hand, 0, 0)
        assert keep(hand, 0) == []
        hand.finish(1)
        hand.write(keep(hand, 1))
        hand.feed(msg.Delivered("s", 0))
        assert hand.account() == Account(submitted=2, delivered=2)

    def test_of_chunks_that_have_not_ended_or_are_unknown(self) -> None:
        hand = speaking(1)
        assert keep(hand, 0, 7) == []
        hand.finish(0)
        assert not delivered(hand)

    def test_of_a_stream_that_is_no_more(self) -> None:
        hand = speaking(1)
        hand.feed(msg.CancelStream("s"))
        assert keep(hand, 0) == []


def test_a_stream_that_is_cancelled_between_commit_and_delivery() -> None:
    hand = speaking(3)
    for index in (0, 1):
        hand.finish(index)
    hand.write(keep(hand, 0))
    hand.feed(msg.CancelStream("s", "the disk is full"))
    [finished] = hand.all(msg.StreamFinished)
    assert finished == msg.StreamFinished(
        "s", Account(submitted=3, delivered=1, not_reached=2), "the disk is full"
    )
    assert keep(hand, 1) == []
    assert delivered(hand) == [0]


def test_indices_may_have_gaps() -> None:
    hand = Hand(Deep())
    hand.load_all()
    hand.open(job(3), job(10), job(11), stored=True)
    for index in (11, 3, 10):
        hand.finish(index)
    hand.write(keep(hand, 11, 3, 10))
    assert delivered(hand) == [3, 10, 11]
    assert hand.account() == Account(submitted=3, delivered=3)


def test_pauses_that_fill_the_window_hold_up_nothing() -> None:
    """They leave it at once; what is behind them is asked for, admitted and spoken in the same turn."""
    hand = Hand(look_ahead=8)
    hand.load_all()
    pauses = [job(index, speakable=False) for index in range(20)]
    hand.open(*pauses, last=False, stored=True)
    assert delivered(hand) == list(range(20))
    assert hand.all(msg.RequestJobs)[-1].count == 8
    hand.feed(msg.Submit("s", [job(20)], last=True))
    hand.finish(20)
    keep(hand, 20)
    assert hand.account() == Account(submitted=21, delivered=21)
