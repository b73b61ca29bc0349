"""Shrinking: from a schedule that breaks a promise to a short history that still does."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.messages import Driven
from ttsflow.testing.fault_tester import Faults, Size, run_schedule
from ttsflow.testing.invariants import InvariantBroken

SEARCHED = 300
"""schedules of a simpler world that are searched for one that fails too"""

SIZES = (1, 2, 3, 5, 8, 13, 21, 34)

Runner = Callable[..., object]
"""`run_schedule`, or one that asks for more"""


class History:
    """Stands before a scheduler and writes everything down, a line for each event and each command."""

    def __init__(self, scheduler: Driven) -> None:
        self._scheduler = scheduler
        self.lines: list[str] = []

    @property
    def doing(self) -> str:
        return self._scheduler.doing

    def start(self, now: float) -> list[msg.Command]:
        return self._tell(self._scheduler.start(now))

    def feed(self, events: Iterable[msg.Event], now: float) -> list[msg.Command]:
        events = list(events)
        self.lines += [f"{now:8.2f} s  <- {in_short(event)}" for event in events]
        return self._tell(self._scheduler.feed(events, now))

    def _tell(self, commands: list[msg.Command]) -> list[msg.Command]:
        self.lines += [f"            -> {in_short(command)}" for command in commands]
        return commands


def in_short(value: Any) -> str:
    """A message without what goes without saying: values that are the usual ones, and texts."""
    if isinstance(value, ChunkJob):
        take = f", take {value.take}" if value.take else ""
        return f"<{value.stream} {'.'.join(map(str, (value.index, *value.part)))}{take}>"
    if isinstance(value, list | tuple):
        kind = type(value).__name__ if hasattr(value, "_fields") else ""
        return f"{kind}[{', '.join(map(in_short, value))}]"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, int) and abs(value) > 1 << 16:  # a checksum: its end will do
        return f"..{value & 0xFFFF:04x}"
    if not dataclasses.is_dataclass(value):
        return repr(value)
    said = (
        f"{field.name}={in_short(getattr(value, field.name))}"
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != field.default
    )
    return f"{type(value).__name__}({', '.join(said)})"


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The simplest failing schedule that was found: it replays with these."""

    seed: int
    faults: Faults
    size: Size
    why: str
    history: tuple[str, ...]

    def __str__(self) -> str:
        replay = f"seed {self.seed}, {in_short(self.faults)}, {in_short(self.size)}"
        return "\n".join((self.why, replay, *self.history))


def shrink(
    seed: int,
    make_policy: Callable[[random.Random], Policy],
    faults: Faults,
    run: Runner = run_schedule,
    size: Size | None = None,
) -> Shrunk:
    """Make a failing schedule simpler: fewer kinds of fault, streams, devices and chunks.

    `seed` and `size` are those with which it failed. `run` raises InvariantBroken where a schedule fails.
    Raises ValueError where this one does not.
    """
    found = _failing(seed, make_policy, faults, size or Size(), run)
    if found is None:
        raise ValueError(f"schedule {seed} breaks no promise")
    before = None
    while before is not found:
        before = found
        for step in _STEPS:
            for simpler_faults, size in step(found.faults, found.size):
                tries = (
                    _failing(other, make_policy, simpler_faults, size, run)
                    for other in (found.seed, *range(SEARCHED))
                )
                simpler = next((shrunk for shrunk in tries if shrunk is not None), None)
                if simpler is not None:
                    found = simpler
                    break
    others = (_failing(other, make_policy, found.faults, found.size, run) for other in range(SEARCHED))
    return min((found, *filter(None, others)), key=lambda shrunk: len(shrunk.history))


Step = Callable[[Faults, Size], Iterator[tuple[Faults, Size]]]
"""Simpler worlds, the simplest first; none where there is none"""


def _without(kind: str) -> Step:
    def step(faults: Faults, size: Size) -> Iterator[tuple[Faults, Size]]:
        if getattr(faults, kind):
            yield replace(faults, **{kind: 0.0}), size

    return step


def _smaller(what: str) -> Step:
    def step(faults: Faults, size: Size) -> Iterator[tuple[Faults, Size]]:
        for fewer in SIZES:
            if fewer < getattr(size, what):
                yield faults, replace(size, **{what: fewer})

    return step


_STEPS = (
    *(_without(field.name) for field in dataclasses.fields(Faults)),
    *(_smaller(field.name) for field in dataclasses.fields(Size)),
)


def _failing(
    seed: int,
    make_policy: Callable[[random.Random], Policy],
    faults: Faults,
    size: Size,
    run: Runner,
) -> Shrunk | None:
    histories: list[History] = []

    def watch(scheduler: Driven) -> Driven:
        histories.append(History(scheduler))
        return histories[0]

    try:
        run(seed, make_policy, faults, size, watch)
    except InvariantBroken as broken:
        return Shrunk(seed, faults, size, str(broken), tuple(histories[0].lines))
    return None
