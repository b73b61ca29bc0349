from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import Program


@pytest.fixture(scope="session")
def new_program(fake_nvml: Path) -> Callable[[Path], Program]:
    """Makes a program for fixtures that several tests share."""
    return lambda folder: Program(folder, fake_nvml)


@pytest.fixture
def program(tmp_path: Path, new_program: Callable[[Path], Program]) -> Program:
    """The program, with a folder and a home that are this test's own."""
    return new_program(tmp_path)
