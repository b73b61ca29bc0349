"""`ttsflow --help` against a Python that imports click, as whole processes.

The wheel is built from a copy of the source and installed in an environment of its own, since what
setuptools puts at the start of every Python for an editable installation takes longer than all that is
measured here. The environment borrows click from the running one. Both sides run the same interpreter.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from venv import EnvBuilder

import click

from tests.benchmarks.pairs import Bound, Figure, Workload, in_turns, medians, ratios

PROJECT = Path(__file__).parents[2]
NO_SOURCE = shutil.ignore_patterns("__pycache__", "*.egg-info", "tests", "docs", "build", "dist", ".*")


def measure(workload: Workload) -> Iterator[Figure]:
    rounds = workload.pick(40, 10)
    with TemporaryDirectory() as folder:
        bin_folder = install(Path(folder))
        help_ = [str(bin_folder / "ttsflow"), "--help"]
        import_click = [str(bin_folder / "python"), "-c", "import click"]
        times = in_turns([partial(wall_s, help_), partial(wall_s, import_click)], rounds, warm_up=3)
    ours, theirs = medians(times)
    yield Figure(
        'start: `ttsflow --help` / `python -c "import click"`',
        ratios(times),
        f"the installed wheel, whole processes; {rounds} pairs",
        f"{1e3 * ours:.0f} ms against {1e3 * theirs:.0f} ms",
        Bound("at most", 2.5),
    )


def install(folder: Path) -> Path:
    """Build the wheel and install it in a fresh environment; the folder of its commands."""
    source, wheels, fresh = (folder / name for name in ("source", "wheels", "venv"))
    shutil.copytree(PROJECT, source, ignore=NO_SOURCE)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source)])
    builder = EnvBuilder(symlinks=True)
    builder.create(fresh)
    context = builder.ensure_directories(fresh)
    [wheel] = wheels.glob("*.whl")
    run([*pip, "--python", context.env_exe, "install", "--no-deps", str(wheel)])
    [packages] = fresh.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(f"{Path(click.__file__).parents[1]}\n")
    return Path(context.bin_path)


def wall_s(command: Sequence[str]) -> float:
    """Seconds from starting a process to its end."""
    began = time.perf_counter()
    run(command)
    return time.perf_counter() - began


def run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
