"""How everything here is measured: in turns, so that whatever else the machine does falls on both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Workload:
    """What a run of the benchmarks is made with; `quick` is for a look, not for figures to quote."""

    text: Path
    quick: bool

    def pick(self, full: int, quick: int) -> int:
        """A size: that of a full run, or that of a quick one."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of what was measured again and again, the least and the greatest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure should keep to."""

    kind: Literal["at most", "at least"]
    limit: float

    def holds(self, value: float) -> bool:
        return value <= self.limit if self.kind == "at most" else value >= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: a ratio, or a number of `unit`.

    `how` is the workload, `note` the figures behind a ratio.
    """

    name: str
    spread: Spread
    how: str
    note: str = ""
    bound: Bound | None = None
    unit: str = ""


def in_turns(measures: Sequence[Measure], rounds: int, warm_up: int = 1) -> list[tuple[float, ...]]:
    """What the measures give, one tuple a round: A B A B ... The first `warm_up` rounds do not count."""
    return [tuple(measure() for measure in measures) for _ in range(warm_up + rounds)][warm_up:]


def ratios(pairs: Iterable[Sequence[float]]) -> Spread:
    """First to second of each pair."""
    return Spread.of([ours / theirs for ours, theirs in pairs])


def medians(rounds: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """The median of each measure over all rounds."""
    return tuple(median(column) for column in zip(*rounds, strict=True))
