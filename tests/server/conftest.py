from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.server.world import Server

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def serve_module(tmp_path_factory: pytest.TempPathFactory, fake_nvml: Path) -> Iterator[Serve]:
    """Starts servers that a module's tests share."""
    yield from serving(tmp_path_factory.mktemp("servers"), fake_nvml)


@pytest.fixture
def program(tmp_path: Path, fake_nvml: Path) -> Program:
    return Program(tmp_path, fake_nvml)


@pytest.fixture
def serve(program: Program) -> Iterator[Serve]:
    """Starts servers of this test's own."""
    yield from ending(program)


def serving(folder: Path, gpus: Path) -> Iterator[Serve]:
    yield from ending(Program(folder, gpus))


def ending(program: Program) -> Iterator[Serve]:
    """Starts servers, and ends those that still run."""
    servers: list[Server] = []

    def start(*args: str | Path, ready: bool = True, before: Sequence[str] = ()) -> Server:
        servers.append(Server.start(program, *args, ready=ready, before=before))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.end()
    program.await_end()
