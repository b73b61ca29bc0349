"""The worker processes of a runner, from their start until nothing of them is left."""

from __future__ import annotations

from collections.abc import Callable

from ttsflow.scheduler.messages import Event, LoadFailed, StartWorker
from ttsflow.workers.process import WorkerProcess
from ttsflow.workers.wire import Recipe


class Crew:
    """Starts worker processes and ends them; `post` is given what they tell.

    A device whose worker was told to die takes no new one until that is really gone: two models at a
    time may not fit in its memory. Starts are held back until then.
    """

    def __init__(self, recipe: Recipe, post: Callable[[Event], object]) -> None:
        self._recipe = recipe
        self._post = post
        self._processes: dict[tuple[str, int], WorkerProcess] = {}
        self._dying: dict[tuple[str, int], str] = {}  # the devices of those that were told to die
        self._held_back: list[StartWorker] = []

    def __len__(self) -> int:
        return len(self._processes)

    def get(self, worker: str, generation: int) -> WorkerProcess | None:
        """The process, unless it has ended, or could not be started."""
        return self._processes.get((worker, generation))

    def start(self, command: StartWorker) -> None:
        """Start a worker as soon as there is room for it; posts LoadFailed where none can be started."""
        worker, generation = command.worker, command.generation
        if command.spec.device.id in self._dying.values():
            self._held_back.append(command)
            return
        try:
            process = WorkerProcess(worker, generation, command.spec, self._recipe, self._post)
        except OSError as error:
            # A missing interpreter stays missing; a lack of memory or of processes may pass.
            permanent = isinstance(error, (FileNotFoundError, PermissionError))
            why = f"no process can be started: {error}"
            self._post(LoadFailed(worker, generation, why, permanent))
        else:
            self._processes[worker, generation] = process

    def kill(self, worker: str, generation: int) -> None:
        """End a worker at once, or never start it."""
        self._held_back = [c for c in self._held_back if (c.worker, c.generation) != (worker, generation)]
        if process := self.get(worker, generation):
            self._dying[worker, generation] = process.spec.device.id
            process.kill()

    def forget(self, worker: str, generation: int) -> None:
        """A worker told of its end: clear away what is left of it, and start what waited for that."""
        self._dying.pop((worker, generation), None)
        process = self._processes.pop((worker, generation), None)
        if process is not None:  # else it could not even be started
            process.join()
        held_back, self._held_back = self._held_back, []
        for command in held_back:
            self.start(command)

    def close(self) -> None:
        """Ask all workers to end, and start none that was held back."""
        self._held_back.clear()
        for process in self._processes.values():
            process.close()

    def kill_all(self) -> None:
        """End all workers at once, and start none that was held back."""
        self._held_back.clear()
        for process in self._processes.values():
            process.kill()
