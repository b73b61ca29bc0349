"""Rules for how well a policy does beside the built-in ones, over worlds that are always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy
from ttsflow.interface.profile import Profile
from ttsflow.planning import World
from ttsflow.planning.play import Played, play
from ttsflow.report import RunInfo
from ttsflow.testing.policies.patience import Stuck, in_time
from ttsflow.testing.policies.subject import PolicySubject, jobs
from ttsflow.testing.rule import DoesNotApply, Note, NotReached, Rule, rule

PLANNING = "planning.md"

SLOWER = 1.5
"""times what the slowest built-in policy takes, or has a listener wait, that is still no mistake"""

WAIT_S = 5.0
"""seconds more that a listener may wait, whatever others do"""

CHUNKS = 60


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a world: the makespan, and W, the seconds that a listener waits in all."""

    makespan_s: float
    wait_s: float


def worlds() -> Mapping[str, World]:
    """A file and a listener, with one engine that speaks one chunk at a time, and one that speaks four."""
    single = Profile("made", 24_000, ("cuda",), rtf=0.5)
    batches = Profile("made", 24_000, ("cuda",), rtf=0.5, slots=4, slowdown=(1.0, 1.3, 1.5, 1.7))
    made = {}
    for count in (1, 4):
        gpus = [Device(f"cuda:{number}", "cuda") for number in range(count)]
        where = "1 GPU" if count == 1 else f"{count} GPUs"
        for profile in (single, batches):
            slots = "" if profile.slots == 1 else f" of {profile.slots} slots"
            for listening in (False, True):
                what = "a listener" if listening else "a file"
                made[f"{what}, {where}{slots}"] = World(profile, gpus, listening)
    return made


@rule(PLANNING)
def makespan(subject: PolicySubject) -> Iterator[str | Note]:
    """A text is not done 1.5 times later than with the slowest built-in policy."""
    yield from _compared(subject, lambda figures: figures.makespan_s, "takes", 0.0, listening=False)


@rule(PLANNING)
def waiting(subject: PolicySubject) -> Iterator[str | Note]:
    """A listener does not wait 1.5 times longer than with the worst built-in policy."""
    yield from _compared(subject, lambda figures: figures.wait_s, "has W", WAIT_S, listening=True)


def _compared(
    subject: PolicySubject,
    of: Callable[[Figures], float],
    verb: str,
    grace_s: float,
    *,
    listening: bool,
) -> Iterator[str | Note]:
    if not subject.built_in:
        raise DoesNotApply("there is no built-in policy to compare it with")
    for name, world in worlds().items():
        if world.listening != listening:
            continue
        mine = of(_figures(subject.make, world, subject.in_time))
        beside = {other.name: of(_known(other.cls, name)) for other in subject.built_in}
        table = ", ".join(f"{other} {seconds:.1f} s" for other, seconds in beside.items())
        if mine > SLOWER * max(beside.values()) + grace_s:
            yield f"{name}: it {verb} {mine:.1f} s; {table}"
        else:
            yield Note(f"{name}: it {verb} {mine:.1f} s; {table}")


@cache
def _known(cls: type[Policy], name: str) -> Figures:
    """Figures of a built-in policy, which are the same each time."""
    return _figures(cls, worlds()[name], in_time)


def _figures(
    make: Callable[[], Policy], world: World, in_time: Callable[[Callable[[], Played]], Played]
) -> Figures:
    """Raises NotReached where the text was not spoken."""
    info = RunInfo(
        "checked", "made", "a check", {}, devices=world.devices, device_kind="cuda", reproducible=True
    )
    try:
        played = in_time(lambda: play(make, world, _text(), info))
    except Stuck as stuck:
        raise NotReached(str(stuck)) from stuck
    summary = played.summary
    if played.error is not None or summary.failed or summary.makespan_s is None:
        raise NotReached(f"the text was not spoken: {played.error}")
    return Figures(summary.makespan_s, summary.wait_s or 0.0)


@cache
def _text() -> list[ChunkJob]:
    return jobs(CHUNKS, "main", seed=1)


RULES: tuple[Rule[PolicySubject], ...] = (makespan, waiting)
