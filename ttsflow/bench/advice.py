"""What to make of the figures, in words; nothing is advised beyond what the rounds differ by."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from ttsflow.bench.arms import Arm
from ttsflow.bench.choice import Choice, choose, compared, one_way, surely_more, taken
from ttsflow.bench.figures import AtOnce, Figures, spread
from ttsflow.bench.measurement import ENOUGH_ROUNDS


def advice(figures: Figures, usual_workers: int) -> list[str]:
    """What to do, a sentence each; `usual_workers` are as many as policies place on the device unasked."""
    return list(_sentences(figures, usual_workers))


def policy_of(figures: Figures, usual_workers: int) -> str | None:
    """What a configuration needs beside the profile; None where the default policy does the same."""
    choice = choose(figures.workers)
    if min(taken(figures).arm) > 1:  # the default policy does it by itself
        return None
    if not _fewer_do(figures.workers, choice, usual_workers):
        return None
    best = taken(figures).arm
    if best.workers > 1 and len(figures.slots) > 1:
        return None  # that policy would give one worker so many slots
    return f"policy: {{use: bounded-parallel, options: {{max_concurrent: {best.at_once}}}}}"


def _fewer_do(arms: Sequence[AtOnce], choice: Choice, usual: int) -> bool:
    """Whether fewer workers than `usual` are enough: more were measured, and no round speaks for them."""
    measured_more = arms[-1].arm.at_once > choice.best.arm.at_once and not _if_seldom(choice)
    return measured_more and choice.doubt is None and choice.best.arm.workers < usual


def _sentences(figures: Figures, usual_workers: int) -> Iterator[str]:
    slots, workers = choose(figures.slots), choose(figures.workers)
    if len(figures.slots) > 1:
        yield from _of_slots(slots)
    if len(figures.workers) > 1:
        yield from _of_workers(figures.workers, workers, usual_workers)
    if len(figures.slots) > 1 and len(figures.workers) > 1 and workers.best.arm.workers > 1:
        yield from _of_one_way(slots.best, workers.best, measured_both=bool(figures.both))
    for both in figures.both:
        yield _of_both(both, one_way(figures))
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


def _of_both(both: AtOnce, best: AtOnce) -> str:
    more = compared(both, best)
    times = f"{statistics.median(more):.2f} times as much" if more else "not in one round with it"
    if surely_more(more):
        return f"{both.arm}: {times} as {best.arm}, with the memory of {both.arm.workers} workers"
    return f"{both.arm} give {times} as {best.arm}, which is no sure gain: runs have {best.arm}"


def _of_one_way(slots: AtOnce, workers: AtOnce, *, measured_both: bool) -> Iterator[str]:
    if slots.arm.slots == 1:
        return
    if surely_more(more := compared(workers, slots)):
        better, worse = workers, slots
    elif surely_more(more := compared(slots, workers)):
        better, worse = slots, workers
    else:
        yield (
            f"whether {workers.arm} or {slots.arm} give more cannot be told: with the profile file runs have "
            f"{slots.arm}, which takes less memory"
        )
        return
    gain = f"{better.arm}: {statistics.median(more):.2f} times as much as {worse.arm}"
    if measured_both:
        yield gain
    else:
        yield f"{gain}; both together were not measured, so with the profile file runs have the former"


def _if_seldom(choice: Choice) -> str:
    return "" if len(choice.best.slow) >= ENOUGH_ROUNDS else ", measured too seldom to be sure of it"


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
