"""Time, memory and memory bandwidth of the process that a side runs in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.xtts.work import Reading, Work

BANDWIDTH_BYTES = 1 << 31
TIMES = 7


def now(work: Work) -> float:
    """Seconds, once the device has done all that it was given."""
    if work.device == "cuda":
        import torch

        torch.cuda.synchronize()
    return time.perf_counter()


class Watch:
    """Seconds of the clock from here to `stop`, and the share of its threads' time the process had."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.wall_s = self.busy = 0.0
        self._began = now(work), time.process_time()

    def stop(self) -> None:
        wall, cpu = self._began
        self.wall_s = now(self.work) - wall
        self.busy = (time.process_time() - cpu) / self.wall_s / self.work.threads


def peak_mib() -> float:
    """Most resident memory of this process, since it began or since `forget_peak`, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None  # Linux
    return int(found[1]) / 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peaks(work: Work) -> tuple[float, float | None]:
    """Most resident memory, and most that torch had on the GPU since the process began; MiB."""
    if work.device != "cuda":
        return peak_mib(), None
    import torch

    return peak_mib(), torch.cuda.max_memory_allocated() / 2**20


def bandwidth(work: Work) -> Reading:
    """How fast memory can be read: the best of several sums, and products with a vector, of 2 GiB."""
    import torch

    torch.set_num_threads(work.threads)
    rows = torch.ones(BANDWIDTH_BYTES // 4 // 4096, 4096, device=work.device)
    one = torch.ones(4096, device=work.device)
    best = float("inf")
    reads: tuple[Callable[[], object], ...] = (lambda: rows.sum(), lambda: rows @ one)
    for read in reads:
        for _ in range(TIMES):
            began = now(work)
            read()
            best = min(best, now(work) - began)
    return Reading(bytes_per_s=BANDWIDTH_BYTES / best)
