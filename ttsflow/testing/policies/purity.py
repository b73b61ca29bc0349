"""Rules for what a policy must not do while it decides, and for what a decision may cost."""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import partial
from statistics import median
from types import FrameType
from typing import Any, TypeVar

from ttsflow.errors import TtsflowError
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy, View, WorkerSpec, WorkerView
from ttsflow.interface.profile import Profile
from ttsflow.scheduler.policy_guard import Guard
from ttsflow.testing.fault_tester import Faults, run_sound
from ttsflow.testing.policies.patience import Stuck
from ttsflow.testing.policies.still import StillView
from ttsflow.testing.policies.subject import PolicySubject, jobs, live_seeds, situations
from ttsflow.testing.rule import Note, NotReached, Rule, rule

T = TypeVar("T")

PURE = "policies.md#writing-a-scheduling-policy"
COST = "policies.md#the-contract"

FEW, MANY = 1_000, 100_000
"""chunks that wait"""

STILL = {"of a file": (1, False), "of 8 files on uneven workers": (8, True)}
"""streams that they are of, and whether workers are of unlike speed"""

DECISIONS = 5
"""of which the median counts"""

TIMES, ENOUGH_S = 10.0, 0.002
"""times that a decision may take longer with so many more waiting; what is quicker than this is quick"""

LANES = 4_000

CLOCKS = {"time", "monotonic", "perf_counter", "process_time", "thread_time", "sleep"}
CLOCKS |= {f"{name}_ns" for name in CLOCKS}


@rule(PURE)
def no_clock(subject: PolicySubject) -> Iterator[str]:
    """A decision asks no clock."""
    yield from _used(subject, "a clock")


@rule(PURE)
def no_chance(subject: PolicySubject) -> Iterator[str]:
    """A decision leaves nothing to chance."""
    yield from _used(subject, "chance")


@rule(PURE)
def no_input(subject: PolicySubject) -> Iterator[str]:
    """A decision reads and writes no file, prints nothing, and uses no network."""
    yield from _used(subject, "a file or the network")


@rule(PURE)
def no_threads(subject: PolicySubject) -> Iterator[str]:
    """A decision starts no thread and no process."""
    yield from _used(subject, "a thread or a process")


@rule(COST)
def decides_quickly(subject: PolicySubject) -> Iterator[str | Note]:
    """A decision takes as long with 100,000 waiting chunks as with 1,000."""
    for what, (streams, uneven) in STILL.items():
        measure = partial(_decisions_s, subject, streams, uneven)
        try:
            few_s, many_s = subject.in_time(measure)
        except Stuck as stuck:
            yield str(stuck)
            return
        except NotReached:
            raise
        except Exception as error:  # of the plugin: another rule tells it
            raise NotReached(f"see the rule `delivers`: {error}") from error
        said = f"{1e6 * few_s:.0f} µs with {FEW:,} waiting {what}, {1e6 * many_s:.0f} µs with {MANY:,}"
        if many_s > ENOUGH_S and many_s > TIMES * few_s:
            yield f"{said}; look at the next few alone: islice(view.ready, 64), view.ready.first()"
            return
        yield Note(said)


@rule(COST)
def lanes_quickly(subject: PolicySubject) -> Iterator[str | Note]:
    """lane takes as long for the last of many jobs as for the first."""
    situation = next(situations())
    policy = subject.make()

    def measure() -> tuple[float, float]:
        Guard(policy).place(situation.devices, situation.profile)
        half, took = LANES // 8, []
        every = jobs(LANES)
        for part in (every[:half], every[half:-half], every[-half:]):
            began = time.thread_time()
            for job in part:
                policy.lane(job)
            took.append((time.thread_time() - began) / len(part))
        return took[0], took[-1]

    try:
        first_s, last_s = subject.in_time(measure)
    except Stuck as stuck:
        yield str(stuck)
        return
    except NotReached:
        raise
    except Exception as error:  # of the plugin: another rule tells it
        raise NotReached(f"see the rule `lanes`: {error}") from error
    said = f"{1e6 * first_s:.1f} µs at first, {1e6 * last_s:.1f} µs after {LANES:,} jobs"
    if last_s > 4.0 * first_s and last_s > 20e-6:
        yield said
    yield Note(said)


