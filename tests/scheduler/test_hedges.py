"""Second attempts at chunks that are late, driven by hand: who races, who wins, and what is heard of it."""

from __future__ import annotations

from dataclasses import replace

from tests.scheduler.hand import PROFILE, Hand, Wide, gpus, job
from ttsflow.interface.jobs import Account, Doubt
from ttsflow.scheduler import messages as msg

ALIKE = replace(PROFILE, deterministic=True)
COST_S = 10 / 30
"""of "some words", as the profile predicts: ten characters"""


def racing(
    *, chunks: int = 2, workers: int = 2, live: bool = False, stored: bool = False,
    deterministic: bool = True, **limits: object,
) -> Hand:  # fmt: skip
    """Chunk 0 hangs on w0; the others are finished, so that it is hedged on w1 as soon as it is late."""
    hand = Hand(
        devices=gpus(workers),
        profile=replace(PROFILE, deterministic=deterministic),
        **{"hedge": 1.0, **limits},
    )
    hand.load_all()
    hand.open(*map(job, range(chunks)), live=live, stored=stored)
    for index in range(1, chunks):
        if not hedges(hand):
            quick(hand, index)
    return hand


def quick(hand: Hand, index: int) -> None:
    """A worker speaks a chunk in the time that is predicted."""
    token = hand.token(index)
    commands = hand.feed(msg.Piece(token, 0, 10 / 15, f"audio {index}"), msg.Finished(token), after=COST_S)
    hand.write(commands)


def hedges(hand: Hand) -> list[msg.StartJob]:
    return [start for start in hand.started if start.hedge]


def hedged(hand: Hand) -> tuple[int, int]:
    """Wait until the chunk is late; the tokens of its two attempts."""
    while not hedges(hand):
        hand.tick()
    [hedge] = hedges(hand)
    first = next(start for start in hand.started if start.job.index == hedge.job.index)
    return first.token, hedge.token


def say(hand: Hand, token: int, *pieces: str, first: int = 0, done: bool = False) -> None:
    """An attempt makes pieces, from number `first` on."""
    events: list[msg.Event] = [
        msg.Piece(token, number, 1.0, f"{name} of {token}", hash(name))
        for number, name in enumerate(pieces, first)
    ]
    hand.write(hand.feed(*events, *([msg.Finished(token)] if done else []), after=0.1))


def cancelled(hand: Hand) -> list[int]:
    return [cancel.token for cancel in hand.all(msg.CancelJob)]


class TestWhenAChunkIsLate:
    def test_it_gets_a_second_attempt_on_another_worker(self) -> None:
        hand = racing()
        hedged(hand)
        assert 1.0 < hand.now < 5.0
        assert [start.worker for start in hand.running] == ["w0", "w1"]
        assert hand.running[0].job == hand.running[1].job

    def test_the_first_that_is_complete_is_heard_and_the_other_is_cancelled(self) -> None:
        hand = racing()
        first, second = hedged(hand)
        say(hand, second, "a", "b", done=True)
        assert cancelled(hand) == [first]
        assert hand.heard == [f"a of {second}", f"b of {second}", "audio 1"]
        ended = hand.outcome(0)
        assert (ended.status, ended.worker, ended.attempts) == ("ok", "w1", 2)
        assert hand.account() == Account(submitted=2, delivered=2)

    def test_the_first_attempt_may_win(self) -> None:
        hand = racing()
        first, second = hedged(hand)
        say(hand, second, "a")
        say(hand, first, "a", "b", done=True)
        assert cancelled(hand) == [second]
        assert hand.heard[:2] == [f"a of {first}", f"b of {first}"]
        assert hand.outcome(0).worker == "w0"

    def test_both_in_the_same_instant_are_one(self) -> None:
        hand = racing()
        first, second = hedged(hand)
        hand.write(hand.feed(
            msg.Piece(second, 0, 1.0, "second", 5), msg.Piece(first, 0, 1.0, "first", 5),
            msg.Finished(second), msg.Finished(first),
        ))  # fmt: skip
        assert hand.heard == ["second", "audio 1"]
        assert hand.account() == Account(submitted=2, delivered=2)

    def test_the_loser_that_ends_later_is_nobody_s(self) -> None:
        hand = racing()
        first, second = hedged(hand)
        say(hand, second, "a", done=True)
        heard = list(hand.heard)
        say(hand, first, "a", done=True)
        hand.feed(msg.Cancelled(first))
        assert hand.heard == heard
        assert not hand.kills

    def test_the_loser_that_never_ends_is_killed_at_its_deadline_and_not_before(self) -> None:
        hand = racing()
        _, second = hedged(hand)
        say(hand, second, "a", done=True)
        while not hand.kills:
            hand.tick()
        assert hand.now > 60.0
        assert [kill[0] for kill in hand.kills] == ["w0"]

    def test_a_stored_chunk_is_committed_once(self) -> None:
        hand = racing(stored=True)
        first, second = hedged(hand)
        say(hand, second, "a", done=True)
        say(hand, first, "a", done=True)
        commits = [commit for commit in hand.all(msg.Commit) if commit.outcome.job.index == 0]
        assert [list(commit.payloads) for commit in commits] == [[f"a of {second}"]]

    def test_a_slot_that_others_need_is_theirs(self) -> None:
        hand = racing(chunks=40, look_ahead=100)
        assert hand.now > 10.0  # chunk 0 has been late for long, and others were ready all the time
        assert [(hedge.job.index, hedge.token) for hedge in hedges(hand)] == [(0, 41)]

    def test_one_that_nears_its_end_is_left_alone_unless_it_stops(self) -> None:
        hand = racing(chunks=3)
        hand.feed(msg.Piece(hand.token(0), 0, 0.95 * 10 / 15, "x"), after=0.6)
        late_at = hand.wake
        hand.tick()
        assert not hedges(hand)
        hand.tick()
        assert [hedge.job.index for hedge in hedges(hand)] == [0]
        assert late_at is not None
        assert hand.now < late_at + 2.0


