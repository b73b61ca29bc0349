"""Live streams, driven by hand: what a listener has heard can not be taken back, and is said again alike."""

from __future__ import annotations

from dataclasses import replace

from tests.scheduler.hand import PROFILE, Deep, Hand, gpus, job
from ttsflow.interface.jobs import Account, Doubt
from ttsflow.scheduler import messages as msg

ALIKE = replace(PROFILE, deterministic=True)


def listening(chunks: int = 2, *, deterministic: bool = True, workers: int = 1, **limits: object) -> Hand:
    hand = Hand(devices=gpus(workers), profile=ALIKE if deterministic else PROFILE, **limits)
    hand.load_all()
    hand.open(*map(job, range(chunks)), live=True)
    return hand


def say(hand: Hand, index: int, *pieces: str, done: bool = False, about: Doubt | None = None) -> None:
    """A worker makes pieces of a chunk, from its first; the checksum of each is that of its name."""
    token = hand.token(index)
    events: list[msg.Event] = [
        msg.Piece(token, number, 1.0, name, hash(name)) for number, name in enumerate(pieces)
    ]
    hand.write(hand.feed(*events, *([msg.Finished(token, (about,) if about else ())] if done else [])))


class TestDeterministic:
    def test_it_goes_on_after_what_was_heard(self) -> None:
        hand = listening()
        say(hand, 0, "a", "b")
        hand.die()
        hand.revive()
        say(hand, 0, "a")
        assert hand.heard == ["a", "b"]
        say(hand, 0, "a", "b", "c")
        say(hand, 0, "a", "b", "c", "d", done=True)
        assert hand.heard == ["a", "b", "c", "d"]
        ended = hand.outcome()
        assert (ended.status, ended.attempts, ended.audio_s, ended.sent_s) == ("ok", 2, 4.0, 3.0)
        assert sum(delivery.audio_s for delivery in hand.all(msg.Deliver)) == 4.0

    def test_it_may_be_cut_short_more_than_once(self) -> None:
        hand = listening(retries=3)
        say(hand, 0, "a", "b")
        hand.fail(0)
        say(hand, 0, "a")
        hand.fail(0)
        say(hand, 0, "a", "b", "c")
        hand.fail(0)
        say(hand, 0, "a", "b", "c", "d", done=True)
        assert hand.heard == ["a", "b", "c", "d"]

    def test_it_has_the_same_seed_though_its_audio_was_refused(self) -> None:
        hand = listening()
        say(hand, 0, "a")
        hand.fail(0, "NaN in the audio", "bad audio")
        assert hand.running[0].job == job(0)

    def test_one_that_differs_ends_the_chunk_with_a_name_and_nothing_of_it_is_heard(self) -> None:
        hand = listening(retries=9)
        say(hand, 0, "a", "b")
        hand.fail(0)
        say(hand, 0, "a", "B", "c")
        ended = hand.outcome()
        assert (ended.status, ended.why) == ("failed", "said again, it differs from what was heard of it")
        assert (ended.sent_s, ended.audio_s, ended.attempts) == (2.0, 0.0, 2)
        assert hand.heard == ["a", "b"]

    def test_the_attempt_that_differs_is_cancelled(self) -> None:
        hand = listening()
        say(hand, 0, "a")
        hand.fail(0)
        token = hand.token(0)
        say(hand, 0, "A")
        assert [cancel.token for cancel in hand.all(msg.CancelJob)] == [token]
        assert hand.running[-1].token == token
        hand.feed(msg.Cancelled(token))
        say(hand, 1, "x", done=True)
        assert hand.account() == Account(submitted=2, delivered=1, failed=1)

    def test_one_that_is_shorter_ends_the_chunk_too(self) -> None:
        hand = listening()
        say(hand, 0, "a", "b")
        hand.fail(0)
        say(hand, 0, "a", done=True)
        assert hand.outcome().why == "said again, it is shorter than what was heard of it"
        assert hand.heard == ["a", "b"]

    def test_one_that_is_no_longer_is_whole(self) -> None:
        hand = listening()
        say(hand, 0, "a", "b")
        hand.fail(0)
        say(hand, 0, "a", "b", done=True)
        assert hand.outcome().status == "ok"
        assert hand.heard == ["a", "b"]

    def test_retries_have_an_end(self) -> None:
        hand = listening(retries=1)
        say(hand, 0, "a")
        hand.fail(0)
        hand.fail(0, "again")
        assert (hand.outcome().status, hand.outcome().why, hand.outcome().sent_s) == ("failed", "again", 1.0)

    def test_what_kills_after_it_was_heard_is_not_spoken_in_parts(self) -> None:
        hand = listening(deaths=1)
        say(hand, 0, "a")
        hand.die()
        assert hand.outcome().why == "worker w0 died: killed"


