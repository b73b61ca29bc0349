"""Peak memory of the coordinator for ten times the text against once the text.

`ttsflow run --report` speaks both with eSpeak NG to a WAV file. The peak is VmHWM, which the kernel
keeps for each process by itself, read in the coordinator when its work is done; the workers are
processes of their own and do not count. Linux only.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.pairs import Bound, Figure, Workload, in_turns, medians, ratios

TIMES = 10

COORDINATOR = """
import re, sys
from pathlib import Path
from ttsflow.cli import main
main(sys.argv[1:], standalone_mode=False)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def measure(workload: Workload) -> Iterator[Figure]:
    rounds = workload.pick(5, 2)
    with TemporaryDirectory() as folder:
        once, tenfold = (Path(folder) / name for name in ("once", "tenfold"))
        text = workload.text.read_text(encoding="utf-8")
        for path, times in ((once, 1), (tenfold, TIMES)):
            path.mkdir()
            (path / workload.text.name).write_text("\n\n".join([text] * times), encoding="utf-8")
        measures = [partial(peak_mb, path / workload.text.name) for path in (tenfold, once)]
        peaks = in_turns(measures, rounds, warm_up=0)
    more, less = medians(peaks)
    yield Figure(
        "peak memory of the coordinator, ten times the text / once",
        ratios(peaks),
        f"`ttsflow run {workload.text.name} --backend espeak --report`; {rounds} pairs",
        f"{more:.1f} MB against {less:.1f} MB",
        Bound("at most", 1.1),
    )


def peak_mb(text: Path) -> float:
    """Peak resident memory of `ttsflow run` on the text, in MB."""
    out, report = text.with_suffix(".wav"), text.with_suffix(".json")
    run = ["run", text, "--backend", "espeak", "-o", out, "--overwrite", "--report", report, "--quiet"]
    ran = subprocess.run(
        [sys.executable, "-P", "-c", COORDINATOR, *map(str, run)],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    return int(ran.stdout) * 1024 / 1e6
