"""What stands in for policies, sinks and observers in the tests of the runner."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ttsflow.interface.device import Device
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.interface.policy import Policy, WorkerSpec
from ttsflow.interface.profile import Profile
from ttsflow.report import Unobserved, WorkerInfo
from ttsflow.scheduler.limits import Limits, Timeouts

CPU = Device("cpu", "cpu", binding=(("CUDA_VISIBLE_DEVICES", ""),))
QUICK = Limits(timeouts=Timeouts(cancel_s=2.0, close_s=10.0))


class Some(Policy):
    """A number of workers on the one device, the longest waiting first."""

    name = "some"

    def __init__(self, workers: int = 1, slots: int = 1) -> None:
        super().__init__()
        self._wish = workers, slots

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        workers, slots = self._wish
        return [WorkerSpec(devices[0], slots)] * workers


class Memory:
    """A sink that keeps what it is given, and does as it is told at chunk `at`."""

    def __init__(self, at: int = -1, deed: Callable[[], None] = lambda: None) -> None:
        self.audio: list[np.ndarray] = []
        self.outcomes: list[Outcome] = []
        self.calls: list[str] = []
        self._at, self._deed = at, deed

    def open(self) -> None:
        self.calls.append("open")

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        self.audio += [piece.samples for piece in pieces]

    def end_chunk(self, outcome: Outcome) -> None:
        if outcome.job.index == self._at:
            self._deed()
        self.outcomes.append(outcome)

    def finish(self) -> None:
        self.calls.append("finish")

    def abort(self) -> None:
        self.calls.append("abort")

    @property
    def statuses(self) -> list[str]:
        return [outcome.status for outcome in self.outcomes]


class Notes(Unobserved):
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.loads: list[tuple[str, str]] = []
        self.workers: list[WorkerInfo] = []
        self.audio: dict[tuple[str, int], float] = {}
        self.outcomes: list[Outcome] = []
        self.notices: list[str] = []

    def loading(self, worker: str, what: str, now: float) -> None:
        self.loads.append((worker, what))

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        self.workers.append(info)

    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None:
        self.audio[stream, index] = self.audio.get((stream, index), 0.0) + audio_s

    def ended(self, outcome: Outcome, now: float) -> None:
        self.outcomes.append(outcome)

    def notice(self, text: str) -> None:
        self.notices.append(text)


def chunks(texts: Iterable[str], stream: str = "s") -> list[ChunkJob]:
    return [ChunkJob(stream, index, text) for index, text in enumerate(texts)]


def boom(error: BaseException) -> None:
    raise error


def until(holds: Callable[[], object]) -> None:
    """Wait until something is so, for as long as that takes: a test has a time limit of its own."""
    while not holds():
        time.sleep(0.01)
