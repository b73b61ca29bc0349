"""The workers of a runner, each behind a link of its own."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable

from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Event, LoadFailed
from ttsflow.workers.link import Link


class Links(ABC):
    """The workers of a runner (`ttsflow.runner.Workers`), wherever they run.

    `post` is called on a thread of each worker, or on the caller's thread if a worker cannot be started.
    While a killed worker of a device has not ended, no new worker starts there, because two models may not
    fit into its memory. Such starts wait.
    """

    def __init__(self, post: Callable[[Event | WorkerInfo], object]) -> None:
        self._post = post
        self._links: dict[tuple[str, int], Link] = {}
        self._dying: dict[tuple[str, int], str] = {}  # the devices of killed workers that have not ended yet
        self._held_back: dict[tuple[str, int], WorkerSpec] = {}

    def __len__(self) -> int:
        return len(self._links)

    @abstractmethod
    def _launch(self, worker: str, generation: int, spec: WorkerSpec) -> Link:
        """Start a worker. Raises OSError if it cannot be started now."""

    def start(self, worker: str, generation: int, spec: WorkerSpec) -> None:
        """Start a worker as soon as there is room for it; posts LoadFailed if it cannot be started.

        Raises an exception of pickle if the recipe cannot be pickled.
        """
        if spec.device.id in self._dying.values():
            self._held_back[worker, generation] = spec
            return
        try:
            link = self._launch(worker, generation, spec)
        except OSError as error:
            # A missing interpreter stays missing; a lack of memory or of processes may pass.
            permanent = isinstance(error, (FileNotFoundError, PermissionError))
            why = f"no process can be started: {error}"
            if error.errno == errno.EMFILE:
                why += " (the limit of this shell is shown and set by `ulimit -n`)"
            self._post(LoadFailed(worker, generation, why, permanent, may_pass=not permanent))
        else:
            self._links[worker, generation] = link

    def start_job(self, worker: str, generation: int, token: int, job: ChunkJob) -> None:
        """Give a worker a job."""
        if link := self._links.get((worker, generation)):
            link.start_job(token, job)

    def cancel_job(self, worker: str, generation: int, token: int) -> None:
        """Ask a worker to stop a job."""
        if link := self._links.get((worker, generation)):
            link.cancel_job(token)

    def kill(self, worker: str, generation: int) -> None:
        """End a worker at once, or never start it."""
        self._held_back.pop((worker, generation), None)
        if link := self._links.get((worker, generation)):
            self._dying[worker, generation] = link.spec.device.id
            link.kill()

    def forget(self, worker: str, generation: int) -> None:
        """Free the resources of a worker that has ended, and start those that waited for its end."""
        self._dying.pop((worker, generation), None)
        link = self._links.pop((worker, generation), None)
        if link is not None:  # else it could not be started
            link.join()
        held_back, self._held_back = self._held_back, {}
        for (name, number), spec in held_back.items():
            self.start(name, number, spec)

    def close(self) -> None:
        """Ask all workers to end, and drop the starts that wait."""
        self._held_back.clear()
        for link in self._links.values():
            link.close()

    def kill_all(self) -> None:
        """End all workers at once, and drop the starts that wait."""
        self._held_back.clear()
        for link in list(self._links.values()):  # the owner's thread may change them meanwhile
            link.kill()
