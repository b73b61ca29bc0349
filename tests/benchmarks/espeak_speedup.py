"""What a second worker brings with a real engine, against what it brings to a bare loop.

eSpeak NG speaks the same chunks with one and with two processes, in the engine and in a bare loop of
the same `Espeak` class (one request at a time, whichever process is free). Divided by the bare loop's
speed-up, the engine's no longer depends on how many cores the machine has or who else is using them.
All four have their processes ready before the clock starts, and take turns in every round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.bare import BareLoop
from tests.benchmarks.engine import ReadyEngine, setup_for
from tests.benchmarks.pairs import Bound, Figure, Workload, in_turns, medians, ratios
from ttsflow import ChunkJob, Device
from ttsflow.session.request import Manner
from ttsflow.text import read_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STREAM = "speed-up"


def measure(workload: Workload) -> Iterator[Figure]:
    one, two = (setup_for("espeak", workers) for workers in (1, 2))
    manner = Manner.of(one, one.config.text)
    places = manner.places(read_file(workload.text), STREAM)
    text = [place.job for place in places if place.job.speakable]
    jobs = repeated(text, at_least=workload.pick(200, 100))
    rounds = workload.pick(15, 3)
    with (
        ReadyEngine(one, 1) as engine_1,
        ReadyEngine(two, 2) as engine_2,
        BareLoop(1, espeak) as bare_1,
        BareLoop(2, espeak) as bare_2,
    ):
        sides = [partial(side.speak, jobs) for side in (engine_1, engine_2, bare_1, bare_2)]
        times = in_turns(sides, rounds)
    engine_1_s, engine_2_s, bare_1_s, bare_2_s = medians(times)
    yield Figure(
        "eSpeak NG, 2 workers: speed-up of the engine / of a bare loop",
        ratios((e1 / e2, b1 / b2) for e1, e2, b1, b2 in times),
        f"{workload.text.name} over again, {len(jobs):,} chunks; {rounds} rounds of four",
        f"{engine_1_s / engine_2_s:.2f} ({engine_1_s:.2f} s to {engine_2_s:.2f} s) against "
        f"{bare_1_s / bare_2_s:.2f} ({bare_1_s:.2f} s to {bare_2_s:.2f} s)",
        Bound("at least", 0.9),
    )


def repeated(jobs: list[ChunkJob], at_least: int) -> list[ChunkJob]:
    """The jobs over and over, numbered anew; each has its text, language and seed again."""
    times = -(-at_least // len(jobs))
    return [
        ChunkJob(STREAM, index, job.text, job.language, job.voice, job.seed)
        for index, job in enumerate(jobs * times)
    ]


def espeak() -> Callable[[ChunkJob], NDArray[np.float32]]:
    """The backend as a worker loads it, without the worker."""
    from ttsflow_plugins.espeak import Espeak

    backend = Espeak()
    backend.load(Device("cpu", "cpu"), 1)

    def speak(job: ChunkJob) -> NDArray[np.float32]:
        [piece] = backend.synthesize(job)
        return piece.samples

    return speak
