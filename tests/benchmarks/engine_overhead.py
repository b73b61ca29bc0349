"""What the engine adds to shipping audio: the runner with two workers against a bare two-process loop.

Both ship the same float32 array of 1 MiB for every chunk, made beforehand, over one pipe per process
and with one request per chunk, to one receiving process that drops it. The bare loop pickles the array
(`Connection.send`), which is what a program without an engine would write; it keeps no order, no
window and no account. Both sides have their processes ready before the clock starts, and take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.bare import BareLoop
from tests.benchmarks.engine import ReadyEngine, plan_for
from tests.benchmarks.pairs import Bound, Figure, Workload, in_turns, medians, ratios
from ttsflow import ChunkJob

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORKERS = 2
SAMPLES = 262_144  # of 4 bytes: 1 MiB
SAMPLE_RATE = 24_000
OPTIONS = {
    "rtf": 0,
    "tone": False,
    "audio_s": SAMPLES / SAMPLE_RATE,
    "sample_rate": SAMPLE_RATE,
    "device": "cpu",
}


def measure(workload: Workload) -> Iterator[Figure]:
    chunks = workload.pick(1000, 200)
    rounds = workload.pick(15, 5)
    jobs = [ChunkJob("overhead", index, "a chunk") for index in range(chunks)]
    with (
        ReadyEngine(plan_for("sim", WORKERS, OPTIONS), WORKERS) as engine,
        BareLoop(WORKERS, same_array) as bare,
    ):
        times = in_turns([partial(engine.speak, jobs), partial(bare.speak, jobs)], rounds)
    ours, theirs = medians(times)
    yield Figure(
        "engine overhead: runner / bare loop",
        ratios(times),
        f"`sim` at no cost, 2 workers, {chunks:,} chunks of 1 MiB; {rounds} pairs",
        f"{1e3 * ours / chunks:.2f} ms against {1e3 * theirs / chunks:.2f} ms a chunk",
        Bound("at most", 2.0),
    )


def same_array() -> Callable[[ChunkJob], NDArray[np.float32]]:
    """Gives one array of 1 MiB again and again."""
    import numpy as np

    samples = np.sin(np.arange(SAMPLES, dtype=np.float32))
    return lambda job: samples
