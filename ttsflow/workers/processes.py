"""Workers as processes on this machine, one process per worker."""

from __future__ import annotations

from collections.abc import Callable

from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Event, LoadFailed
from ttsflow.workers.process import WorkerProcess
from ttsflow.workers.wire import Recipe


class WorkerProcesses:
    """The workers of a runner (`ttsflow.runner.Workers`), each a process that builds `recipe`'s backend.

    `post` is called on a thread of each worker, or on the caller's thread if no process can be started.
    While a killed worker of a device has not ended, no new worker starts there, because two models may not
    fit into its memory. Such starts wait.
    """

    def __init__(self, recipe: Recipe, post: Callable[[Event | WorkerInfo], object]) -> None:
        self._recipe = recipe
        self._post = post
        self._processes: dict[tuple[str, int], WorkerProcess] = {}
        self._dying: dict[tuple[str, int], str] = {}  # the devices of killed workers that have not ended yet
        self._held_back: dict[tuple[str, int], WorkerSpec] = {}

    def __len__(self) -> int:
        return len(self._processes)

    def start(self, worker: str, generation: int, spec: WorkerSpec) -> None:
        """Start a process as soon as there is room for it; posts LoadFailed if it cannot be started.

        Raises an exception of pickle if the recipe cannot be pickled.
        """
        if spec.device.id in self._dying.values():
            self._held_back[worker, generation] = spec
            return
        try:
            process = WorkerProcess(worker, generation, spec, self._recipe, self._post)
        except OSError as error:
            # A missing interpreter stays missing; a lack of memory or of processes may pass.
            permanent = isinstance(error, (FileNotFoundError, PermissionError))
            why = f"no process can be started: {error}"
            self._post(LoadFailed(worker, generation, why, permanent))
        else:
            self._processes[worker, generation] = process

    def start_job(self, worker: str, generation: int, token: int, job: ChunkJob) -> None:
        """Give a worker a job."""
        if process := self._processes.get((worker, generation)):
            process.start_job(token, job)

    def cancel_job(self, worker: str, generation: int, token: int) -> None:
        """Ask a worker to stop a job."""
        if process := self._processes.get((worker, generation)):
            process.cancel_job(token)

    def kill(self, worker: str, generation: int) -> None:
        """End a process at once, or never start it."""
        self._held_back.pop((worker, generation), None)
        if process := self._processes.get((worker, generation)):
            self._dying[worker, generation] = process.spec.device.id
            process.kill()

    def forget(self, worker: str, generation: int) -> None:
        """Free the resources of a process that has ended, and start the workers that waited for its end."""
        self._dying.pop((worker, generation), None)
        process = self._processes.pop((worker, generation), None)
        if process is not None:  # else it could not be started
            process.join()
        held_back, self._held_back = self._held_back, {}
        for (name, number), spec in held_back.items():
            self.start(name, number, spec)

    def close(self) -> None:
        """Ask all processes to end, and drop the starts that wait."""
        self._held_back.clear()
        for process in self._processes.values():
            process.close()

    def kill_all(self) -> None:
        """End all processes at once, and drop the starts that wait."""
        self._held_back.clear()
        for process in list(self._processes.values()):  # the owner's thread may change them meanwhile
            process.kill()
