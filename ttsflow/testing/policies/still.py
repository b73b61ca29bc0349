"""A view in which time stands still: workers that speak, and any number of jobs that wait."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ttsflow.interface.costs import Costs
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Listener, Policy, Ready, Running, WorkerView
from ttsflow.interface.profile import Profile
from ttsflow.scheduler.policy_guard import Guard
from ttsflow.scheduler.ready import Claim, ReadyQueue, Share

GPUS = 4

SLOW, LEARNT = 3.0, 20
"""times that the last GPU takes what others take, where they are uneven; jobs that show it"""


@dataclass
class StillWorker:
    """A worker with one slot."""

    id: str
    device: Device
    slots: int = 1
    free_slots: int = 1


@dataclass(frozen=True)
class StillRunning:
    """A job that is spoken."""

    job: ChunkJob
    worker: StillWorker
    started_s: float = 0.0
    delivered_s: float = 0.0


class StillView:
    """Files of so many chunks in all, which are ready, on four GPUs: as `ttsflow.interface.policy.View`.

    With `uneven` the costs show that the last of the GPUs is slow.
    """

    def __init__(self, policy: Policy, count: int, streams: int = 1, *, uneven: bool = False) -> None:
        profile = Profile("still", 24_000, ("cuda",))
        devices = [Device(f"cuda:{number}", "cuda") for number in range(GPUS)]
        Guard(policy).place(devices, profile)
        self._costs = Costs(profile)
        self._ready, self._shares = (
            ReadyQueue(self._costs.cost),
            {f"s{number}": Share() for number in range(streams)},
        )
        self._workers = [StillWorker(f"w{number}", device) for number, device in enumerate(devices)]
        self._running: list[StillRunning] = []
        if uneven:
            self._learn(profile)
        for number in range(count):
            index, of = divmod(number, streams)
            job = ChunkJob(f"s{of}", index, f"Words and more words, {index % 90}.")
            claim = Claim(self._shares[job.stream])
            self._ready.push(job, (float(index), number, 0), claim, policy.lane(job))

    def _learn(self, profile: Profile) -> None:
        job = ChunkJob("before", 0, "Words and more words.")
        audio_s = self._costs.audio(job)
        for _ in range(LEARNT):
            for worker in self._workers:
                times = SLOW if worker is self._workers[-1] else 1.0
                self._costs.observe_spent(job, audio_s, {1: audio_s * profile.rtf * times}, worker)

    def carry_out(self, job: ChunkJob, worker: WorkerView) -> None:
        """Let a job begin. Raises ValueError for one that is not ready, or has no free worker."""
        mine = next((each for each in self._workers if each is worker and each.free_slots), None)
        if mine is None or not self._ready.take(job):
            raise ValueError(f"dispatch gave {job} to {worker!r}")
        mine.free_slots = 0
        self._running.append(StillRunning(job, mine))

    def end_one(self) -> None:
        """Let the job end that runs longest."""
        if self._running:
            self._running.pop(0).worker.free_slots = 1

    @property
    def now(self) -> float:
        return 0.0

    @property
    def ready(self) -> Ready:
        return self._ready

    @property
    def free(self) -> Iterable[WorkerView]:
        return (worker for worker in self._workers if worker.free_slots)

    @property
    def workers(self) -> Collection[WorkerView]:
        return self._workers

    @property
    def running(self) -> Collection[Running]:
        return self._running

    @property
    def streams(self) -> Iterable[str]:
        return self._shares

    @property
    def costs(self) -> Costs:
        return self._costs

    def listener(self, stream: str) -> Listener | None:
        return None

    def wake_at(self, when: float) -> None:
        pass

    def place_again(self) -> None:
        pass
