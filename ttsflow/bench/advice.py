"""What to make of the figures, in words; nothing is advised beyond what the rounds differ by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ttsflow.bench.arms import Arm
from ttsflow.bench.figures import AtOnce, Figures, Spread, spread
from ttsflow.interface.profile import ENOUGH

SURE_ROUNDS = 3
"""rounds from which the spread is known well enough to compare two arms"""


@dataclass(frozen=True, slots=True)
class Choice:
    """The arm to take of several, and why it is not one with more: `doubt`, None where there is none."""

    best: AtOnce
    doubt: str | None = None


def advice(figures: Figures, usual_workers: int) -> list[str]:
    """What to do, a sentence each; `usual_workers` are as many as policies place on the device unasked."""
    return list(_sentences(figures, usual_workers))


def policy_of(figures: Figures, usual_workers: int) -> str | None:
    """What a configuration needs beside the profile; None where the default policy does the same."""
    choice = choose(figures.workers)
    if not _fewer_do(figures.workers, choice, usual_workers):
        return None
    best = choice.best.arm.workers
    return f"policy: {{use: bounded-parallel, options: {{max_concurrent: {best * max(1, _slots(figures))}}}}}"


def choose(arms: Sequence[AtOnce]) -> Choice:
    """The arm with the fewest chunks at a time to which no other adds more than the rounds differ.

    `arms` begin with one chunk at a time. An arm counts as better from `ENOUGH` times the throughput on, if
    it was better in nine of ten rounds; it is in doubt if it was so much better in one of ten.
    """
    best, doubt = arms[0], None
    for arm in arms[1:]:
        more = compared(arm, best)
        if more is None or more.high < ENOUGH:
            continue
        if more.count < SURE_ROUNDS:
            doubt = f"{arm.arm} give {more.median:.2f} times as much, measured too seldom to be sure of it"
        elif more.low <= 1.0 or more.median < ENOUGH:
            doubt = (
                f"whether {arm.arm} give more cannot be told: {more.median:.2f} times as much, from "
                f"{more.low:.2f} to {more.high:.2f} by the round"
            )
        else:
            best, doubt = arm, None
    return Choice(best, doubt)


def compared(arm: AtOnce, other: AtOnce) -> Spread | None:
    """How many times the throughput of `other` an arm has, by round; None without a common round."""
    gains, others = arm.gain, other.gain
    both = [gains[number] / others[number] for number in gains if number in others]
    return spread(both) if both else None


def _fewer_do(arms: Sequence[AtOnce], choice: Choice, usual: int) -> bool:
    """Whether fewer workers than `usual` are enough: more were measured, and no round speaks for them."""
    measured_more = arms[-1].arm.at_once > choice.best.arm.at_once and not _if_seldom(choice)
    return measured_more and choice.doubt is None and choice.best.arm.workers < usual


def _slots(figures: Figures) -> int:
    return choose(figures.slots).best.arm.slots


def _sentences(figures: Figures, usual_workers: int) -> Iterator[str]:
    slots, workers = choose(figures.slots), choose(figures.workers)
    if len(figures.slots) > 1:
        yield from _of_slots(slots)
    if len(figures.workers) > 1:
        yield from _of_workers(figures.workers, workers, usual_workers)
    if len(figures.slots) > 1 and len(figures.workers) > 1 and workers.best.arm.workers > 1:
        yield from _of_both(slots.best, workers.best)
    if len(figures.slots) == 1 and len(figures.workers) == 1:
        yield "one worker, one slot: nothing else was measured"


def _of_slots(choice: Choice) -> Iterator[str]:
    if choice.best.arm.slots > 1:
        yield _gains(choice.best)
    elif choice.doubt is None:
        yield f"one worker, one slot: more chunks at a time in a worker gave nothing more{_if_seldom(choice)}"
    if choice.doubt is not None:
        yield choice.doubt


def _of_workers(arms: Sequence[AtOnce], choice: Choice, usual: int) -> Iterator[str]:
    count = choice.best.arm.workers
    if count > 1:
        yield _gains(choice.best)
    elif choice.doubt is None:
        yield f"one worker: more of them on this device gave nothing more{_if_seldom(choice)}"
    if choice.doubt is not None:
        yield choice.doubt
    if _fewer_do(arms, choice, usual):
        fewer = "one gave" if count == 1 else f"{count} gave"
        yield f"policies place {usual} workers here by themselves; {fewer} as much with less memory"


def _of_both(slots: AtOnce, workers: AtOnce) -> Iterator[str]:
    if slots.arm.slots == 1:
        return
    more = compared(workers, slots)
    if more is None or more.count < SURE_ROUNDS or more.low <= 1.0 <= more.high:
        yield f"whether {workers.arm} or {slots.arm} give more cannot be told"
    else:
        better, worse, times = (
            (workers, slots, more.median) if more.low > 1 else (slots, workers, 1 / more.median)
        )
        yield f"{better.arm}: {times:.2f} times as much as {worse.arm}; both together were not measured"


def _if_seldom(choice: Choice) -> str:
    return "" if len(choice.best.slow) >= SURE_ROUNDS else ", measured too seldom to be sure of it"


def _gains(one: AtOnce) -> str:
    """ "1 worker, 3 slots: 2.31 times the throughput (2.25 to 2.38), first sound of a chunk 31 % later"."""
    gain, later = spread(one.gain.values()), spread(one.first.values()).median - 1.0
    sound = f"{later:.0%} later".replace("%", " %") if later >= 0.005 else "no later"
    return (
        f"{named(one.arm)}: {gain.median:.2f} times the throughput of one chunk at a time "
        f"({gain.low:.2f} to {gain.high:.2f}), the first sound of a chunk {sound}"
    )


def named(arm: Arm) -> str:
    """An arm at the beginning of a sentence: "one worker, 3 slots", "2 workers, 1 slot each"."""
    return f"one worker, {arm.slots} slots" if arm.workers == 1 else str(arm)
