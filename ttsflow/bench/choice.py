"""Which arm to take: one with more at a time only where the rounds differ by less than it gains."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ttsflow.bench.arms import ALONE, Arm
from ttsflow.bench.figures import AtOnce, Figures, curve, spread
from ttsflow.bench.measurement import ENOUGH_ROUNDS
from ttsflow.interface.profile import ENOUGH

SURE = 4.0
"""times its standard error that a gain must be. Noise alone comes to that, for one of several arms, in less
than one measurement of twenty"""

CLEAR = ENOUGH * 1.002
"""times the throughput by which the taken arm stands out in a profile file, whose numbers are rounded"""


@dataclass(frozen=True, slots=True)
class Choice:
    """The arm to take of several, and why it is not one with more: `doubt`, None where there is none."""

    best: AtOnce
    doubt: str | None = None


def choose(arms: Sequence[AtOnce]) -> Choice:
    """The arm with the fewest chunks at a time to which no other surely adds something.

    `arms` begin with one chunk at a time. One with more is in doubt if it gave `ENOUGH` times as much in some
    rounds only.
    """
    best, doubt = arms[0], None
    for arm in arms[1:]:
        more = compared(arm, best)
        if not more or spread(more).high < ENOUGH:
            continue
        if surely_more(more):
            best, doubt = arm, None
            continue
        times = f"{statistics.median(more):.2f} times as much"
        if len(more) < ENOUGH_ROUNDS:
            seen = "1 round" if len(more) == 1 else f"{len(more)} rounds"
            doubt = (
                f"{arm.arm} give {times}, measured too seldom to be sure of it: in {seen}, and it takes "
                f"{ENOUGH_ROUNDS}; give more with --budget"
            )
        else:
            doubt = (
                f"whether {arm.arm} give more cannot be told: {times}, from {min(more):.2f} to "
                f"{max(more):.2f} by the round"
            )
    return Choice(best, doubt)


def taken(figures: Figures) -> AtOnce:
    """The arm for runs: several slots, several workers, or both, where that surely gives more than either.

    Where it cannot be told whether slots or workers give more it is the slots, which need less memory.
    """
    best = one_way(figures)
    for both in figures.both:
        if surely_more(compared(both, best)):
            best = both
    return best


def one_way(figures: Figures) -> AtOnce:
    """The better of several slots and several workers."""
    slots, workers = choose(figures.slots).best, choose(figures.workers).best
    if workers.arm.workers > 1 and (slots.arm.slots == 1 or surely_more(compared(workers, slots))):
        return workers
    return slots


def beside(both: AtOnce, slots: Sequence[AtOnce]) -> list[AtOnce]:
    """What more workers give that have several slots each: beside one worker with as many slots."""
    one = next(arm for arm in slots if arm.arm.slots == both.arm.slots)
    rounds = [number for number in both.slow if number in one.slow]
    slow = {number: both.slow[number] / one.slow[number] for number in rounds}
    first = {number: both.first[number] / one.first[number] for number in rounds}
    alone = dict.fromkeys(rounds, 1.0)
    return [AtOnce(ALONE, alone, alone), AtOnce(Arm(both.arm.workers, 1), slow, first)]


def compared(arm: AtOnce, other: AtOnce) -> list[float]:
    """How many times the throughput of `other` an arm has, in each round that has both."""
    gains, others = arm.gain, other.gain
    return [gains[number] / others[number] for number in gains if number in others]


def surely_more(more: Sequence[float]) -> bool:
    """Whether throughputs that are so many times as much, by round, show a gain that is no chance.

    It takes `ENOUGH_ROUNDS`, all of them above 1 (of ten or more all but a tenth), `ENOUGH` in the median,
    and a mean that is `SURE` times its standard error.
    """
    if len(more) < ENOUGH_ROUNDS or statistics.median(more) < ENOUGH:
        return False
    if sorted(more)[len(more) // 10] <= 1.0:
        return False
    logs = list(map(math.log, more))
    return statistics.fmean(logs) > SURE * statistics.stdev(logs) / math.sqrt(len(logs))


def clear_curve(arms: Sequence[AtOnce], best: int, most: int) -> tuple[float, ...]:
    """s(1) to s(most) for a profile file, such that `best` at a time are the knee, as was chosen.

    `arms` have the measured s(k). No other k gives more than `best` do, nor a smaller one nearly as much:
    what was measured beyond that was noise, or may have been. (From 33 on one less may do as well.)
    """
    slow = {one.arm.at_once: spread(one.slow.values()).median for one in arms}
    at_best = min(max(1.0, slow[best]), best / CLEAR) if best > 1 else 1.0
    measured = curve({k: min(value, at_best) if k <= best else value for k, value in slow.items()})
    gain = best / at_best
    return (
        1.0,
        *(max(measured[k - 1], min(at_best, k * CLEAR / gain)) for k in range(2, best)),
        *([at_best] if best > 1 else []),
        *(max(measured[min(k, len(measured)) - 1], k / gain) for k in range(best + 1, most + 1)),
    )
