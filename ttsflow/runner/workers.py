"""The interface between a runner and its workers, which may run on this machine or on others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Event

Post = Callable[[Event | WorkerInfo], object]
"""Takes an event of a worker. May be called on any thread; it does not block, and raises nothing."""


class Workers(Protocol):
    """Starts workers, gives them jobs and ends them; their events come back through a `Post`.

    A worker is known by its name and its generation; each restart is a new generation. A worker posts,
    in this order:

    1. WorkerLoading, any number of times while it loads its model;
    2. WorkerInfo, once the model is loaded: from then on it takes jobs;
    3. for each job its Piece events, numbered from 0, then one of Finished, Failed, TooLong and Cancelled,
       all with the token of the job;
    4. Alive, each second, at any time after WorkerInfo: one that stops with it is suspected to be stuck, and
       one that never posts it is not;
    5. LoadFailed if the model could not be loaded, otherwise Died, whatever the cause. It comes exactly
       once, after everything else that the worker had sent, and only when the worker has really ended.

    Where workers run on other machines, DevicesChanged comes beside all that as those come and go.

    All methods are called on one thread, and none of them waits for a worker. Only `kill_all` may be called
    from a second thread, when the first one is stuck. A call for a worker that has ended, or was never
    started, does nothing.
    """

    def __len__(self) -> int:
        """How many workers were started and not yet passed to `forget`."""

    def start(self, worker: str, generation: int, spec: WorkerSpec) -> None:
        """Start a worker with `spec.slots` slots on `spec.device`.

        If another worker of the device was killed, the new one starts only after `forget` of the killed one,
        because two models may not fit into the memory. A start that waits for this is dropped by `kill`,
        `close` or `kill_all`, and then posts nothing. If a worker cannot be started, LoadFailed is posted.
        Raises an exception if no worker can ever be started, for example because the backend cannot be
        pickled; this ends the run.
        """

    def start_job(self, worker: str, generation: int, token: int, job: ChunkJob) -> None:
        """Give a job to a ready worker; the events of the job have this `token`."""

    def cancel_job(self, worker: str, generation: int, token: int) -> None:
        """Ask a worker to stop a job: it posts Cancelled, unless the job had already ended."""

    def kill(self, worker: str, generation: int) -> None:
        """End a worker and all processes that it has started, at once."""

    def forget(self, worker: str, generation: int) -> None:
        """Free the resources of a worker that has posted its last event."""

    def close(self) -> None:
        """Ask all workers to end after the current step; workers that are still loading end at once."""

    def kill_all(self) -> None:
        """End all workers at once."""


WorkersFactory = Callable[[Post], Workers]
"""Makes the Workers object of a runner, which posts to the given callable; it starts no worker yet."""