class TestHowMany:
    def test_with_one_worker_there_is_none(self) -> None:
        hand = racing(chunks=1, workers=1)
        hand.tick()
        while not hand.kills:
            hand.tick()
        assert not hedges(hand)

    def test_they_are_switched_off(self) -> None:
        hand = racing(hedge=0.0)
        while not hand.kills:
            hand.tick()
        assert not hedges(hand)

    def test_of_an_engine_that_says_nothing_else_later_by_default_there_is_none(self) -> None:
        hand = racing(deterministic=False, hedge=None)
        while not hand.kills:
            hand.tick()
        assert not hedges(hand)

    def test_they_are_bounded_by_a_share_of_all_work(self) -> None:
        """Every worker is slow at once."""
        hand = Hand(devices=gpus(8), profile=ALIKE, hedge=0.05)
        hand.load_all()
        hand.open(*map(job, range(60)))
        for index in range(52):
            quick(hand, index)
        assert len(hand.running) == 8
        for index in range(52, 56):
            quick(hand, index)
        while not hand.kills:
            hand.tick()
        assert len(hedges(hand)) == 3  # of sixty chunks

    def test_a_third_attempt_is_not_made(self) -> None:
        hand = racing(workers=4)
        hedged(hand)
        for _ in range(20):
            hand.tick()
            if hand.kills:
                break
        assert len(hedges(hand)) == 1


