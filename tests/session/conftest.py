from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest


@pytest.fixture(autouse=True)
def workers_untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage is not measured in workers: tests of theirs do that, and each would start half as quickly."""
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


@pytest.fixture
def workers() -> Callable[[], int]:
    """Counts the processes that were started since the test began."""

    def started() -> set[psutil.Process]:
        return set(psutil.Process().children(recursive=True))

    before = started()
    return lambda: len(started() - before)
