"""The watchdog: detects that the owner's thread is stuck, for example in a policy that does not return."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable

logger = logging.getLogger(__name__)

LOOKS = 4
"""how many times it checks during the allowed time"""


class Watchdog:
    """Calls `on_stuck` once if a `with` block takes longer than `patience_s` seconds.

    The call is on the watchdog's own thread; its argument is the line that the watched thread is stuck in.
    The whole stack is logged.
    """

    def __init__(self, patience_s: float, on_stuck: Callable[[str], object]) -> None:
        self._patience_s, self._on_stuck = patience_s, on_stuck
        self._since: float | None = None
        self._watched = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start the checks."""
        self._thread.start()

    def __enter__(self) -> None:
        self._watched = threading.get_ident()
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def end(self) -> None:
        """Stop the checks; `start` need not have been called."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._patience_s / LOOKS):
            since = self._since
            if since is not None and time.monotonic() - since > self._patience_s:
                frame = sys._current_frames().get(self._watched)
                stack = traceback.extract_stack(frame)
                logger.debug("the scheduler is stuck:\n%s", "".join(traceback.format_list(stack)))
                self._on_stuck(f"{stack[-1].filename}:{stack[-1].lineno}")
                return