def _used(subject: PolicySubject, what: str) -> Iterator[str]:
    def work() -> list[str]:
        used: dict[str, str] = {}
        spoken, why = 0, "no chunk was spoken"
        for seed in (*range(4), *live_seeds(2)):
            try:
                done = run_sound(seed, lambda _: _Overheard(subject.make(), used), Faults(die=0.02))
            except (AssertionError, TtsflowError) as error:  # other rules tell it
                why = str(error)
            else:
                spoken += sum(account.delivered for account in done.accounts.values())
        found = [f"{name} ({where})" for name, where in used.items() if _kind_of(name) == what]
        if not (found or spoken):
            raise NotReached(f"see the rule `delivers`: {why}")
        return found

    try:
        yield from subject.in_time(work)
    except Stuck as stuck:
        raise NotReached(str(stuck)) from stuck


def _decisions_s(subject: PolicySubject, streams: int, uneven: bool) -> Sequence[float]:
    """What a decision takes with FEW chunks waiting, and with MANY."""
    return [_decision_s(subject.make(), count, streams, uneven) for count in (FEW, MANY)]


def _decision_s(policy: Policy, count: int, streams: int, uneven: bool) -> float:
    """Seconds of the processor that a decision takes with so many chunks waiting: the median of a few."""
    still = StillView(policy, count, streams, uneven=uneven)
    took = []
    for _ in range(DECISIONS):
        began = time.thread_time()
        pairs = iter(policy.dispatch(still) or ())
        for job, worker in pairs:
            still.carry_out(job, worker)
        took.append(time.thread_time() - began)
        still.end_one()
    return median(took)


class _Overheard(Policy):
    """A policy in whose calls every call of a function that is not written in Python is looked at."""

    name = "overheard"

    def __init__(self, policy: Policy, used: dict[str, str]) -> None:
        super().__init__()
        self._policy, self._used = policy, used
        self._collects = gc.isenabled()

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        with self:
            specs = self._policy.place(devices, profile)
        return self._each(specs) if isinstance(specs, Iterable) else specs

    def lane(self, job: ChunkJob) -> Hashable:
        with self:
            return self._policy.lane(job)

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        with self:
            pairs = self._policy.dispatch(view)
        return self._each(pairs) if isinstance(pairs, Iterable) else pairs

    def _each(self, items: Iterable[T]) -> Iterator[T]:
        """One by one, as the scheduler takes no end of them."""
        with self:
            items = iter(items)
        while True:
            with self:
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    def __enter__(self) -> None:
        gc.disable()  # what others do when garbage is collected is no call of the policy
        sys.setprofile(self._hear)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        if self._collects:
            gc.enable()

    def _hear(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and (name := _name_of(argument)) is not None and name not in self._used:
            self._used[name] = f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _name_of(function: Any) -> str | None:
    """The name of a function that a policy must not call; None for others."""
    module, name = getattr(function, "__module__", None) or "", str(function.__name__)
    owner = getattr(function, "__self__", None)
    if module == "time" and name in CLOCKS:
        return f"time.{name}"
    if name in ("now", "utcnow", "today") and isinstance(owner, type):
        return f"{owner.__name__}.{name}"
    shared = getattr(random, "_inst", None)
    if isinstance(owner, random.SystemRandom) or (owner is shared and name in ("random", "getrandbits")):
        return f"random.{name}"
    if module == "posix" and name in ("urandom", "getrandom"):
        return f"os.{name}"
    if module == "posix" and name in ("fork", "posix_spawn", "system", "execv"):
        return f"os.{name}"
    if module in ("_posixsubprocess", "_thread") and name.startswith(("fork", "start_")):
        return f"{module}.{name}"
    if module in ("_io", "io", "_socket") or (module == "posix" and name not in ("fspath", "getpid")):
        return f"{module.removeprefix('_').replace('posix', 'os')}.{name}"
    if module == "builtins" and name in ("print", "input"):
        return name
    return None


def _kind_of(name: str) -> str:
    if name.startswith("time.") or name.endswith((".now", ".utcnow", ".today")):
        return "a clock"
    if name.startswith("random.") or name in ("os.urandom", "os.getrandom"):
        return "chance"
    if name.startswith(("_thread.", "_posixsubprocess.")) or name in (
        "os.fork", "os.posix_spawn", "os.system", "os.execv",
    ):  # fmt: skip
        return "a thread or a process"
    return "a file or the network"


RULES: tuple[Rule[PolicySubject], ...] = (
    no_clock, no_chance, no_input, no_threads, decides_quickly, lanes_quickly,
)  # fmt: skip
