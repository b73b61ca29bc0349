"""What the engine adds to shipping audio: the runner with two workers against a bare two-process loop.

Both ship the same float32 array of 1 MiB for every chunk, made beforehand, over one pipe per process
and with one request per chunk, to one receiving process that drops it. The bare loop keeps no order,
no window and no account. Once it pickles the array (`Connection.send`), which is what a program
without an engine would write; once it sends the bytes as they are, as the engine does, so that nothing
but the engine is left in the ratio. All have their processes ready before the clock starts, and take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.bare import BareLoop
from tests.benchmarks.engine import ReadyEngine, setup_for
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
        ReadyEngine(setup_for("sim", WORKERS, OPTIONS), WORKERS) as engine,
        BareLoop(WORKERS, same_array) as pickling,
        BareLoop(WORKERS, same_array, raw=True) as raw,
    ):
        times = in_turns([partial(side.speak, jobs) for side in (engine, pickling, raw)], rounds)
    ours, *theirs = (1e3 * seconds / chunks for seconds in medians(times))
    how = f"`sim` at no cost, 2 workers, {chunks:,} chunks of 1 MiB; {rounds} rounds"
    yield Figure(
        "engine overhead: runner / bare loop that sends arrays",
        ratios((engine_s, bare_s) for engine_s, bare_s, _ in times),
        how,
        f"{ours:.2f} ms against {theirs[0]:.2f} ms a chunk",
        Bound("at most", 2.0),
    )
    yield Figure(
        "engine overhead: runner / bare loop that sends raw bytes",
        ratios((engine_s, bare_s) for engine_s, _, bare_s in times),
        how,
        f"{ours:.2f} ms against {theirs[1]:.2f} ms a chunk",
    )


def same_array() -> Callable[[ChunkJob], NDArray[np.float32]]:
    """Gives one array of 1 MiB again and again."""
    import numpy as np

    samples = np.sin(np.arange(SAMPLES, dtype=np.float32))
    return lambda job: samples
