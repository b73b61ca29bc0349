"""Verdicts: what the end of an attempt means for the part that it spoke. One pure function decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ttsflow.scheduler.limits import Limits


class Fate(Enum):
    """How an attempt at a part ended."""

    WHOLE = "whole"  # its audio is complete, and nothing is doubtful about it
    DOUBTFUL = "doubtful"  # its audio is complete, and a check has a doubt
    DIFFERS = "differs"  # it is not what a listener has heard of an attempt before
    TOO_LONG = "too long"  # the backend finds the text too long for its model
    REFUSED = "refused"  # the backend will not speak it, however often it is asked
    ERROR = "error"  # the backend failed; that may pass
    BAD_AUDIO = "bad audio"  # what it made is no audio; another seed may do better
    HUNG = "hung"  # it missed its deadline, with nothing beside it on its worker
    DIED_ALONE = "died alone"  # its worker died, with nothing beside it
    DIED_IN_COMPANY = "died in company"  # its worker died, and others were running there
    INTERRUPTED = "interrupted"  # it was ended for a reason that is not its own


FAILURES = (Fate.ERROR, Fate.BAD_AUDIO, Fate.HUNG)
"""fates that count against the retries of a part"""

DEATHS = (Fate.DIED_ALONE, Fate.DIED_IN_COMPANY)
"""fates that count as deaths of workers that were speaking it"""


class Tried(Protocol):
    """What is known of a part when it is decided on; the attempt that has just ended is counted in.

    `failures`, `doubted` and `deaths` count attempts that failed, takes in doubt, and deaths of workers.
    `pieces` is how many the attempt made, `heard` what a listener was given of the part, if anything.
    `is_stretch`: it is part of a chunk that was split; only a whole chunk can be. `last_chance`: all takes
    of its whole chunk were in doubt before.
    """

    @property
    def failures(self) -> int: ...
    @property
    def doubted(self) -> int: ...
    @property
    def deaths(self) -> int: ...
    @property
    def pieces(self) -> int: ...
    @property
    def heard(self) -> Sequence[int]: ...
    @property
    def is_stretch(self) -> bool: ...
    @property
    def last_chance(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Accept:
    """The audio is heard."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The part is spoken again."""

    another_seed: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """These texts are spoken in place of the whole chunk."""

    texts: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The part will not come out right: the best take is heard, or else its chunk fails."""

    why: str


Verdict = Accept | Retry | Split | GiveUp


def decide(
    part: Tried, fate: Fate, why: str, limits: Limits, *, repeatable: bool, texts: Sequence[str] = ()
) -> Verdict:
    """What follows from the end of an attempt.

    `why` says in words what happened; it is passed on and decides nothing. `repeatable`: another attempt
    gives the same audio, so that it may go on where a listener has stopped hearing. `texts` are those that
    the chunk can be split into: the backend's own where the text is too long, else halves; empty where it
    cannot be split.
    """
    may_split = bool(texts) and not part.is_stretch and not part.heard
    match fate:
        case Fate.WHOLE:
            return Accept()
        case Fate.DOUBTFUL if part.heard:  # what was heard cannot be taken back
            return Accept()
        case Fate.DOUBTFUL if part.last_chance:
            return GiveUp(why)
        case Fate.DOUBTFUL if part.doubted <= limits.takes:
            return Retry(another_seed=True)
        case Fate.DOUBTFUL if limits.takes and may_split:
            return Split(tuple(texts), why)
        case Fate.TOO_LONG if part.is_stretch:
            return GiveUp("it is too long for the model as well")
        case Fate.TOO_LONG if part.pieces or part.heard:
            return GiveUp("the backend found it too long for the model after it had made audio")
        case Fate.TOO_LONG:
            return Split(tuple(texts), "it is too long for the model")
        case Fate.DIED_ALONE if part.deaths >= limits.deaths and may_split:
            return Split(tuple(texts), why)
        case Fate.DIED_ALONE if part.deaths >= limits.deaths:
            return GiveUp(why)
        case Fate.DOUBTFUL | Fate.DIFFERS | Fate.REFUSED:
            return GiveUp(why)
        case _ if fate in FAILURES and part.failures > limits.retries:
            return GiveUp(why)
        case _ if part.heard and not repeatable:
            return GiveUp(why)
    return Retry(another_seed=fate is Fate.BAD_AUDIO and not part.heard)
