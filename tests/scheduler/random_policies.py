"""Policies that do anything: what is allowed, and what is not."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from ttsflow import ChunkJob, Device, Policy, Profile, View, WorkerSpec, WorkerView


class RandomPolicy(Policy):
    """Does anything that a policy may do, by chance."""

    name = "random"

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.rng = rng

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        self.lanes = self.rng.randint(0, 3)
        return [
            WorkerSpec(self.rng.choice(devices), self.rng.randint(1, 5))
            for _ in range(self.rng.randint(1, 6))
        ]

    def lane(self, job: ChunkJob) -> int | None:
        return job.index % self.lanes if self.lanes else None

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        if view.running and self.rng.random() < 0.2:
            return
        if self.rng.random() < 0.1:
            view.wake_at(view.now + self.rng.random())
            return
        for worker in view.free:
            if self.rng.random() < 0.2 and view.running:
                continue
            lanes = list(view.ready.lanes())
            if lanes and self.rng.random() < 0.5:
                job = view.ready.first(self.rng.choice(lanes))
            elif self.rng.random() < 0.5:
                job = next((job for job in view.ready if self.rng.random() < 0.3), view.ready.first())
            else:
                job = view.ready.first()
            if job is not None:
                yield job, worker


class Restless(RandomPolicy):
    """Wants other workers every now and then."""

    name = "restless"

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        if self.rng.random() < 0.5:
            view.place_again()
        yield from super().dispatch(view)


class Saboteur(RandomPolicy):
    """Goes wrong some time, in one of many ways."""

    name = "saboteur"

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.way = rng.choice(("raise", "idle", "busy", "twice", "nonsense", "old job", "lane", "nod"))
        self.calls = 0
        self.fuse = rng.randint(1, 10)
        self.old: ChunkJob | None = None

    def lane(self, job: ChunkJob) -> int | None:
        if self.way == "lane" and job.index >= self.fuse:
            raise RuntimeError("sabotage")
        return super().lane(job)

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        self.calls += 1
        worker, job = next(iter(view.free)), view.ready.first()
        assert job is not None
        if self.calls < self.fuse or self.way == "lane":
            self.old = job
            yield job, worker
        elif self.way == "raise":
            raise RuntimeError("sabotage")
        elif self.way == "twice":
            yield job, worker
            yield job, worker
        elif self.way == "busy":
            for other in view.ready:
                yield other, worker
        elif self.way == "nonsense":
            yield self.rng.choice((None, 7, job, (job, None), (None, worker)))
        elif self.way == "old job" and self.old is not None:
            yield self.old, worker
        elif self.way == "nod":
            view.wake_at(view.now + self.rng.choice((-1.0, 0.0, 1e-9, 5.0)))
