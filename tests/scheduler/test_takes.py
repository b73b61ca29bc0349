"""Audio in doubt, driven by hand: spoken again with the next seed, then in parts; the best take is heard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.scheduler.hand import Hand, job
from ttsflow import ChunkJob
from ttsflow.interface.jobs import Account, Doubt
from ttsflow.scheduler import messages as msg

CAP = Doubt("engine", "reached the model's cap")
HUM = Doubt("engine", "a hum in it")
CLICK = Doubt("engine", "a click in it")
SILENT = Doubt("silent", "silent throughout")
NOISE = Doubt("clipped", "clipped throughout")
WHOLE = "I"
"""a text that cannot be parted"""


def speaking(*jobs: ChunkJob, **limits: object) -> Hand:
    hand = Hand(**limits)
    hand.load_all()
    hand.open(*jobs)
    return hand


def doubt(
    hand: Hand, payload: str = "x", audio_s: float = 2.0, about: Doubt | None = CAP
) -> list[msg.Command]:
    """The running job is spoken, and a check has its doubts; whatever is delivered is written."""
    return hand.write(hand.speak(hand.running[-1].token, payload, audio_s, about))


class TestAgain:
    def test_each_take_has_the_next_seed(self) -> None:
        hand = speaking(job(0), takes=2)
        doubt(hand)
        assert hand.notices == [f"chunk 0 of 's' is spoken again, with another seed: {CAP.text}"]
        doubt(hand)
        first = job(0)
        assert [start.job for start in hand.started] == [first, first.retake(), first.retake().retake()]
        assert len({start.job.seed for start in hand.started}) == 3
        hand.finish(0)
        ended = hand.outcome()
        assert (ended.status, ended.attempts, ended.take, ended.why) == ("ok", 3, 2, None)
        assert ended.job == first
        assert hand.heard == ["audio 0"]

    def test_then_it_is_spoken_in_parts(self) -> None:
        hand = speaking(job(0), takes=2)
        for _ in range(3):
            doubt(hand)
        assert hand.notices[-1] == f"chunk 0 of 's' is spoken in 2 parts: {CAP.text}"
        assert [hand.running[0].job] == job(0).split(["some", "words"])[:1]
        hand.finish(0, part=0)
        hand.finish(0, part=1)
        assert (hand.outcome().status, hand.outcome().attempts) == ("ok", 5)
        assert hand.heard == ["audio 0.0", "audio 0.1"]

    def test_no_takes_at_all(self) -> None:
        hand = speaking(job(0), takes=0)
        doubt(hand, "as it is")
        assert (hand.outcome().status, hand.outcome().why, hand.outcome().attempts) == (
            "flagged",
            CAP.text,
            1,
        )
        assert hand.heard == ["as it is"]

    def test_a_doubt_uses_up_no_retry(self) -> None:
        hand = speaking(job(0), takes=1, retries=1)
        doubt(hand)
        hand.fail(0)
        hand.finish(0)
        assert (hand.outcome().status, hand.outcome().attempts) == ("ok", 3)

    def test_a_retry_keeps_the_take(self) -> None:
        hand = speaking(job(0))
        doubt(hand)
        hand.fail(0)
        assert hand.running[0].job == job(0).retake()

    def test_a_death_keeps_the_take(self) -> None:
        hand = speaking(job(0))
        doubt(hand)
        hand.die()
        hand.revive()
        assert hand.running[0].job == job(0).retake()

    def test_a_hang_keeps_the_take(self) -> None:
        hand = speaking(job(0))
        doubt(hand)
        hand.tick()
        hand.revive()
        assert hand.running[0].job == job(0).retake()


class TestTheBest:
    def test_is_kept_and_flagged(self) -> None:
        hand = speaking(job(0, text=WHOLE), takes=2)  # 0.07 s of audio, as the profile predicts
        doubt(hand, "far too long", 9.0)
        doubt(hand, "about right", 0.1, CLICK)
        doubt(hand, "too long", 2.0)
        ended = hand.outcome()
        assert (ended.status, ended.why, ended.attempts, ended.take) == ("flagged", "a click in it", 3, 1)
        assert (ended.audio_s, ended.job) == (0.1, job(0, text=WHOLE))
        assert hand.heard == ["about right"]
        assert hand.account() == Account(submitted=1, delivered=1)

    def test_the_times_told_are_its_own(self) -> None:
        hand = speaking(job(0, text=WHOLE), takes=1)
        doubt(hand, "good", 0.1)
        taken_s = hand.now
        doubt(hand, "bad", 9.0)
        ended = hand.outcome()
        assert (ended.started_s, ended.first_audio_s, ended.finished_s) == (2.0, taken_s, taken_s + 1.0)

    def test_one_doubt_is_better_than_two(self) -> None:
        hand = speaking(job(0, text=WHOLE), takes=1)
        hand.feed(msg.Piece(1, 0, 0.1, "two"), msg.Finished(1, (CLICK, HUM)))
        doubt(hand, "one", 5.0, HUM)
        assert hand.heard == ["one"]

    def test_the_words_of_a_doubt_decide_nothing(self) -> None:
        """A good take in doubt is better than a minute and a half of noise, however many words it takes."""
        hand = speaking(job(0, text=WHOLE), takes=1)
        doubt(hand, "good", 0.1, Doubt("engine", "token loop at step 9; stopped; silent throughout"))
        doubt(hand, "noise", 90.0, NOISE)
        assert hand.heard == ["good"]

    @pytest.mark.parametrize("doubts", [(SILENT, CAP), (CAP, SILENT), (SILENT, NOISE), (NOISE, SILENT)])
    def test_silence_is_the_worst(self, doubts: tuple[Doubt, Doubt]) -> None:
        hand = speaking(job(0, text=WHOLE), takes=1)
        for each in doubts:
            doubt(hand, each.text, 0.1 if each is SILENT else 9.0, each)
        assert hand.heard != [SILENT.text]

    def test_silence_is_worse_than_two_other_doubts(self) -> None:
        hand = speaking(job(0, text=WHOLE), takes=1)
        doubt(hand, "silence", 0.1, SILENT)
        hand.write(hand.feed(msg.Piece(2, 0, 9.0, "two"), msg.Finished(2, (CAP, HUM))))
        assert hand.heard == ["two"]

    def test_nothing_but_silence(self) -> None:
        hand = speaking(job(0, text=WHOLE), takes=1)
        doubt(hand, "one", 0.1, SILENT)
        doubt(hand, "two", 3.0, SILENT)
        assert hand.heard == ["one"]
        assert hand.outcome().why == SILENT.text

    def test_it_is_heard_when_later_attempts_fail(self) -> None:
        hand = speaking(job(0), takes=2, retries=0)
        doubt(hand, "in doubt")
        hand.fail(0)
        assert (hand.outcome().status, hand.outcome().why) == ("flagged", CAP.text)
        assert hand.heard == ["in doubt"]

    def test_it_is_heard_when_a_later_attempt_is_refused_or_kills(self) -> None:
        hand = speaking(job(0, text=WHOLE), job(1), takes=2, deaths=1)
        doubt(hand, "in doubt")
        hand.die()
        assert hand.heard == ["in doubt"]
        hand.write(hand.commands)
        hand.revive()
        doubt(hand, "the other")
        hand.fail(1, "no", "refused")
        assert hand.heard == ["in doubt", "the other"]


class TestParts:
    def test_where_they_are_no_better_the_best_take_of_the_whole_is_heard(self) -> None:
        hand = speaking(job(0), takes=1)
        doubt(hand, "first", 0.7)
        doubt(hand, "second", 9.0)
        hand.finish(0, part=0)
        doubt(hand, "part", about=HUM)
        ended = hand.outcome()
        assert (ended.status, ended.why, ended.attempts, ended.take) == ("flagged", CAP.text, 4, 0)
        assert (ended.audio_s, ended.started_s) == (0.7, 2.0)
        assert hand.heard == ["first"]

    def test_the_other_parts_are_not_spoken_then(self) -> None:
        hand = speaking(job(0), job(1), takes=1)
        doubt(hand, "first")
        doubt(hand, "second")
        doubt(hand, "part")
        assert hand.heard == ["first"]
        assert [start.job.index for start in hand.running] == [1]  # and not the second part

    def test_where_one_fails_too(self) -> None:
        hand = speaking(job(0), takes=1, retries=0)
        doubt(hand, "first")
        doubt(hand, "second")
        hand.fail(0, part=0)
        assert (hand.outcome().status, hand.heard) == ("flagged", ["first"])

    def test_of_a_chunk_that_was_too_long_have_takes_of_their_own(self) -> None:
        hand = speaking(job(0), takes=1)
        hand.split(0, "some", "words")
        first, second = job(0).split(["some", "words"])
        doubt(hand, "a", 9.0)
        assert hand.running[0].job == first.retake()
        doubt(hand, "b", 0.3)
        assert hand.running[0].job == second  # a part is not parted
        hand.finish(0, part=1)
        assert (hand.outcome().status, hand.outcome().why) == ("flagged", CAP.text)
        assert hand.heard == ["b", "audio 0.1"]
        assert (hand.outcome().attempts, hand.outcome().take) == (4, 1)


class TestBadAudio:
    def test_it_is_spoken_again_with_the_next_seed_and_then_named(self) -> None:
        hand = speaking(job(0), retries=2)
        for _ in range(3):
            hand.fail(0, "NaN in the audio", "bad audio")
        first = job(0)
        assert [start.job for start in hand.started] == [first, first.retake(), first.retake().retake()]
        assert (hand.outcome().status, hand.outcome().why) == ("failed", "NaN in the audio")
        assert hand.account() == Account(submitted=1, failed=1)

    def test_no_audio_is_bad_audio(self) -> None:
        hand = speaking(job(0))
        hand.feed(msg.Finished(1))
        assert hand.running[0].job == job(0).retake()

    def test_an_error_keeps_the_seed(self) -> None:
        hand = speaking(job(0))
        hand.fail(0)
        assert hand.running[0].job == job(0)

    def test_a_job_that_was_let_go_of_unasked_is_tried_again(self) -> None:
        hand = speaking(job(0), retries=0)
        hand.feed(msg.Cancelled(1))
        assert hand.outcome().why == "the worker dropped it unasked"


class TestLength:
    @staticmethod
    def after(chunks: int, *more: ChunkJob) -> Hand:
        """So many chunks of 30 characters took 2 s each."""
        hand = speaking(*(job(index, text="x" * 30) for index in range(chunks)), *more, look_ahead=100)
        for index in range(chunks):
            hand.finish(index)
        return hand

    def test_much_too_long(self) -> None:
        hand = self.after(20, job(20, text="y" * 30))
        hand.finish(20, audio_s=9.1)
        assert hand.notices[-1] == (
            "chunk 20 of 's' is spoken again, with another seed: "
            "much too long for its text (9.1 s, about 2.0 s expected)"
        )
        assert hand.running[0].job == job(20, text="y" * 30).retake()

    def test_speed_counts(self) -> None:
        slow, quick = (replace(job(20 + n, text="y" * 60), speed=(0.25, 4.0)[n]) for n in range(2))
        hand = self.after(20, slow, quick)
        hand.finish(20, audio_s=16.0)
        assert hand.outcome(20).why is None
        hand.finish(21, audio_s=6.1)
        assert "much too long for its text (6.1 s, about 1.0 s expected)" in hand.notices[-1]

    def test_much_too_short(self) -> None:
        hand = self.after(20, job(20, text="y" * 60))
        hand.finish(20, audio_s=1.3)
        assert "much too short for its text (1.3 s, about 4.0 s expected)" in hand.notices[-1]

    @pytest.mark.parametrize(("chars", "audio_s"), [(30, 7.5), (60, 1.4), (45, 1.1), (10, 0.05), (3, 1.6)])
    def test_what_may_be(self, chars: int, audio_s: float) -> None:
        hand = self.after(20, job(20, text="y" * chars))
        hand.finish(20, audio_s=audio_s)
        assert hand.outcome(20).status == "ok"

    def test_nothing_is_judged_until_enough_was_seen(self) -> None:
        hand = self.after(19, job(19, text="y" * 30))
        hand.finish(19, audio_s=500.0)
        assert hand.outcome(19).status == "ok"

    def test_nor_by_another_language(self) -> None:
        hand = self.after(20, ChunkJob("s", 20, "y" * 30, "zh"))
        hand.finish(20, audio_s=30.0)
        assert hand.outcome(20).status == "ok"

    def test_digits_take_as_long_as_words(self) -> None:
        hand = self.after(20, job(20, text="1234567890"))
        hand.finish(20, audio_s=13.0)  # as 60 letters; 4 s are expected
        assert hand.outcome(20).status == "ok"

    def test_what_was_refused_is_learnt_from_too_so_that_a_slow_voice_is_accepted_in_the_end(self) -> None:
        hand = self.after(20, *(job(index, text="y" * 30) for index in range(20, 60)))
        for _ in range(200):
            if not hand.running:
                break
            hand.write(hand.speak(hand.running[0].token, "slow", 30.0 * len(hand.running[0].job.text) / 30))
        assert hand.account() == Account(submitted=60, delivered=60)
        assert hand.outcome(20).status == "flagged"
        assert hand.outcome(59).status == "ok"

    def test_it_is_named_beside_another_doubt(self) -> None:
        hand = self.after(20, job(20, text=WHOLE))
        for _ in range(3):
            doubt(hand, audio_s=9.0)
        assert hand.outcome(20).why == f"{CAP.text}; much too long for its text (9.0 s, about 0.1 s expected)"

    def test_a_text_of_no_length_is_not_judged(self) -> None:
        hand = self.after(20, job(20, text=""))
        hand.finish(20, audio_s=1.0)
        assert hand.outcome(20).status == "ok"
