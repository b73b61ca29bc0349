"""Made-up worlds in virtual time, and what a policy makes of them: for a listener, and for a file."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean

from ttsflow import ChunkJob, Device, Policy, Profile
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator
from ttsflow_plugins.adaptive import Adaptive
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.sequential import Sequential

CHARS_PER_S = 15.0

SLICING = (1.0, 2.0, 3.0, 4.0)
WEAK = (1.0, 1.7, 2.4, 3.1)
XTTS = (1.0, 1.32, 1.53, 1.73)
STRONG = (1.0, 1.05, 1.1, 1.15)
TWO = (1.0, 1.25)
ONE = (1.0,)
CURVES = {
    "time slicing: s(k) = k": SLICING,
    "weak: s(4) = 3.1": WEAK,
    "XTTS-v2: s(4) = 1.73": XTTS,
    "strong: s(4) = 1.15": STRONG,
    "two slots: s(2) = 1.25": TWO,
    "one slot": ONE,
}


@dataclass(frozen=True, slots=True)
class World:
    """A text of `chunks` chunks of 3 to 16 s, an engine and its devices.

    A second of audio takes `rtf` s of work, alone on its worker; `slow[k - 1]` is s(k), and `believed` what
    the profile has for it. What a chunk really takes differs from the prediction by -20 to +25 %, its length
    by a tenth, at random by `seed`.
    """

    slow: Sequence[float]
    gpus: int = 1
    rtf: float = 0.6
    chunks: int = 40
    seed: int = 0
    believed: Sequence[float] | None = None

    @property
    def profile(self) -> Profile:
        slots = len(self.slow)
        return Profile(
            "made", 24_000, ("cuda",), slots=slots, slowdown=tuple(self.believed or self.slow), rtf=self.rtf,
            chars_per_s=CHARS_PER_S,
        )  # fmt: skip

    def really(self, k: int) -> float:
        """s(k) as it is."""
        return self.slow[k - 1]


@dataclass(frozen=True, slots=True)
class Made:
    """What a policy made of a world, in seconds.

    `first_s` is when the first chunk was there, `waits_s` that and all stalls of a listener together (W),
    `done_s` the makespan, and `bound_s` what no schedule can be below. `ends_s` are when the chunks were
    there, in text order, and `audio_s` how long each is.
    """

    first_s: float
    waits_s: float
    done_s: float
    bound_s: float
    ends_s: Sequence[float] = field(repr=False)
    audio_s: Sequence[float] = field(repr=False)

    @property
    def over(self) -> float:
        """The makespan over its lower bound."""
        return self.done_s / self.bound_s


def make(policy: Policy, world: World, *, listening: bool) -> Made:
    """Speak a text in a world. W is the greatest (end of a chunk) - (audio before it)."""
    rng = random.Random(world.seed)
    jobs = [ChunkJob("s", index, "x" * rng.randint(40, 240)) for index in range(world.chunks)]
    off = [(rng.uniform(0.8, 1.25), rng.uniform(0.9, 1.1)) for _ in jobs]
    profile = world.profile
    costs = CostModel(
        cost=lambda job: len(job.text) / CHARS_PER_S * world.rtf * off[job.index][0],
        audio=lambda job: len(job.text) / CHARS_PER_S * off[job.index][1],
        slow=world.really,
    )
    devices = [Device(f"cuda:{number}", "cuda") for number in range(world.gpus)]
    simulator = Simulator(Scheduler(policy, devices, profile), costs)
    result = simulator.run({"s": jobs}, live=listening, stored=not listening)
    if result.error is not None or len(result.outcomes) != world.chunks:
        raise RuntimeError(f"{world} was not spoken: {result.error}")
    waits_s = before_s = 0.0
    ends = [outcome.finished_s or 0.0 for outcome in sorted(result.outcomes, key=lambda it: it.job.index)]
    for job, end in zip(jobs, ends, strict=True):
        waits_s = max(waits_s, end - before_s)
        before_s += costs.audio(job)
    works = [costs.cost(job) for job in jobs]
    gain = max(k / world.really(k) for k in range(1, profile.slots + 1))
    bound_s = max(max(works), sum(works) / (gain * world.gpus))
    return Made(ends[0], waits_s, max(ends), bound_s, ends, [costs.audio(job) for job in jobs])


def time_after(made: Made, share: float) -> float:
    """Seconds from when that share of the chunks was there until all of them were."""
    ends_s = sorted(made.ends_s)
    return ends_s[-1] - ends_s[int(share * len(ends_s))]


def stalls_after(made: Made, share: float) -> float:
    """Seconds of stalls of a listener in the text after that share of its chunks."""
    until_s, stalls_s = made.first_s, 0.0
    for number, (end_s, audio_s) in enumerate(zip(made.ends_s, made.audio_s, strict=True)):
        if number >= share * len(made.ends_s):
            stalls_s += max(0.0, end_s - until_s)
        until_s = max(until_s, end_s) + audio_s
    return stalls_s


def fixed(world: World) -> Mapping[str, Callable[[], Policy]]:
    """The policies that always do the same: sequential, and so many chunks at a time on each GPU."""

    def parallel(at_once: int) -> Callable[[], Policy]:
        options = BoundedParallel.Options(max_concurrent=at_once * world.gpus)
        return lambda: BoundedParallel(options)

    counts = range(1, len(world.slow) + 1)
    return {"sequential": Sequential} | {f"{count} at a time": parallel(count) for count in counts}


@dataclass(frozen=True, slots=True)
class Cell:
    """The best fixed policy of a cell, by name, and `adaptive`; each the mean over the seeds.

    Best is the least W for a listener, the least makespan for a file.
    """

    best: str
    by_best: float
    by_adaptive: float

    @property
    def excess(self) -> float:
        """How much worse `adaptive` is: 0.05 is 5 %."""
        return self.by_adaptive / self.by_best - 1.0


def compare(world: World, seeds: int, *, listening: bool) -> Cell:
    """Compare `adaptive` with each fixed policy in the same worlds."""

    def mean_of(policy: Callable[[], Policy]) -> float:
        made = [make(policy(), replace(world, seed=seed), listening=listening) for seed in range(seeds)]
        return mean(each.waits_s if listening else each.over for each in made)

    by_name = {name: mean_of(policy) for name, policy in fixed(world).items()}
    best = min(by_name, key=lambda name: by_name[name])
    return Cell(best, by_name[best], mean_of(Adaptive))
