"""Tells the log what was decided, and why: `--verbose` shows it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ttsflow.interface.costs import Slowdown
from ttsflow.report import Attempt, Loss, RunInfo, Unobserved, WorkerInfo
from ttsflow.report.units import duration

logger = logging.getLogger(__name__)


class EventLog(Unobserved):
    """Observes a run, and logs what a person would ask about: choices, workers, and attempts that fail."""

    def __init__(self) -> None:
        self._learnt: dict[int, float] = {}  # what was told of s(k), by k

    def begin(self, info: RunInfo) -> None:
        """What was chosen."""
        for device in info.devices:
            logger.debug("device %s: %s %s", device.id, device.kind, device.name)
        logger.debug("policy %s with %s", info.policy, dict(info.policy_options) or "its defaults")
        logger.debug("backend %s with %s", info.backend, dict(info.backend_options) or "its defaults")

    def loading(self, worker: str, what: str, now: float) -> None:
        logger.debug("loading: %s: %s", worker, what)

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        logger.debug(
            "worker %s#%d is ready on %s, chunks at a time: %d; loaded in %s",
            info.worker, info.generation, info.device, info.slots, duration(info.load_s),
        )  # fmt: skip

    def worker_lost(self, loss: Loss) -> None:
        logger.debug("worker %s#%d on %s is lost: %s", loss.worker, loss.generation, loss.device, loss.why)

    def attempt(self, token: int, attempt: Attempt) -> None:
        if attempt.end is None or (attempt.end == "finished" and attempt.why is None):
            return
        part = "" if attempt.part is None else f", part {attempt.part + 1}"
        logger.debug(
            "chunk %d%s, take %d on %s: %s%s",
            attempt.index, part, attempt.take, attempt.worker,
            "in doubt" if attempt.end == "finished" else attempt.end,
            "" if attempt.why is None else f": {attempt.why}",
        )  # fmt: skip

    def learnt(self, slowdowns: Sequence[Slowdown]) -> None:
        for each in slowdowns:
            told = round(each.measured, 1)
            if self._learnt.get(each.k) != told:
                self._learnt[each.k] = told
                logger.debug(
                    "measured: %d chunks at a time take %.2f times as long each (profile: %.2f)",
                    each.k, each.measured, each.profile,
                )  # fmt: skip
