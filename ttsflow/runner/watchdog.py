"""The watchdog: detects that the owner's thread is stuck, for example in a policy that does not return."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable

from ttsflow.errors import Unforeseen
from ttsflow.threads import WatchedThread

logger = logging.getLogger(__name__)

LOOKS = 10
"""how many times it checks during the allowed time; a block has at most one such part of it more"""


class Watchdog:
    """Calls `on_stuck` once if a `with` block takes longer than `patience_s` seconds.

    Its looks are counted, and not the time: while the whole program is stopped, it does not look either.
    The call is on the watchdog's own thread; its argument is the line that the watched thread is stuck in.
    The whole stack is logged.
    """

    def __init__(
        self, patience_s: float, on_stuck: Callable[[str], object], lost: Callable[[Unforeseen], object]
    ) -> None:
        self._patience_s, self._on_stuck = patience_s, on_stuck
        self._since: float | None = None
        self._watched = 0
        self._over, self._woken = threading.Event(), threading.Event()
        self._thread = WatchedThread(self._watch, name="watchdog", lost=lost)

    def start(self) -> None:
        """Start the checks."""
        self._thread.start()

    def __enter__(self) -> None:
        self._watched = threading.get_ident()
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def hurry(self, patience_s: float) -> None:
        """From now on a block may take so many seconds at most."""
        self._patience_s = min(self._patience_s, patience_s)
        self._woken.set()

    def end(self) -> None:
        """Stop the checks; `start` need not have been called."""
        self._over.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        seen: float | None = None
        looks = 0
        while True:
            self._woken.wait(self._patience_s / LOOKS)
            self._woken.clear()
            if self._over.is_set():
                return
            looks = looks + 1 if self._since == seen and seen is not None else 0
            seen = self._since
            if looks >= LOOKS:
                frame = sys._current_frames().get(self._watched)
                stack = traceback.extract_stack(frame)
                logger.debug("the scheduler is stuck:\n%s", "".join(traceback.format_list(stack)))
                self._on_stuck(f"{stack[-1].filename}:{stack[-1].lineno}")
                return
