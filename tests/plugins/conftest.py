from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import Program


@pytest.fixture
def program(tmp_path: Path, fake_nvml: Path) -> Program:
    """The program, with a folder and a home that are this test's own."""
    return Program(tmp_path, fake_nvml)
