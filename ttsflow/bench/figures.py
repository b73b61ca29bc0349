"""From what was recorded to figures: pure functions, in which nothing is measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from ttsflow.bench.arms import ALONE, Arm
from ttsflow.bench.load import Pass, Spoken
from ttsflow.bench.measurement import Measured, Round

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of `count` values, and between which two of them eight of ten lie (p10, p90)."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Iterable[float]) -> Spread:
    """The spread of values, of which there is at least one; between two of them it is linear."""
    ordered = sorted(values)
    if len(ordered) == 1:
        return Spread(ordered[0], ordered[0], ordered[0], 1)
    tenths = statistics.quantiles(ordered, n=10, method="inclusive")
    return Spread(statistics.median(ordered), tenths[0], tenths[-1], len(ordered))


@dataclass(frozen=True, slots=True)
class Length:
    """What chunks of a length cost, alone on a worker: characters, seconds of work and of audio, RTF."""

    name: str
    chars: Spread
    work_s: Spread
    audio_s: Spread
    rtf: Spread


@dataclass(frozen=True, slots=True)
class AtOnce:
    """What an arm gives, beside one chunk at a time; each value is of one round.

    `slow` is s(k), how many times longer each of its k chunks takes; `gain` is k / s(k), how many times the
    audio comes out; `first` is how many times longer the first piece of a chunk takes.
    """

    arm: Arm
    slow: Mapping[int, float]
    first: Mapping[int, float]

    @property
    def gain(self) -> dict[int, float]:
        return {number: self.arm.at_once / slow for number, slow in self.slow.items()}


@dataclass(frozen=True, slots=True)
class Figures:
    """What a measurement comes to.

    `slots` are the arms with one worker, `workers` those with one slot each; both begin with one chunk alone.
    `both` are those with several workers that have several slots each, as far as they were measured.
    `first_piece` is a share of a chunk's work. Memory is in 1,000,000 bytes, None where unknown.
    `chars_per_s` is at the engine's normal speed.
    """

    rounds: int
    chunks: int
    lengths: tuple[Length, ...]
    rtf: Spread
    chars_per_s: float
    first_piece: float
    slots: tuple[AtOnce, ...]
    workers: tuple[AtOnce, ...]
    both: tuple[AtOnce, ...]
    load_s: Spread
    memory_mb: float | None
    slot_memory_mb: float | None


def figures(measured: Measured) -> Figures:
    """The figures of a measurement in which one chunk alone was measured in at least one round."""
    rounds = [one for one in measured.rounds if ALONE in one.passes]
    alone = [one.passes[ALONE] for one in rounds]
    arms = sorted({arm for one in rounds for arm in one.passes})
    at_once = [at_once_of(rounds, arm) for arm in arms]
    slots = tuple(one for one in at_once if one.arm.workers == 1)
    workers = tuple(one for one in at_once if one.arm.slots == 1)
    both = tuple(one for one in at_once if min(one.arm) > 1)
    chars = [len(job.text) for job in measured.jobs]
    speed = measured.jobs[0].speed
    memory_mb, slot_memory_mb = memory_of(measured)
    return Figures(
        rounds=len(rounds),
        chunks=len(measured.jobs),
        lengths=tuple(lengths(chars, alone)),
        rtf=spread(_over_all(one, _work) / _over_all(one, _audio) for one in alone),
        chars_per_s=sum(chars[one.chunk] for each in alone for one in each.spoken)
        / sum(one.audio_s * speed for each in alone for one in each.spoken),
        first_piece=statistics.median(
            min(1.0, one.first_s / one.work_s) for each in alone for one in each.spoken
        ),
        slots=slots,
        workers=workers,
        both=both,
        load_s=spread(measured.load_s),
        memory_mb=memory_mb,
        slot_memory_mb=slot_memory_mb,
    )


def at_once_of(rounds: Sequence[Round], arm: Arm) -> AtOnce:
    """An arm beside one chunk alone, each round by itself: what is slow for a while slows both."""
    slow, first = {}, {}
    for number, one in enumerate(rounds):
        if arm in one.passes:
            slow[number] = ratio(one.passes[arm], one.passes[ALONE], _work)
            first[number] = ratio(one.passes[arm], one.passes[ALONE], _first)
    return AtOnce(arm, slow, first)


def ratio(shared: Pass, alone: Pass, of: Callable[[Spoken], float]) -> float:
    """How many times longer the chunks of a pass took than the same chunks alone.

    All slots are busy throughout a pass, so with k of them k / ratio is also how much more is done.
    """
    by_chunk: dict[int, list[float]] = {}
    for one in alone.spoken:
        by_chunk.setdefault(one.chunk, []).append(of(one))
    expected = {chunk: statistics.fmean(values) for chunk, values in by_chunk.items()}
    same = [one for one in shared.spoken if one.chunk in expected]
    return sum(map(of, same)) / sum(expected[one.chunk] for one in same)


def curve(known: Mapping[int, float]) -> tuple[float, ...]:
    """s(k) for k = 1, 2, 3 ... from what was measured for some of them, as a profile file wants it.

    It begins with 1 and never falls: where a measurement has it otherwise, that was noise.
    """
    steps = sorted(known)
    values = dict(zip(steps, accumulate((max(1.0, known[k]) for k in steps), max), strict=True)) | {1: 1.0}
    steps = sorted(values)
    between = [
        values[low] + (values[high] - values[low]) * (k - low) / (high - low)
        for low, high in pairwise(steps)
        for k in range(low, high)
    ]
    return (*between, values[steps[-1]])


NAMES = {1: ("all",), 2: ("short", "long"), 3: ("short", "middle", "long")}


def lengths(chars: Sequence[int], alone: Sequence[Pass]) -> Iterator[Length]:
    """What chunks with so many `chars` cost: as many short, middle and long ones."""
    by_length = sorted(range(len(chars)), key=chars.__getitem__)
    names = NAMES[min(3, len(by_length))]
    for place, name in enumerate(names):
        low, high = (len(by_length) * at // len(names) for at in (place, place + 1))
        group = set(by_length[low:high])
        spoken = [one for each in alone for one in each.spoken if one.chunk in group]
        if spoken:
            yield Length(
                name,
                spread(chars[chunk] for chunk in group),
                spread(map(_work, spoken)),
                spread(map(_audio, spoken)),
                spread(one.work_s / one.audio_s for one in spoken if one.audio_s),
            )


def memory_of(measured: Measured) -> tuple[float | None, float | None]:
    """Megabytes of a worker without its slots, and of each slot; None where unknown.

    A slot adds what the worker grew by from one chunk at a time to the most, for each that was added: what
    an engine reserves for its slots when it loads is in the worker's own part.
    """
    taken = {arm.slots: _bytes(measured, arm) for arm in measured.climb}
    known = {slots: size for slots, size in taken.items() if size}
    if 1 not in known:
        return None, None
    most = max(known)
    slot = max(0, known[most] - known[1]) / (most - 1) if most > 1 else 0.0
    return max(0.0, known[1] - slot) / MB, slot / MB if most > 1 else None


def _bytes(measured: Measured, arm: Arm) -> int:
    """What the first worker had taken once an arm was tried, of its GPU or the machine; 0 where unknown."""
    taken = measured.taken_bytes.get(arm)
    if taken is None or measured.before_bytes is None:
        return measured.climb[arm].memory_bytes if measured.device.kind != "cuda" else 0
    return max(0, taken - measured.before_bytes)


def _over_all(one: Pass, of: Callable[[Spoken], float]) -> float:
    return sum(map(of, one.spoken))


def _work(one: Spoken) -> float:
    return one.work_s


def _audio(one: Spoken) -> float:
    return one.audio_s


def _first(one: Spoken) -> float:
    return one.first_s
