"""What the end of an attempt means: the table of decisions, a row for each case."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.verdicts import (
    ALIKE,
    Accept,
    Ends,
    Fate,
    GiveUp,
    GoOn,
    Retry,
    Split,
    Verdict,
    decide,
    hopeless,
)

LIMITS = Limits(retries=2, takes=2, deaths=2)
NO_TAKES = Limits(retries=2, takes=0, deaths=2)
HALVES = ("one half", "the other")
WHY = "what happened"


@dataclass(frozen=True)
class Tried:
    """A part after its attempt has been counted in."""

    failures: int = 0
    doubted: int = 0
    deaths: int = 0
    pieces: int = 0
    heard: tuple[int, ...] = ()
    is_stretch: bool = False
    last_chance: bool = False
    raced: bool = False


AGAIN, NEXT_SEED, GIVEN_UP = Retry(), Retry(another_seed=True), GiveUp(WHY)
IN_HALVES = Split(HALVES, WHY)
HEARD = (1, 2)

TABLE: list[tuple[Fate, Tried, Verdict]] = [
    (Fate.WHOLE, Tried(), Accept()),
    (Fate.WHOLE, Tried(heard=HEARD), Accept()),
    (Fate.WHOLE, Tried(failures=9, doubted=9, deaths=9), Accept()),
    # in doubt: so many takes, then in parts, then the best take
    (Fate.DOUBTFUL, Tried(doubted=1), NEXT_SEED),
    (Fate.DOUBTFUL, Tried(doubted=2), NEXT_SEED),
    (Fate.DOUBTFUL, Tried(doubted=3), IN_HALVES),
    (Fate.DOUBTFUL, Tried(doubted=3, is_stretch=True), GIVEN_UP),
    (Fate.DOUBTFUL, Tried(doubted=1, is_stretch=True), NEXT_SEED),
    (Fate.DOUBTFUL, Tried(doubted=1, is_stretch=True, last_chance=True), GIVEN_UP),
    (Fate.DOUBTFUL, Tried(doubted=1, failures=9), GIVEN_UP),  # the other attempts of a race failed
    (Fate.DOUBTFUL, Tried(doubted=1, heard=HEARD), Accept()),
    # what was heard was not said again
    (Fate.DIFFERS, Tried(heard=HEARD), GIVEN_UP),
    # too long for the model
    (Fate.TOO_LONG, Tried(), Split(HALVES, "it is too long for the model")),
    (Fate.TOO_LONG, Tried(is_stretch=True), GiveUp("it is too long for the model as well")),
    (
        Fate.TOO_LONG,
        Tried(pieces=1),
        GiveUp("the backend found it too long for the model after it had made audio"),
    ),
    (
        Fate.TOO_LONG,
        Tried(heard=HEARD),
        GiveUp("the backend found it too long for the model after it had made audio"),
    ),
    # failures: so many retries
    (Fate.REFUSED, Tried(), GIVEN_UP),
    (Fate.ERROR, Tried(failures=1), AGAIN),
    (Fate.ERROR, Tried(failures=2), AGAIN),
    (Fate.ERROR, Tried(failures=3), GIVEN_UP),
    (Fate.HUNG, Tried(failures=2), AGAIN),
    (Fate.HUNG, Tried(failures=3), GIVEN_UP),
    (Fate.BAD_AUDIO, Tried(failures=1), NEXT_SEED),
    (Fate.BAD_AUDIO, Tried(failures=3), GIVEN_UP),
    (Fate.BAD_AUDIO, Tried(failures=1, heard=HEARD), AGAIN),  # the same seed, or it would not be the same
    # deaths of workers: only alone does one show the cause
    (Fate.DIED_ALONE, Tried(deaths=1), AGAIN),
    (Fate.DIED_ALONE, Tried(deaths=2), IN_HALVES),
    (Fate.DIED_ALONE, Tried(deaths=2, is_stretch=True), GIVEN_UP),
    (Fate.DIED_ALONE, Tried(deaths=2, heard=HEARD), GIVEN_UP),
    (Fate.DIED_IN_COMPANY, Tried(deaths=2), AGAIN),
    (Fate.DIED_IN_COMPANY, Tried(deaths=9), AGAIN),
    (Fate.DIED_ALONE, Tried(deaths=1, failures=9), AGAIN),
    # no fault of its own: nothing is counted
    (Fate.INTERRUPTED, Tried(failures=9, deaths=9, doubted=9), AGAIN),
    (Fate.INTERRUPTED, Tried(heard=HEARD), AGAIN),
    # a race: what is complete ends it, else the other attempt goes on
    (Fate.WHOLE, Tried(raced=True), Accept()),
    (Fate.DOUBTFUL, Tried(doubted=1, raced=True), NEXT_SEED),
    *(
        (fate, Tried(failures=9, deaths=9, pieces=1, heard=HEARD, raced=True), GoOn())
        for fate in Fate
        if fate not in (Fate.WHOLE, Fate.DOUBTFUL)
    ),
]


@pytest.mark.parametrize(("fate", "part", "verdict"), TABLE)
def test_of_a_backend_that_gives_the_same_again(fate: Fate, part: Tried, verdict: Verdict) -> None:
    assert decide(part, fate, WHY, LIMITS, repeatable=True, texts=HALVES) == verdict


@pytest.mark.parametrize(("fate", "part", "verdict"), TABLE)
def test_of_any_other_backend(fate: Fate, part: Tried, verdict: Verdict) -> None:
    """The same, but that a part of which something was heard is never spoken again."""
    if part.heard and isinstance(verdict, Retry):
        verdict = GIVEN_UP
    assert decide(part, fate, WHY, LIMITS, repeatable=False, texts=HALVES) == verdict


@pytest.mark.parametrize(
    ("fate", "part", "verdict"),
    [
        (Fate.DOUBTFUL, Tried(doubted=3), GIVEN_UP),
        (Fate.DIED_ALONE, Tried(deaths=2), GIVEN_UP),
    ],
)
def test_of_a_text_that_cannot_be_split(fate: Fate, part: Tried, verdict: Verdict) -> None:
    assert decide(part, fate, WHY, LIMITS, repeatable=True) == verdict


def test_without_takes_the_first_is_heard_and_nothing_is_split() -> None:
    assert decide(Tried(doubted=1), Fate.DOUBTFUL, WHY, NO_TAKES, repeatable=True, texts=HALVES) == GIVEN_UP


def test_every_fate_has_a_row() -> None:
    assert {fate for fate, _, _ in TABLE} == set(Fate)


@pytest.mark.parametrize("words", ["died; silent throughout", "out of memory", "too long", ""])
@pytest.mark.parametrize(("fate", "part", "verdict"), TABLE)
def test_words_decide_nothing(fate: Fate, part: Tried, verdict: Verdict, words: str) -> None:
    """With other words the same is decided, and they are passed on as they are."""
    decided = decide(part, fate, words, LIMITS, repeatable=True, texts=HALVES)
    assert type(decided) is type(verdict)
    if verdict == GIVEN_UP:
        assert decided == GiveUp(words)


def ends(*whys: str, spoken: int = 0) -> Ends:
    given = Ends(spoken)
    for why in whys:
        given.add_failure(why)
    return given


@pytest.mark.parametrize(
    ("given", "ends_early"),
    [
        (ends(*["no voice"] * ALIKE), True),
        (ends(*["no voice"] * (ALIKE - 1)), False),
        (ends(*["no voice"] * ALIKE, spoken=1), False),
        (ends(*["no voice"] * ALIKE, "no model", *["no voice"] * ALIKE), False),
        (ends(*(f"worker w{number} died" for number in range(ALIKE))), True),
    ],
    ids=["all alike", "too few", "one was spoken", "another reason", "alike but for numbers"],
)
def test_a_stream_ends_where_nothing_is_spoken_and_all_fails_alike(given: Ends, ends_early: bool) -> None:
    assert hopeless(given) == ends_early


def test_the_same_failure_is_news_once_until_something_was_spoken() -> None:
    given = Ends()
    told = [given.is_news(why) for why in ("chunk 1: no", "chunk 2: no", "other", "other")]
    assert told == [True, False, True, False]
    given.spoken = 1
    assert given.is_news("other")
