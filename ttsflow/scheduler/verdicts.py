"""Verdicts: what the end of an attempt means for the part that it spoke, and the ends of chunks for a stream.

Pure functions decide.
"""

from __future__ import annotations

import re
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

COMPLETE = (Fate.WHOLE, Fate.DOUBTFUL)
"""fates that end a race of two attempts, whatever becomes of the other one"""

FINAL = (Fate.TOO_LONG, Fate.REFUSED)
"""fates that end a race, too, unless the other attempt has shown the contrary: it has made audio"""

DEATHS = (Fate.DIED_ALONE, Fate.DIED_IN_COMPANY)
"""fates that count as deaths of workers that were speaking it"""


class Tried(Protocol):
    """What is known of a part when it is decided on; the attempt that has just ended is counted in.

    `failures`, `doubted` and `deaths` count attempts that failed, takes in doubt, and deaths of workers.
    `pieces` is how many the attempt made, `heard` what a listener was given of the part, if anything.
    `is_stretch`: it is part of a chunk that was split; only a whole chunk can be. `last_chance`: all takes
    of its whole chunk were in doubt before. `raced`: another attempt at the part runs.
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
    @property
    def raced(self) -> bool: ...


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


@dataclass(frozen=True, slots=True)
class GoOn:
    """Nothing follows yet: another attempt at the part runs."""


Verdict = Accept | Retry | Split | GiveUp | GoOn


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
        case _ if part.raced and fate not in COMPLETE:
            return GoOn()
        case Fate.WHOLE:
            return Accept()
        case Fate.DOUBTFUL if part.heard:  # what was heard cannot be taken back
            return Accept()
        case Fate.DOUBTFUL if part.last_chance or part.failures > limits.retries:  # in a race
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


ALIKE = 5
"""chunks of a stream that fail alike, with none that is spoken, show that the others would fail as well"""


@dataclass(slots=True)
class Ends:
    """How the chunks of a stream have ended so far: how many were `spoken`, how many have `failed`.

    `why` is that of the first that failed, and `alike` whether all others failed for this reason.
    """

    spoken: int = 0
    failed: int = 0
    alike: bool = True
    why: str = ""
    _last: str = ""

    def add_failure(self, why: str) -> None:
        """Another chunk has failed."""
        self.failed += 1
        self.why = self.why or why
        self.alike = self.alike and _gist(why) == _gist(self.why)

    def is_news(self, why: str) -> bool:
        """Whether a person should hear of an attempt that failed: not again and again of the same."""
        last, self._last = self._last, _gist(why)
        return self.spoken > 0 or self._last != last


def hopeless(ends: Ends) -> bool:
    """Whether a stream should end: nothing of it was spoken, and enough of it has failed, all alike."""
    return not ends.spoken and ends.alike and ends.failed >= ALIKE


def _gist(why: str) -> str:
    """A reason without what differs from one chunk to the next: numbers, and so the names of workers."""
    return re.sub(r"\d+", "#", why)
