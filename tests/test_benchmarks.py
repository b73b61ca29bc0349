"""The benchmarks run; what they measure is not tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quickly")

ROOT = Path(__file__).parents[1]


def test_the_benchmark_of_xtts_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.xtts", "--quick", "--threads", "1"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for side in ("upstream, `inference()`", "ours, bfloat16, 4 slots"):
        assert side in done.stdout


def test_the_million_schedules_begin_with_a_few() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.million", "120", "--first-seed", "7", "--processes", "2"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["schedules"].startswith("120, ")
    assert lines["failures"] == "0"
    assert "poison" in lines["faults"]
