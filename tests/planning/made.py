"""Worlds that are made up, and what policies make of texts in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ttsflow import ChunkJob, Device, Policy, Profile
from ttsflow.planning import Played, World, play
from ttsflow.profiles import Costs, Known
from ttsflow.report import RunInfo
from ttsflow_plugins.bounded_parallel import BoundedParallel

RTF = 0.5
INFO = RunInfo("made", "made", "a test")


def at_once(count: int) -> Callable[[], Policy]:
    return lambda: BoundedParallel(BoundedParallel.Options(max_concurrent=count))


def world(
    slow: Sequence[float],
    gpus: int = 1,
    known: Costs | None = None,
    *,
    listening: bool = True,
    workers: Sequence[float] = (),
    cores: int | None = None,
) -> World:
    """So many GPUs, or a CPU with so many `cores`."""
    profile = Profile(
        "made",
        24_000,
        ("cuda", "cpu"),
        slots=len(slow),
        slowdown=tuple(slow),
        rtf=RTF,
        chars_per_s=10.0,
        cores=1 if cores is None else 2,
        workers=tuple(workers),
    )
    devices = [Device(f"cuda:{number}", "cuda") for number in range(gpus)]
    if cores is not None:
        devices = [Device("cpu", "cpu", cores=cores)]
    return World(profile, devices, listening, known=Known(known or Costs()))


def played(
    policy: Callable[[], Policy], world: World, audio_s: Sequence[float], pause_s: float = 0.0
) -> Played:
    jobs = [
        ChunkJob("main", index, "x" * round(10 * it), pause_s=pause_s) for index, it in enumerate(audio_s)
    ]
    made = play(policy, world, jobs, INFO)
    assert made.error is None
    assert made.summary.delivered == len(jobs)
    return made
