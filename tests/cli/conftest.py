from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.fakes.preload import build_preload


@pytest.fixture(scope="session")
def new_program(fake_nvml: Path) -> Callable[[Path], Program]:
    """Makes a program for fixtures that several tests share."""
    return lambda folder: Program(folder, fake_nvml)


@pytest.fixture
def program(tmp_path: Path, new_program: Callable[[Path], Program]) -> Iterator[Program]:
    """The program, with a folder and a home that are this test's own."""
    program = new_program(tmp_path)
    yield program
    program.end()


@pytest.fixture(scope="session")
def failing_syncs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a program whose disk fails as FAKE_DISK_SYNCS says."""
    return build_preload("disk", tmp_path_factory.mktemp("disk"))


@pytest.fixture(scope="session")
def jumping_clock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a program whose wall clock jumps."""
    return build_preload("clock", tmp_path_factory.mktemp("clock"))