class TestFailures:
    def test_one_fails_and_the_other_goes_on(self) -> None:
        hand = racing(retries=0)
        first, second = hedged(hand)
        hand.feed(msg.Failed(second, "oops"))
        assert [start.token for start in hand.running] == [first]
        say(hand, first, "a", done=True)
        assert hand.outcome(0).status == "ok"

    def test_both_fail(self) -> None:
        hand = racing(retries=0)
        first, second = hedged(hand)
        hand.feed(msg.Failed(first, "oops"))
        hand.write(hand.feed(msg.Failed(second, "oops too")))
        ended = hand.outcome(0)
        assert (ended.status, ended.why, ended.attempts) == ("failed", "oops too", 2)
        assert hand.account() == Account(submitted=2, delivered=1, failed=1)

    def test_both_fail_and_it_is_tried_again(self) -> None:
        hand = racing(retries=2)
        first, second = hedged(hand)
        hand.feed(msg.Failed(first, "oops"), msg.Failed(second, "oops too"))
        [again] = hand.running
        assert (again.job.index, again.hedge) == (0, False)
        say(hand, again.token, "a", done=True)
        assert (hand.outcome(0).status, hand.outcome(0).attempts) == ("ok", 3)

    def test_a_lost_race_costs_no_retry(self) -> None:
        hand = racing(retries=0, takes=2)
        first, second = hedged(hand)
        hand.feed(
            msg.Piece(second, 0, 1.0, "x"), msg.Finished(second, (Doubt("engine", "it reached its cap"),))
        )
        hand.feed(msg.Cancelled(first))
        [again] = hand.running
        assert again.job == job(0).retake()
        say(hand, again.token, "a", done=True)
        assert (hand.outcome(0).status, hand.outcome(0).take) == ("ok", 1)

    def test_the_worker_of_a_hedge_dies(self) -> None:
        hand = racing()
        first, _ = hedged(hand)
        hand.die("w1")
        say(hand, first, "a", done=True)
        assert (hand.outcome(0).status, hand.outcome(0).worker) == ("ok", "w0")

    def test_the_workers_of_both_die_one_after_the_other_and_it_runs_alone(self) -> None:
        hand = racing(deaths=3)
        hedged(hand)
        hand.die("w0")
        hand.die("w1")
        hand.revive("w1")
        assert [start.job.index for start in hand.running] == [0]
        assert not hand.running[0].hedge
        quick(hand, 0)
        assert hand.outcome(0).status == "ok"

    def test_the_device_is_lost_under_one_of_them(self) -> None:
        hand = racing(retries=0)
        first, second = hedged(hand)
        hand.feed(msg.Failed(first, "fell off the bus", "device lost"))
        say(hand, second, "a", done=True)
        assert hand.outcome(0).status == "ok"

    def test_a_text_that_is_too_long_is_for_both_while_none_has_made_audio(self) -> None:
        hand = racing()
        first, second = hedged(hand)
        hand.feed(msg.TooLong(second, ["some", "words"]))
        assert cancelled(hand) == [first]
        assert hand.running[-1].job.part == (0,)

    def test_one_that_has_made_audio_is_not_too_long(self) -> None:
        hand = racing()
        first, second = hedged(hand)
        say(hand, first, "a")
        hand.feed(msg.TooLong(second, ["some", "words"]))
        say(hand, first, "b", first=1, done=True)
        assert hand.outcome(0).status == "ok"

    def test_one_that_was_refused_elsewhere_is_hedged_no_more_without_end(self) -> None:
        hand = racing(retries=1)
        say(hand, hand.token(0), "a")
        hand.feed(msg.Silent("w0", 1, 3.0))
        for _ in range(5):
            if hand.running[-1].hedge:
                hand.feed(msg.Failed(hand.running[-1].token, "no", "refused"))
        assert len(hedges(hand)) == 2

    def test_a_stream_that_is_cancelled_cancels_both(self) -> None:
        hand = racing()
        first, second = hedged(hand)
        hand.feed(msg.CancelStream("s"))
        assert sorted(cancelled(hand)) == [first, second]
        assert hand.account().not_reached == 2

    def test_a_drained_run_awaits_the_race(self) -> None:
        hand = racing()
        _, second = hedged(hand)
        hand.feed(msg.Drain())
        assert not hand.all(msg.StreamFinished)
        say(hand, second, "a", done=True)
        assert hand.account() == Account(submitted=2, delivered=2)


class TestAListener:
    def test_who_has_heard_part_of_the_first_goes_on_in_the_second(self) -> None:
        hand = racing(live=True)
        first = hand.token(0)
        say(hand, first, "a", "b")
        _, second = hedged(hand)
        say(hand, second, "a", "b")
        assert hand.heard == [f"a of {first}", f"b of {first}"]
        say(hand, second, "c", first=2)
        assert hand.heard[2:] == [f"c of {second}"]  # before it is complete
        say(hand, second, "d", first=3, done=True)
        assert hand.heard[3] == f"d of {second}"
        assert hand.outcome(0).audio_s == 4.0

    def test_the_first_may_overtake_again(self) -> None:
        hand = racing(live=True)
        first, second = hedged(hand)
        say(hand, second, "a", "b")
        say(hand, first, "a", "b", "c")
        say(hand, first, "d", first=3, done=True)
        assert hand.heard[:4] == [f"a of {second}", f"b of {second}", f"c of {first}", f"d of {first}"]
        assert cancelled(hand) == [second]

    def test_what_differs_is_named_and_the_first_goes_on(self) -> None:
        hand = racing(live=True)
        first = hand.token(0)
        say(hand, first, "a", "b")
        _, second = hedged(hand)
        say(hand, second, "a", "B", "C", done=True)
        assert cancelled(hand) == [second]
        assert any("does not give the same audio again" in notice for notice in hand.notices)
        say(hand, first, "c", first=2, done=True)
        assert hand.heard[:3] == [f"a of {first}", f"b of {first}", f"c of {first}"]

    def test_of_an_engine_that_was_caught_nothing_more_is_hedged(self) -> None:
        hand = racing(live=True)
        first = hand.token(0)
        say(hand, first, "a", "b")
        _, second = hedged(hand)
        say(hand, second, "A")
        while not hand.kills:
            hand.tick()
        assert len(hedges(hand)) == 1

    def test_of_an_engine_that_gives_other_audio_only_while_nothing_was_heard(self) -> None:
        hand = racing(live=True, deterministic=False)
        say(hand, hand.token(0), "a")
        while not hand.kills:
            hand.tick()
        assert not hedges(hand)

    def test_of_such_an_engine_the_first_that_is_heard_is_the_one(self) -> None:
        hand = racing(live=True, deterministic=False)
        first, second = hedged(hand)
        say(hand, second, "a")
        assert hand.heard == [f"a of {second}"]
        say(hand, first, "A")
        assert cancelled(hand) == [first]
        assert not hand.notices
        say(hand, second, "b", first=1, done=True)
        assert hand.heard[:2] == [f"a of {second}", f"b of {second}"]

    def test_who_waits_goes_before_what_is_ready(self) -> None:
        hand = racing(chunks=40, look_ahead=100, live=True)
        assert [hedge.job.index for hedge in hedges(hand)] == [0]
        assert hand.now < 5.0  # as soon as it was late


