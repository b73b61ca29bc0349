"""How late requests will be that are spoken at the same time, by what is known of their cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """What is left of a request of a client: seconds of work of one chunk alone after the other.

    All of its audio must be there in `slack_s` seconds, so that its listener never waits.
    """

    client: str
    work_s: float
    slack_s: float


def ends(demands: Sequence[Demand], gain: float) -> list[float]:
    """In how many seconds each is spoken, where `gain` seconds of work are done in a second.

    Clients share that equally, and so do the requests of each: processor sharing, as the fair order of the
    scheduler approximates it.
    """
    left = {number: demand.work_s for number, demand in enumerate(demands)}
    ended = [0.0] * len(demands)
    now = 0.0
    while left:
        requests = Counter(demands[number].client for number in left)
        rates = {number: gain / len(requests) / requests[demands[number].client] for number in left}
        step_s = min(left[number] / rates[number] for number in left)
        now += step_s
        for number in list(left):
            left[number] -= step_s * rates[number]
            if left[number] <= 1e-9:
                del left[number]
                ended[number] = now
    return ended


def lateness(demand: Demand, others: Sequence[Demand], gain: float, most_s: float) -> float:
    """How late, in seconds, one more request will be, or the latest that is made late by it.

    Late means by more than `most_s`. Who is so late without it does not count, and neither do requests of
    which nothing is left to be made. Other clients do not count: each has its share, whoever was there first.
    """
    others = [other for other in others if other.work_s > 0.0]
    late_s, *with_it = _lateness([demand, *others], gain)
    made_late = (
        after_s
        for other, before_s, after_s in zip(others, _lateness(others, gain), with_it, strict=True)
        if other.client == demand.client and before_s <= most_s
    )
    return max([late_s, *made_late])


def _lateness(demands: Sequence[Demand], gain: float) -> list[float]:
    """By how many seconds each will be late."""
    return [end - each.slack_s for end, each in zip(ends(demands, gain), demands, strict=True)]
