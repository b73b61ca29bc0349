"""A stream of which nothing can be spoken, and one of which something is kept from before."""

from __future__ import annotations

from tests.scheduler.hand import Hand, job
from ttsflow.errors import NothingSpoken
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.verdicts import ALIKE


def fail_all(hand: Hand, count: int) -> None:
    for index in range(count):
        hand.feed(msg.Failed(hand.token(index), "no voice", "refused"))


def test_it_ends_when_enough_has_failed_alike() -> None:
    hand = Hand(look_ahead=100)
    hand.load_all()
    hand.open(*(job(index) for index in range(20)))
    fail_all(hand, ALIKE)
    [finished] = hand.all(msg.StreamFinished)
    assert isinstance(finished.error, NothingSpoken)
    assert finished.account.failed == ALIKE


def test_what_is_kept_from_before_was_spoken() -> None:
    """The rest of a book fails again as it did before: all of it is tried, and the book is built."""
    hand = Hand(look_ahead=100)
    hand.load_all()
    hand.feed(msg.OpenStream("s", stored=True, examples=[(job(100), 3.0)]))
    hand.feed(msg.Submit("s", [job(index) for index in range(8)], last=True))
    fail_all(hand, 8)
    [finished] = hand.all(msg.StreamFinished)
    assert finished.error is None
    assert finished.account.failed == 8
