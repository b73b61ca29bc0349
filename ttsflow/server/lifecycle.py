"""What the server is at: it loads, it answers, it drains; and why it does not answer now."""

from __future__ import annotations

import logging
from http import HTTPStatus

from ttsflow.errors import RunError, WorkerError
from ttsflow.server.errors import Refused, refusal_of
from ttsflow.server.fleet import Fleet
from ttsflow.session.engine import Engine

logger = logging.getLogger(__name__)

RETRY_S = 5
"""seconds after which a client may ask again while nothing can be spoken"""


class Lifecycle:
    """Tells whether requests are taken on. It is used on the event loop's thread."""

    def __init__(self, engine: Engine, fleet: Fleet) -> None:
        self._engine, self._fleet = engine, fleet
        self._loaded = self._draining = self._told = False

    def loaded(self) -> None:
        """The workers have loaded their models."""
        self._loaded = True

    def drain(self) -> None:
        """From now on no request is taken on."""
        self._draining = True

    @property
    def problem(self) -> str | None:
        """Why nothing can be spoken now, None where it can."""
        if self._draining:
            return "the server is shutting down"
        try:
            self._engine.check_usable()
        except RunError as error:
            self._tell(error)
            return "the engine has stopped; the log of the server says why"
        if not self._loaded:
            return "the workers are loading their models"
        if not self._fleet.ready:
            return "no worker is ready; one is being started again"
        return None

    def check(self) -> None:
        """Raise Refused (503) where no request can be taken on now."""
        if (problem := self.problem) is not None:
            headers = {"Retry-After": str(RETRY_S)}
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, problem, code="not_ready", headers=headers)

    def _tell(self, error: RunError) -> None:
        """Say once that nothing will be spoken any more."""
        if not self._told:
            self._told = True
            logger.debug("the engine has stopped: %s", error)
            why = refusal_of(error).reason if isinstance(error, WorkerError) else error
            logger.error("the engine has stopped, start the server again: %s", why)
