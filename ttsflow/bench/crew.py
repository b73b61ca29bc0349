"""The workers of a measurement: they are started, stay loaded from arm to arm, and are ended for sure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue

from ttsflow.errors import RunError
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.runner import Post
from ttsflow.runner.workers import Workers
from ttsflow.scheduler.messages import Alive, Died, Event, LoadFailed, WorkerLoading

AWAKE_S = 0.2
"""seconds of one wait: a signal that another thread was given does not end a wait"""

END_S = 10.0
"""seconds for killed processes to be gone; the system may be slow to free much memory"""


class OutOfTime(Exception):
    """The budget is used up."""


class Crew:
    """Workers on one device, each on a numbered seat; all times are on the monotonic clock.

    No wait goes beyond `deadline`: then OutOfTime is raised. `load_s` are the seconds that each of the
    workers took from its start until it was ready. As a context it ends all workers, however it is left.
    """

    def __init__(
        self, make: Callable[[Post], Workers], device: Device, load_s: float, deadline: float
    ) -> None:
        self.deadline = deadline
        self.load_s: list[float] = []
        self._inbox: SimpleQueue[tuple[float, Event | WorkerInfo]] = SimpleQueue()
        self._workers = make(lambda event: self._inbox.put((time.monotonic(), event)))
        self._device = device
        self._patience_s = load_s
        self._generation = 0
        self._seats: dict[int, int] = {}  # the generation on each seat

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def __contains__(self, seat: int) -> bool:
        return seat in self._seats

    def load(self, seats: Iterable[int], slots: int) -> dict[int, str]:
        """Start a worker on each of these seats, and wait until all are ready or have failed.

        Returns why, by seat, where one failed. One that says nothing for too long is ended. Raises OutOfTime.
        """
        began = time.monotonic()
        waiting: dict[str, int] = {}
        failed: dict[int, str] = {}
        for seat in seats:
            self._generation += 1
            self._seats[seat] = self._generation
            self._workers.start(str(seat), self._generation, WorkerSpec(self._device, slots))
            waiting[str(seat)] = seat
        late, said = began + self._patience_s, "that it starts"
        while waiting:
            taken = self.take(late)
            if taken is None:
                for seat in waiting.values():
                    self.kill(seat)
                    failed[seat] = f"it said {said} and then nothing for {self._patience_s:g} s"
                break
            now, event = taken
            match event:
                case WorkerLoading(_, _, what):
                    late, said = now + self._patience_s, repr(what)
                case WorkerInfo(worker):
                    del waiting[worker]
                    self.load_s.append(now - began)
                case LoadFailed(worker, _, why) | Died(worker, _, why) if worker in waiting:
                    failed[waiting.pop(worker)] = why
        return failed

    def start_job(self, seat: int, token: int, job: ChunkJob) -> None:
        """Give a job to the worker on a seat."""
        self._workers.start_job(str(seat), self._seats.get(seat, 0), token, job)

    def cancel_job(self, seat: int, token: int) -> None:
        """Ask the worker on a seat to stop a job."""
        self._workers.cancel_job(str(seat), self._seats.get(seat, 0), token)

    def take(self, until: float) -> tuple[float, Event | WorkerInfo] | None:
        """The next event, with the time at which it came; None when it is `until` and nothing came.

        A worker that has ended is forgotten here. Raises OutOfTime.
        """
        while True:
            now = time.monotonic()
            left = min(until, self.deadline) - now
            try:
                came, event = self._inbox.get(timeout=min(max(0.0, left), AWAKE_S))
            except Empty:
                if left > 0.0:
                    continue
                if until <= self.deadline:
                    return None
                raise OutOfTime from None
            if isinstance(event, Alive):
                continue
            if isinstance(event, Died | LoadFailed):
                self._forget(event)
            return came, event

    def close(self) -> None:
        """Ask all workers to end by themselves: `take` tells when they have."""
        self._workers.close()

    def kill(self, seat: int) -> None:
        """End the worker on a seat, and wait until it is gone."""
        generation = self._seats.get(seat)
        self._workers.kill(str(seat), generation or 0)
        while generation is not None and self._seats.get(seat) == generation:
            if self.take(time.monotonic() + END_S) is None:
                raise RunError(
                    f"worker {seat} was killed, and its process does not end; see what it waits for"
                )

    def end(self) -> None:
        """End all workers at once, and wait until they are gone."""
        self._workers.kill_all()
        late = time.monotonic() + END_S
        while self._workers and time.monotonic() < late:
            try:
                _, event = self._inbox.get(timeout=AWAKE_S)
            except Empty:
                continue
            if isinstance(event, Died | LoadFailed):
                self._forget(event)

    def _forget(self, event: Died | LoadFailed) -> None:
        self._workers.forget(event.worker, event.generation)
        if self._seats.get(int(event.worker)) == event.generation:
            del self._seats[int(event.worker)]
