"""What a runner needs of its workers, wherever they run: processes on this machine, or on others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Event

Post = Callable[[Event | WorkerInfo], object]
"""Takes what a worker has to say. May be called on any thread; it does not block, and raises nothing."""


class Workers(Protocol):
    """Starts workers, gives them jobs and ends them; what they say comes back through a `Post`.

    A worker is known by its name and its generation; each restart is a new generation. A worker posts,
    in this order:

    1. WorkerLoading, any number of times while it loads its model;
    2. WorkerInfo, once the model is loaded: from then on it takes jobs;
    3. for each job its Piece events, numbered from 0, then one of Finished, Failed, TooLong and Cancelled,
       all with the token of the job;
    4. LoadFailed where the model could not be loaded, else Died, whatever it ended of. This comes exactly
       once, after everything else that the worker had sent, and not before the worker is really gone.

    All methods are called on one thread, and none of them waits for a worker; `kill_all` alone may come
    from a second thread, when the first one is stuck. A call for a worker that is gone, or was never
    started, does nothing.
    """

    def __len__(self) -> int:
        """How many workers were started and are not forgotten yet."""

    def start(self, worker: str, generation: int, spec: WorkerSpec) -> None:
        """Start a worker with `spec.slots` slots on `spec.device`.

        A device whose worker was told to die takes no new one before that one is forgotten: two models
        at a time may not fit in its memory. A start that has to wait for this is made later, or
        dropped by `kill`, `close` or `kill_all`, and then nothing is posted of it. Where a worker
        cannot be started, LoadFailed is posted. Raises whatever shows that no worker can ever be
        started, such as a backend that cannot be pickled; this ends the run.
        """

    def start_job(self, worker: str, generation: int, token: int, job: ChunkJob) -> None:
        """Give a worker that is ready a job; the events of the job carry `token`."""

    def cancel_job(self, worker: str, generation: int, token: int) -> None:
        """Ask a worker to stop a job: it posts Cancelled, unless it had ended the job before it was asked."""

    def kill(self, worker: str, generation: int) -> None:
        """End a worker at once, whatever it does, and everything that it has started itself."""

    def forget(self, worker: str, generation: int) -> None:
        """Free what is left of a worker that has posted its last event."""

    def close(self) -> None:
        """Ask all workers to end as soon as the step at hand is done; those that still load end at once."""

    def kill_all(self) -> None:
        """End all workers at once."""


WorkersFactory = Callable[[Post], Workers]
"""Makes a runner's workers, which post to the given callable; none is started yet."""
