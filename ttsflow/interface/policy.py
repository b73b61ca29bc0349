"""The first extension point: a scheduling policy, and what it may see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from ttsflow.interface.options import PluginOptions

if TYPE_CHECKING:
    from ttsflow.interface.costs import Costs
    from ttsflow.interface.device import Device
    from ttsflow.interface.jobs import ChunkJob
    from ttsflow.interface.profile import Profile


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """A worker that a policy wishes for: one process on `device`, decoding `slots` chunks at a time."""

    device: Device
    slots: int = 1


class WorkerView(Protocol):
    """What a policy sees of a worker."""

    @property
    def id(self) -> str: ...
    @property
    def device(self) -> Device: ...
    @property
    def slots(self) -> int: ...
    @property
    def free_slots(self) -> int: ...


class Ready(Protocol):
    """The jobs that may start now, in fair order. Asking costs the same however many wait."""

    def first(self, *lanes: Hashable) -> ChunkJob | None:
        """The next job in fair order: of these lanes, or of all where none is given."""

    def lanes(self) -> Iterable[Hashable]:
        """The lanes in which a job is ready."""

    def __iter__(self) -> Iterator[ChunkJob]: ...
    def __len__(self) -> int: ...


class Running(Protocol):
    """A job that a worker is speaking; `started_s` is on the clock of `View.now`."""

    @property
    def job(self) -> ChunkJob: ...
    @property
    def worker(self) -> WorkerView: ...
    @property
    def started_s(self) -> float: ...


class View(Protocol):
    """The live, read-only picture that `dispatch` decides on; valid during that one call.

    `free` gives one worker for each free slot that is left, the longest waiting first; it may be
    iterated while assignments are made. `streams` are the ids of the open streams.
    """

    @property
    def now(self) -> float: ...
    @property
    def ready(self) -> Ready: ...
    @property
    def free(self) -> Iterable[WorkerView]: ...
    @property
    def workers(self) -> Collection[WorkerView]: ...
    @property
    def running(self) -> Collection[Running]: ...
    @property
    def streams(self) -> Iterable[str]: ...
    @property
    def costs(self) -> Costs: ...

    def wake_at(self, when: float) -> None:
        """Ask to be called again at `when` (seconds, the clock of `now`) if nothing happens before."""


class Policy(ABC):
    """Says where workers are placed, and which job goes to which worker next.

    A policy is pure: no clock, no I/O, no threads and no randomness of its own. It may keep state
    between calls. Each job once, free slots only, text order, retries and fairness between streams
    are the scheduler's business, not the policy's.

    A whole policy, in a file of its own::

        from ttsflow import Policy, WorkerSpec, hookimpl

        class ShortestFirst(Policy):
            '''Shortest chunk first, a worker on every device.'''
            name = "shortest-first"
            def place(self, devices, profile):
                return [WorkerSpec(device) for device in devices]
            def dispatch(self, view):
                for worker in view.free:
                    if view.ready:
                        yield min(view.ready, key=view.costs.cost), worker

        @hookimpl
        def ttsflow_policies():
            return [ShortestFirst]
    """

    name: ClassVar[str]

    class Options(PluginOptions):
        """No options."""

    options: PluginOptions

    def __init__(self, options: PluginOptions | None = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        """Wish for workers. `devices` are those of the best kind that the backend can use, in order.

        Called at the start, and again when the devices change.
        """

    def lane(self, job: ChunkJob) -> Hashable:
        """The queue that `job` waits in, for `view.ready.first(lane)`; None is no lane of its own."""
        return None

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        """Yield (job, worker) for the jobs that may start now; each is applied before the next is asked for.

        Called only when a job is ready and a slot is free. The default gives the next job in fair
        order to the worker that has waited longest.
        """
        for worker in view.free:
            job = view.ready.first()
            if job is None:
                return
            yield job, worker
