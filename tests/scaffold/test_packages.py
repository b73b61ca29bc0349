"""A new package is installed by pip, is found by the program, and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ttsflow.scaffold import Names, write_package


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package of a policy, which pip has installed into `site`."""
    folder = tmp_path_factory.mktemp("new")
    package = write_package(Names.of("policy", "long-first", []), folder)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*pip, "--target", str(folder / "site"), str(package)], check=True, capture_output=True)
    return folder


def test_the_program_finds_it(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ttsflow", "policies", "long-first"],
        env={**os.environ, "PYTHONPATH": str(folder / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "from ttsflow-long-first 0.1 (ttsflow_long_first)" in done.stdout


def test_its_tests_pass(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder / "ttsflow-long-first",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "25 passed" in done.stdout
