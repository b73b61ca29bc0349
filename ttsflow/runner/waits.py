"""Waits of a caller's thread for a future of the runner. Ctrl-C can interrupt them."""

from __future__ import annotations

import math
import time
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress

INTERRUPTIBLE_S = 0.2
"""seconds of one wait; waits are short because a signal given to another thread does not end a wait"""


def wait_for(future: Future[None], timeout: float | None = None) -> None:
    """Wait until `future` is settled; raises its error. Ctrl-C interrupts the wait.

    Raises TimeoutError after `timeout` seconds.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    while not future.done() and (left := deadline - time.monotonic()) > 0:
        wait([future], min(left, INTERRUPTIBLE_S))
    future.result(0)


def settle(future: Future[None], error: BaseException | None) -> None:
    """End the wait, with an error if there is one, unless it has already ended."""
    with suppress(InvalidStateError):
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
