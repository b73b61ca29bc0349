"""The first extension point: a scheduling policy, and what it can see."""

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
    """A worker that a policy wants: one process on `device`, with `slots` chunks at a time."""

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
    """The jobs that may start now, in fair order. `first` takes the same time however many jobs wait."""

    def first(self, *lanes: Hashable) -> ChunkJob | None:
        """The next job in fair order: in these lanes, or in all if none is given."""

    def lanes(self) -> Iterable[Hashable]:
        """The lanes that have ready jobs."""

    def __iter__(self) -> Iterator[ChunkJob]: ...
    def __len__(self) -> int: ...


class Running(Protocol):
    """A job that a worker is speaking; `started_s` is on the clock of `View.now`.

    `delivered_s` are the seconds of its audio that its listener was given already. Two of them may have the
    same job: the scheduler has started a second attempt, because the first is late.
    """

    @property
    def job(self) -> ChunkJob: ...
    @property
    def worker(self) -> WorkerView: ...
    @property
    def started_s(self) -> float: ...
    @property
    def delivered_s(self) -> float: ...


class Listener(Protocol):
    """Somebody who hears a stream while it is spoken. Times are seconds on the clock of `View.now`.

    `since` is when the first audio was delivered, None before that. `until` is when all that was delivered
    will have been heard, with its pauses: audio that comes later than this makes the listener wait.
    """

    @property
    def since(self) -> float | None: ...
    @property
    def until(self) -> float: ...


class View(Protocol):
    """The current state, read-only, for one call of `dispatch`. It changes as jobs are assigned.

    `free` gives one worker for each free slot; the worker that has waited longest comes first. It may be
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

    def listener(self, stream: str) -> Listener | None:
        """The listener of an open stream; None where a file is written."""

    def wake_at(self, when: float) -> None:
        """Ask for another call at `when` (seconds, on the clock of `now`) if nothing happens before."""

    def place_again(self) -> None:
        """Ask for another placement: `place` is called after this `dispatch`, and the difference carried out.

        It is heard 10 s after the last placement at the earliest, and not while workers of that load or end.
        """


class Policy(ABC):
    """Decides on which devices workers are placed, and which job goes to which worker next.

    A policy is pure: it uses no clock, no I/O, no threads and no randomness of its own. It may keep state
    between calls. What it sets `note` to in a call stands beside that decision in a trace. The scheduler, not
    the policy, ensures that each job is spoken once, that only free
    slots are used, the text order, retries, and fairness between streams.

    A complete policy, in a file of its own::

        from itertools import islice
        from ttsflow import Policy, WorkerSpec, hookimpl

        class ShortestFirst(Policy):
            '''The shortest of the next chunks first; in order for a listener.'''
            name = "shortest-first"
            def place(self, devices, profile):
                return [WorkerSpec(device) for device in devices]
            def dispatch(self, view):
                for worker in view.free:
                    job = view.ready.first()
                    if job and not view.listener(job.stream):
                        job = min(islice(view.ready, 16), key=view.costs.cost)
                    if job:
                        yield job, worker

        @hookimpl
        def ttsflow_policies():
            return [ShortestFirst]
    """

    name: ClassVar[str]

    class Options(PluginOptions):
        """No options."""

    options: PluginOptions
    note: str | None = None

    def __init__(self, options: PluginOptions | None = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        """The wanted workers. `devices` are those of the best kind that the backend can use, in order.

        Called at the start, and again when the devices change or the policy asked for it (`place_again`).
        """

    def lane(self, job: ChunkJob) -> Hashable:
        """The queue in which `job` waits, for `view.ready.first(lane)`; None: the job has no lane."""
        return None

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        """Yield (job, worker) for each job that may start now; each is applied before the next is asked for.

        Called only when a job is ready and a slot is free. By default the next job in fair order goes to
        the worker that has waited longest.
        """
        for worker in view.free:
            job = view.ready.first()
            if job is None:
                return
            yield job, worker
