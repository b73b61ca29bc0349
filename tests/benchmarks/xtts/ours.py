"""Our sides: the backend, driven by start and step as a worker drives it, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tests.benchmarks.xtts.clock import Watch, now, peaks
from tests.benchmarks.xtts.work import ALL, ALONE, WARM_UP, Reading, Work, jobs
from ttsflow import ChunkJob

STEPS_ALIKE = 8
"""of a warm-up with all slots; what comes after them has been warmed up by a chunk alone"""


@dataclass(slots=True)
class Spoken:
    """Chunks: seconds from start to first piece, and to the end, of each; audio seconds of all."""

    first_s: list[float] = field(default_factory=list)
    chunk_s: list[float] = field(default_factory=list)
    audio_s: float = 0.0
    wall_s: float = 0.0
    busy: float = 0.0


def ours(work: Work, ready: Callable[[], None], dtype: str, slots: int, graphs: bool) -> Reading:
    """Alone, with all slots, and the decoder by itself."""
    from ttsflow_plugins.xtts import Xtts

    options = Xtts.Options.model_validate(
        {
            "model_dir": work.folder,
            "threads": work.threads,
            "slots": slots,
            "dtype": dtype,
            "graphs": graphs,
        }
    )
    backend = Xtts(options)
    backend.load(work.target, slots)
    drive(work, backend, jobs(WARM_UP, 1), 1)
    decode(work, backend, jobs(WARM_UP, slots, first=1), STEPS_ALIKE)
    ready()
    alone = drive(work, backend, jobs(ALONE, 2), 1)
    waves = -(-work.chunks // slots)
    spoken = drive(work, backend, jobs(ALL, waves * slots), slots)
    step_s = decode(work, backend, jobs(ALONE, slots, first=2), work.codes - 1)
    peak_mib, cuda_mib = peaks(work)
    return Reading(
        audio_s=spoken.audio_s,
        wall_s=spoken.wall_s,
        busy=spoken.busy,
        chunk_s=median(spoken.chunk_s),
        alone_s=median(alone.chunk_s),
        first_s=max(spoken.first_s[:slots]),
        first_alone_s=median(alone.first_s),
        step_s=step_s,
        rows=slots,
        peak_mib=peak_mib,
        cuda_mib=cuda_mib,
        gave_up=work.device == "cuda" and graphs and not decoder_of(backend).recorded,
    )


def decoder_of(backend: Any) -> Any:
    """The only look behind the backend's surface."""
    return backend._speaker._jobs._decoder


def drive(work: Work, backend: Any, waiting: Sequence[ChunkJob], slots: int) -> Spoken:
    """Speak the jobs, so many at a time; a free slot takes the next one."""
    spoken, left, started, heard = Spoken(), list(waiting)[::-1], dict[ChunkJob, float](), set[ChunkJob]()
    watch = Watch(work)
    while left or started:
        while left and len(started) < slots:
            job = left.pop()
            started[job] = now(work)
            backend.start(job)
        for step in backend.step():
            if step.piece is not None:
                spoken.audio_s += len(step.piece.samples) / step.piece.sample_rate
                if step.job not in heard:
                    heard.add(step.job)
                    spoken.first_s.append(now(work) - started[step.job])
            if step.done:
                spoken.chunk_s.append(now(work) - started.pop(step.job))
    watch.stop()
    spoken.wall_s, spoken.busy = watch.wall_s, watch.busy
    return spoken


def decode(work: Work, backend: Any, together: Sequence[ChunkJob], steps: int) -> float:
    """Seconds of a step of the decoder with these jobs as its rows, the median: no prefix, no vocoder."""
    import torch

    for job in together:
        backend.start(job)
    decoder = decoder_of(backend)
    times = []
    with torch.inference_mode():
        decoder.step()  # reads the prefixes
        for _ in range(steps):
            began = now(work)
            rows = decoder.step()
            times.append(now(work) - began)
            if len(rows) != len(together):
                raise RuntimeError(f"{len(together)} rows were to be decoded, not {len(rows)}")
    for job in together:
        backend.cancel(job)
    return median(times)
