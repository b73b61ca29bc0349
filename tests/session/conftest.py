from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest


@pytest.fixture
def workers() -> Callable[[], int]:
    """Counts the processes that were started since the test began."""

    def started() -> set[psutil.Process]:
        return set(psutil.Process().children(recursive=True))

    before = started()
    return lambda: len(started() - before)
