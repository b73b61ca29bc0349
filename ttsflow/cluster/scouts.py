"""Scouts: tasks that wait for GPUs which are not there yet, so that an autoscaling cluster starts nodes.

Ray starts nodes for what waits, and scouts end with the program that sent them, however it ends.
"""

from __future__ import annotations

import time
from typing import Any

AGAIN_S = 10.0
"""seconds until new ones are sent for those that found a GPU that was only free for a moment"""


class Scouts:
    """Has one scout wait for each GPU that is missing from `wanted`."""

    def __init__(self, wanted: int) -> None:
        import ray

        self._wanted = wanted
        self._scout = ray.remote(num_gpus=1, num_cpus=0, max_retries=0)(_arrive)
        self._waiting: list[Any] = []
        self._sent_s = -AGAIN_S

    def send(self, there: int) -> None:
        """Send those that are missing now that so many GPUs are there; call back those that are too many."""
        import ray

        if self._waiting:
            _, self._waiting = ray.wait(self._waiting, num_returns=len(self._waiting), timeout=0.0)
        missing = max(0, self._wanted - there)
        for scout in self._waiting[missing:]:
            ray.cancel(scout)
        del self._waiting[missing:]
        now = time.monotonic()
        if now - self._sent_s >= AGAIN_S:
            self._sent_s = now
            self._waiting += [self._scout.remote() for _ in range(missing - len(self._waiting))]


def _arrive() -> None:
    """There is a GPU; its node is found by whoever looks at the nodes."""