class TestSilence:
    def test_a_silent_worker_gets_no_job_and_what_it_speaks_is_hedged_at_once(self) -> None:
        hand = racing(chunks=3)
        hand.feed(msg.Silent("w0", 1, 3.0))
        [hedge] = hedges(hand)
        assert hedge.worker == "w1"
        assert hand.notices == [
            "worker w0 on cuda:0 has shown no sign of life for 3 s: it gets no chunk until it does"
        ]
        assert not hand.kills

    def test_it_is_not_counted_in_the_share(self) -> None:
        hand = Hand(devices=gpus(4), profile=ALIKE, hedge=0.001)
        hand.load_all()
        hand.open(*map(job, range(4)))
        quick(hand, 2)
        quick(hand, 3)
        hand.feed(msg.Silent("w0", 1, 3.0), msg.Silent("w1", 1, 3.0))
        assert [hedge.job.index for hedge in hedges(hand)] == [0, 1]

    def test_when_it_shows_life_it_gets_jobs_again(self) -> None:
        hand = Hand(devices=gpus(1), profile=ALIKE)
        hand.load_all()
        hand.feed(msg.Silent("w0", 1, 3.0), msg.Silent("w0", 1, 4.0))
        hand.open(job(0))
        assert not hand.started
        hand.feed(msg.Alive("w0", 1))
        assert len(hand.started) == 1
        assert len(hand.notices) == 1

    def test_idle_it_is_started_anew_after_the_time_of_a_chunk(self) -> None:
        hand = Hand(devices=gpus(1), profile=ALIKE, timeouts={"chunk_s": 20.0})
        hand.load_all()
        hand.feed(msg.Silent("w0", 1, 3.0))
        hand.open(job(0))
        hand.tick()
        assert hand.kills == [("w0", 1, "no sign of life")]
        hand.revive()
        quick(hand, 0)
        assert hand.account() == Account(submitted=1, delivered=1)

    def test_one_that_speaks_all_the_same_is_not_killed(self) -> None:
        """An engine that holds the interpreter's lock."""
        hand = Hand(devices=gpus(1), profile=ALIKE, timeouts={"chunk_s": 100.0})
        hand.load_all()
        hand.open(job(0))
        hand.feed(msg.Silent("w0", 1, 3.0))
        hand.feed(msg.Tick(), after=90.0)
        hand.feed(msg.Alive("w0", 1))
        quick(hand, 0)
        assert not hand.kills
        assert hand.outcome(0).status == "ok"

    def test_a_frozen_one_is_killed_at_the_deadline_of_its_chunk(self) -> None:
        hand = racing(timeouts={"chunk_s": 20.0})
        hand.feed(msg.Silent("w0", 1, 3.0))
        say(hand, hedges(hand)[0].token, "a", done=True)
        while not hand.kills:
            hand.tick()
        assert hand.now == 22.0  # it was started at 2 s

    def test_an_isolated_part_waits_for_a_worker_that_lives(self) -> None:
        hand = Hand(Wide(), devices=gpus(2), profile=ALIKE, hedge=0.0)
        hand.load_all()
        hand.open(job(0))
        hand.feed(msg.Silent("w1", 1, 3.0))
        hand.die("w0")
        assert not hand.running
        hand.revive("w0")
        assert [start.worker for start in hand.running] == ["w0"]
