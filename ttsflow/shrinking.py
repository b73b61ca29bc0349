"""Shrinking: from a schedule that breaks a promise to the shortest history that still does."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ttsflow.fault_tester import Faults, Size, run_schedule
from ttsflow.invariants import InvariantBroken
from ttsflow.policy import Policy
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.driven import Driven

SEARCHED = 300
"""schedules of a simpler world that are searched for one that fails too"""


class History:
    """A scheduler between whose driver and itself everything is written down."""

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
        self.lines += [f"{now:8.2f} s  <- {event}" for event in events]
        return self._tell(self._scheduler.feed(events, now))

    def _tell(self, commands: list[msg.Command]) -> list[msg.Command]:
        self.lines += [f"            -> {command}" for command in commands]
        return commands


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The simplest failing schedule that was found: it replays with these."""

    seed: int
    faults: Faults
    size: Size
    why: str
    history: tuple[str, ...]

    def __str__(self) -> str:
        kept = {field.name for field in dataclasses.fields(Faults) if getattr(self.faults, field.name)}
        head = f"{self.why}\nseed {self.seed}, {self.size}, faults: {', '.join(sorted(kept)) or 'none'}"
        return "\n".join((head, *self.history))


def shrink(seed: int, make_policy: Callable[[random.Random], Policy], faults: Faults) -> Shrunk:
    """Make the failing schedule `seed` simpler: fewer kinds of fault, devices, streams and chunks.

    Raises ValueError where the schedule does not fail.
    """
    found = _fails(seed, make_policy, faults, Size())
    if found is None:
        raise ValueError(f"schedule {seed} breaks no promise")
    simpler: Shrunk | None = found
    while simpler is not None:
        found = simpler
        simpler = next(_failing(found, make_policy), None)
    return found


def _failing(shrunk: Shrunk, make_policy: Callable[[random.Random], Policy]) -> Iterator[Shrunk]:
    for faults, size in _simpler(shrunk.faults, shrunk.size):
        for seed in range(SEARCHED):
            if (found := _fails(seed, make_policy, faults, size)) is not None:
                yield found
                break


def _simpler(faults: Faults, size: Size) -> Iterator[tuple[Faults, Size]]:
    for field in dataclasses.fields(Faults):
        if getattr(faults, field.name):
            yield replace(faults, **{field.name: 0.0}), size
    for name, least in (("streams", 1), ("devices", 1), ("chunks", 1)):
        most = getattr(size, name)
        for fewer in sorted({least, most // 2, most - 1}):
            if least <= fewer < most:
                yield faults, replace(size, **{name: fewer})


def _fails(
    seed: int, make_policy: Callable[[random.Random], Policy], faults: Faults, size: Size
) -> Shrunk | None:
    histories: list[History] = []

    def watch(scheduler: Driven) -> Driven:
        histories.append(History(scheduler))
        return histories[0]

    try:
        run_schedule(seed, make_policy, faults, size, watch)
    except InvariantBroken as broken:
        return Shrunk(seed, faults, size, str(broken), tuple(histories[0].lines))
    return None
