from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.cluster.nodes import QUIETLY, Nodes, started


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """A cluster in which alpha and beta have two pretended GPUs each; a test removes what it adds."""
    with started() as nodes:
        nodes.add("alpha", gpus=2, cpus=2)
        nodes.add("beta", gpus=2, cpus=2)
        yield nodes


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """The program, with a folder and a home that are this test's own."""
    program = Program(tmp_path, tmp_path)
    program.env |= QUIETLY
    yield program
    program.end()
