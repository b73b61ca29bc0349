"""A policy that is checked, and the situations in which it is."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from ttsflow.errors import TtsflowError
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.policy import Policy
from ttsflow.interface.profile import Profile
from ttsflow.registry import Plugin, made
from ttsflow.testing.fault_tester import Faults, Size, World, run_schedule, run_sound
from ttsflow.testing.policies.patience import PATIENCE_S, Stuck, in_time
from ttsflow.testing.rule import NotReached
from ttsflow.testing.shrinking import History

T = TypeVar("T")

GIB = 1024**3

CALL_S = 5.0
"""seconds for a call of `place` or `lane`"""


@dataclass(frozen=True, slots=True)
class Situation:
    """What `place` is asked about."""

    name: str
    devices: tuple[Device, ...]
    profile: Profile


def situations() -> Iterator[Situation]:
    """Machines and engines as people have them."""
    engine = Profile("engine", 24_000, ("cuda", "mps", "cpu", "remote"), chars_per_s=15.0)
    batches = Profile(
        "engine", 24_000, ("cuda", "mps", "cpu", "remote"), slots=4, slowdown=(1.0, 1.3, 1.5, 1.7),
        memory_bytes=2 * GIB, slot_memory_bytes=GIB // 2,
    )  # fmt: skip
    machines = {
        "a GPU": (_gpu(0),),
        "four GPUs": tuple(map(_gpu, range(4))),
        "a full GPU beside a free one": (_gpu(0, GIB), _gpu(1)),
        "a CPU with one core": (_cpu(1),),
        "a CPU with 64 cores": (_cpu(64),),
        "Apple's GPU": (Device("mps", "mps", total_bytes=16 * GIB, free_bytes=8 * GIB),),
        "two servers": (Device("remote:0", "remote", "one"), Device("remote:1", "remote", "two")),
        "a GPU on which one slot fits": (Device("cuda:0", "cuda", max_slots=1, max_workers=1),),
    }
    for name, devices in machines.items():
        yield Situation(name, devices, engine)
        yield Situation(f"{name}, four slots", devices, batches)


def _gpu(number: int, free: int = 20 * GIB) -> Device:
    return Device(f"cuda:{number}", "cuda", "a GPU", total_bytes=24 * GIB, free_bytes=free)


def _cpu(cores: int) -> Device:
    return Device("cpu", "cpu", total_bytes=64 * GIB, free_bytes=32 * GIB, cores=cores)


def jobs(count: int, stream: str = "s", seed: int = 0) -> list[ChunkJob]:
    """Jobs of a text: voices, languages and lengths differ."""
    rng = random.Random(seed)
    return [
        ChunkJob(
            stream, index, "word " * rng.randint(1, 40), rng.choice(("en", "en", "de")),
            rng.choice((None, "anna", "ben")), rng.getrandbits(32), rng.choice((0.2, 0.6)),
            speed=rng.choice((1.0, 1.2)),
        )
        for index in range(count)
    ]  # fmt: skip


@dataclass
class PolicySubject:
    """`built_in` are policies to compare it with. `elsewhere` gives the decisions of another process, which
    has so many seconds. All rules together have `budget_s`, and a call of `place` or `lane` has `call_s`."""

    plugin: Plugin[Policy]
    options: PluginOptions
    built_in: Sequence[Plugin[Policy]] = ()
    elsewhere: Callable[[Plugin[Policy], PluginOptions, float], Iterable[str]] | None = field(default=None)
    budget_s: float = math.inf
    call_s: float = CALL_S

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.budget_s

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left. Raises NotReached where none are."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0.0:
            more = f"give more: --budget {2 * self.budget_s:g}"
            raise NotReached(f"the budget of {self.budget_s:g} s was over before; {more}")
        return left_s

    def in_time(self, work: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
        """As `in_time` of `patience`. Raises NotReached where the budget was over before."""
        try:
            return in_time(work, patience_s, self.left_s)
        except Stuck:
            _ = self.left_s
            raise

    def make(self) -> Policy:
        """A fresh policy. Raises PluginError where it cannot be made."""
        return made(self.plugin, self.options)

    def run_sound(self, seeds: Iterable[int], faults: Faults) -> str | None:
        """What goes wrong in these worlds; None where nothing does."""
        return run_all(self.make, seeds, faults, self.in_time)

    @cached_property
    def decisions(self) -> list[str]:
        """What it decides in some worlds, a line each."""
        return decisions(self.make)


def run_all(
    make: Callable[[], Policy],
    seeds: Iterable[int],
    faults: Faults,
    in_time: Callable[[Callable[[], None]], None],
) -> str | None:
    """What goes wrong with a policy in these worlds; None where nothing does."""

    def work() -> None:
        for seed in seeds:
            run_sound(seed, lambda _: make(), faults)

    try:
        in_time(work)
    except (AssertionError, TtsflowError, Stuck) as error:
        return str(error)
    return None


def decisions(make: Callable[[], Policy], seeds: Iterable[int] = range(12)) -> list[str]:
    """What a policy is told and decides in these worlds, a line each."""
    histories: list[History] = []

    def watch(scheduler: object) -> History:
        histories.append(History(scheduler))  # type: ignore[arg-type]  # a scheduler
        return histories[-1]

    for seed in seeds:
        run_schedule(seed, lambda _: make(), Faults(die=0.02, fail=0.02, devices=0.2), watch=watch)
    return [line for history in histories for line in history.lines]


def live_seeds(count: int) -> list[int]:
    """Seeds of worlds in which somebody listens, and some chunks are spoken."""
    found: list[int] = []
    seed = 0
    while len(found) < count:
        world = World.random(random.Random(seed), Size())
        if world.live and any(world.streams.values()):
            found.append(seed)
        seed += 1
    return found


def as_json(options: PluginOptions) -> str:
    """Options as they are written into reports."""
    return json.dumps(options.model_dump(mode="json"))