class TestOthers:
    def test_the_chunk_ends_there_with_a_name(self) -> None:
        hand = listening(deterministic=False, retries=9)
        say(hand, 0, "a")
        hand.die(why="segfault")
        ended = hand.outcome()
        assert (ended.status, ended.why) == ("failed", "worker w0 died: segfault")
        assert (ended.sent_s, ended.attempts) == (1.0, 1)
        hand.revive()
        say(hand, 1, "x", done=True)
        assert hand.account() == Account(submitted=2, delivered=1, failed=1)

    def test_what_nobody_has_heard_yet_is_tried_again(self) -> None:
        hand = listening(deterministic=False, workers=2)
        say(hand, 1, "x")  # not the head's: it waits
        hand.fail(1)
        say(hand, 0, "a", done=True)
        say(hand, 1, "X", "Y", done=True)
        assert hand.heard == ["a", "X", "Y"]

    def test_in_company_the_heard_one_ends_and_the_others_are_tried_again(self) -> None:
        hand = Hand(Deep())
        hand.load_all()
        hand.open(*map(job, range(3)), live=True)
        say(hand, 0, "a")
        hand.die()
        hand.revive()
        assert [gave_up.outcome.job.index for gave_up in hand.all(msg.ChunkFailed)] == [0]
        say(hand, 1, "x", done=True)
        say(hand, 2, "y", done=True)
        assert hand.heard == ["a", "x", "y"]


class TestDoubts:
    def test_what_was_heard_is_flagged_and_not_spoken_again(self) -> None:
        hand = listening(takes=2)
        say(hand, 0, "a")
        say(hand, 0, "a", "b", done=True, about=Doubt("engine", "reached the cap"))
        ended = hand.outcome()
        assert (ended.status, ended.why, ended.attempts) == ("flagged", "reached the cap", 1)
        assert hand.heard == ["a", "b"]

    def test_so_is_a_length_that_cannot_be(self) -> None:
        hand = Hand(profile=ALIKE, look_ahead=100)
        hand.load_all()
        hand.open(*(job(index, text="x" * 30) for index in range(21)), live=True)
        for index in range(20):
            say(hand, index, "a", done=True)
        say(hand, 20, "a")
        say(hand, 20, *"abcdefg", done=True)
        assert hand.outcome(20).why == "much too long for its text (7.0 s, about 1.0 s expected)"
        assert hand.outcome(20).attempts == 1

    def test_what_nobody_has_heard_has_another_take(self) -> None:
        hand = listening(workers=2, takes=1)
        say(hand, 1, "x", done=True, about=Doubt("engine", "a hum"))
        assert hand.running[-1].job == job(1).retake()
        say(hand, 1, "y", done=True)
        say(hand, 0, "a", done=True)
        assert hand.heard == ["a", "y"]


class TestWhoNeverPlays:
    """A listener whose program takes no audio: nothing that was delivered is ever written."""

    def test_no_more_is_spoken_for_him_than_the_window_holds(self) -> None:
        hand = Hand(look_ahead=8)
        hand.load_all()
        hand.open(*map(job, range(500)), live=True)
        while hand.running:
            token = hand.running[0].token
            hand.feed(msg.Piece(token, 0, 1.0, "sound"), msg.Finished(token))
        assert len(hand.started) == 8
        assert not hand.all(msg.Stop), "he may still begin"

    def test_others_are_spoken_all_the_same(self) -> None:
        hand = Hand(look_ahead=8)
        hand.load_all()
        hand.open(*map(job, range(500)), live=True)
        hand.open(*(job(index, "other") for index in range(30)), stream="other")
        while hand.running:
            [start] = hand.running
            commands = hand.feed(msg.Piece(start.token, 0, 1.0, "sound"), msg.Finished(start.token))
            hand.write(command for command in commands if getattr(command, "stream", "") == "other")
        assert hand.account("other") == Account(submitted=30, delivered=30)
        hand.feed(msg.CancelStream("s"))
        assert hand.account().not_reached == 500
