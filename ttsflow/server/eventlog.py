"""Tells the log what happens to workers; what may repeat words of a text is told with --verbose only."""

from __future__ import annotations

import logging

from ttsflow.report import Loss, Unobserved, WorkerInfo

logger = logging.getLogger(__name__)


class EventLog(Unobserved):
    """Observes the engine of a server."""

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        logger.debug("worker %s#%d is ready on %s", info.worker, info.generation, info.device)

    def worker_lost(self, loss: Loss) -> None:
        why = "its engine broke down; --verbose tells how" if loss.quoted else loss.why
        logger.warning("worker %s#%d on %s is lost: %s", loss.worker, loss.generation, loss.device, why)
        if loss.quoted:
            logger.debug("it says: %s", loss.why)

    def loading(self, worker: str, what: str, now: float) -> None:
        logger.debug("worker %s is loading: %s", worker, what)

    def notice(self, text: str) -> None:
        logger.info("notice: %s", text)
