"""Workers as processes on this machine, one process per worker."""

from __future__ import annotations

from collections.abc import Callable

from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Event
from ttsflow.workers.links import Links
from ttsflow.workers.process import WorkerProcess
from ttsflow.workers.wire import Recipe


class WorkerProcesses(Links):
    """The workers of a runner, each a process that builds `recipe`'s backend.

    With `trim`, they shorten silence at the edges of chunks.
    """

    def __init__(
        self, recipe: Recipe, post: Callable[[Event | WorkerInfo], object], *, trim: bool = False
    ) -> None:
        super().__init__(post)
        self._recipe, self._trim = recipe, trim

    def _launch(self, worker: str, generation: int, spec: WorkerSpec) -> WorkerProcess:
        return WorkerProcess(worker, generation, spec, self._recipe, self._post, trim=self._trim)
