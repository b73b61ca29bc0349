"""A scheduler with work in it, whose decisions are timed one by one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from statistics import median

from ttsflow import ChunkJob, Device, Policy, Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.limits import Limits

PROFILE = Profile("measured", 24_000, ("cuda",))
TEXT = "A sentence of the length that most sentences in a book have, more or less, as it happens."
STREAM = "s"
DECISIONS = 20
"""in a block, whose median is one measurement"""


class Busy:
    """All workers speak and chunks wait. A decision: one job ends, another starts in its place.

    `chunks` are in the stream, `look_ahead` of them are admitted at a time.
    """

    def __init__(self, policy: Policy, gpus: int, chunks: int, look_ahead: int = Limits().look_ahead) -> None:
        devices = [Device(f"cuda:{number}", "cuda") for number in range(gpus)]
        self._scheduler = Scheduler(policy, devices, PROFILE, Limits(look_ahead=look_ahead))
        self._now = 0.0
        self._running: deque[msg.StartJob] = deque()
        self._delivered: list[msg.Event] = []
        workers = [start for start in self._scheduler.start(0.0) if isinstance(start, msg.StartWorker)]
        self._feed(msg.WorkerReady(start.worker, start.generation) for start in workers)
        jobs = [ChunkJob(STREAM, index, TEXT) for index in range(chunks)]
        self._feed([msg.OpenStream(STREAM), msg.Submit(STREAM, jobs)])

    def block(self) -> float:
        """Seconds that a decision takes: the median of a few."""
        return median(self.decide() for _ in range(DECISIONS))

    def decide(self) -> float:
        """Seconds that one decision takes."""
        return self._start_one(self._end_longest())

    def _end_longest(self) -> list[msg.Event]:
        """The job that runs longest ends, and the sink has written what it was given the last time."""
        token = self._running.popleft().token
        events, self._delivered = [*self._delivered, msg.Piece(token, 0, 5.0, None), msg.Finished(token)], []
        return events

    def _start_one(self, events: list[msg.Event]) -> float:
        """Seconds of a turn with these events, which must start exactly one job."""
        took_s, started = self._feed(events)
        if started != 1:
            raise RuntimeError(f"a decision was to start one job; it started {started}")
        return took_s

    def _feed(self, events: Iterable[msg.Event]) -> tuple[float, int]:
        """Seconds of one turn, and the number of jobs that it started."""
        self._now += 0.01  # no job of a thousand waits for its end longer than a chunk may take
        began = time.perf_counter()
        commands = self._scheduler.feed(events, self._now)
        took_s = time.perf_counter() - began
        starts = [command for command in commands if isinstance(command, msg.StartJob)]
        self._running.extend(starts)
        self._delivered += [
            msg.Delivered(STREAM, command.index) for command in commands if isinstance(command, msg.Deliver)
        ]
        return took_s, len(starts)


class Idle(Busy):
    """All workers are idle. A decision: one job is submitted, and starts; it ends before the next one."""

    def __init__(self, policy: Policy, gpus: int) -> None:
        super().__init__(policy, gpus, chunks=0)
        self._submitted = 0

    def decide(self) -> float:
        job = ChunkJob(STREAM, self._submitted, TEXT)
        self._submitted += 1
        took_s = self._start_one([msg.Submit(STREAM, (job,))])
        self._feed(self._end_longest())
        return took_s
