"""Workers as processes on this machine, one process to a worker."""

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

    `post` is called on a thread of each worker, and on the caller's where no process can be started.
    A device whose worker was told to die takes no new one until that process is gone: two models at a
    time may not fit in its memory. Starts are held back until then.
    """

    def __init__(self, recipe: Recipe, post: Callable[[Event | WorkerInfo], object]) -> None:
        self._recipe = recipe
        self._post = post
        self._processes: dict[tuple[str, int], WorkerProcess] = {}
        self._dying: dict[tuple[str, int], str] = {}  # the devices of those that were told to die
        self._held_back: dict[tuple[str, int], WorkerSpec] = {}

    def __len__(self) -> int:
        return len(self._processes)

    def start(self, worker: str, generation: int, spec: WorkerSpec) -> None:
        """Start a process as soon as there is room for it; posts LoadFailed where none can be started.

        Raises what pickle raises where the recipe cannot travel.
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
        """Clear away what is left of a process that has ended, and start what waited for its end."""
        self._dying.pop((worker, generation), None)
        process = self._processes.pop((worker, generation), None)
        if process is not None:  # else it could not even be started
            process.join()
        held_back, self._held_back = self._held_back, {}
        for (name, number), spec in held_back.items():
            self.start(name, number, spec)

    def close(self) -> None:
        """Ask all processes to end, and start none that was held back."""
        self._held_back.clear()
        for process in self._processes.values():
            process.close()

    def kill_all(self) -> None:
        """End all processes at once, and start none that was held back."""
        self._held_back.clear()
        for process in list(self._processes.values()):  # the owner's thread may be in the midst of them
            process.kill()
