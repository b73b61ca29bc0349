"""What a driver reports during a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ttsflow.interface.jobs import Outcome

if TYPE_CHECKING:
    from ttsflow.interface.costs import Slowdown
    from ttsflow.report.attempts import Attempt, Loss


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker that became ready. `cuda_visible_devices` is what the worker process itself saw."""

    worker: str
    generation: int
    device: str
    slots: int
    cuda_visible_devices: str | None
    load_s: float
    pid: int


class Observer(Protocol):
    """A driver calls these methods when something happens, on its owner's thread; times are on its clock."""

    def loading(self, worker: str, what: str, now: float) -> None:
        """A worker that loads its model reports its next step."""

    def worker_started(self, worker: str, generation: int, now: float) -> None:
        """A worker's process is started, and loads its model."""

    def worker_ready(self, info: WorkerInfo, now: float) -> None: ...

    def worker_lost(self, loss: Loss) -> None:
        """A worker is no more. At the end of a run, workers just end, and nobody tells."""

    def attempt(self, token: int, attempt: Attempt) -> None:
        """An attempt began, made its first audio, or ended: what is known of it now. Each has its token."""

    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None:
        """Audio of a chunk was handed to the sink."""

    def made(self, outcome: Outcome, now: float) -> None:
        """A chunk of a stream that is kept is whole, in any order; `ended` follows when it is its turn."""

    def ended(self, outcome: Outcome, now: float) -> None:
        """A chunk ended, in text order: its audio was handed to the sink, or it failed."""

    def encoding(self, part: float, now: float) -> None:
        """Everything is spoken, and so much of the output is made, of 1.0. Called by who makes it."""

    def learnt(self, slowdowns: Sequence[Slowdown]) -> None:
        """What was measured of s(k) so far, beside what the profile has."""

    def paused(self, stopped_s: float, now: float) -> None:
        """The whole program was stopped for so long, and its clock stood still."""

    def notice(self, text: str) -> None:
        """Something a person should read."""


class Unobserved:
    """An observer that does nothing."""

    def loading(self, worker: str, what: str, now: float) -> None: ...
    def worker_started(self, worker: str, generation: int, now: float) -> None: ...
    def worker_ready(self, info: WorkerInfo, now: float) -> None: ...
    def worker_lost(self, loss: Loss) -> None: ...
    def attempt(self, token: int, attempt: Attempt) -> None: ...
    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None: ...
    def made(self, outcome: Outcome, now: float) -> None: ...
    def ended(self, outcome: Outcome, now: float) -> None: ...
    def encoding(self, part: float, now: float) -> None: ...
    def learnt(self, slowdowns: Sequence[Slowdown]) -> None: ...
    def paused(self, stopped_s: float, now: float) -> None: ...
    def notice(self, text: str) -> None: ...


class Observers:
    """Several observers as one: each is called, in the order given."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)

    def loading(self, worker: str, what: str, now: float) -> None:
        for observer in self._observers:
            observer.loading(worker, what, now)

    def worker_started(self, worker: str, generation: int, now: float) -> None:
        for observer in self._observers:
            observer.worker_started(worker, generation, now)

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        for observer in self._observers:
            observer.worker_ready(info, now)

    def worker_lost(self, loss: Loss) -> None:
        for observer in self._observers:
            observer.worker_lost(loss)

    def attempt(self, token: int, attempt: Attempt) -> None:
        for observer in self._observers:
            observer.attempt(token, attempt)

    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None:
        for observer in self._observers:
            observer.delivered(stream, index, audio_s, now)

    def made(self, outcome: Outcome, now: float) -> None:
        for observer in self._observers:
            observer.made(outcome, now)

    def ended(self, outcome: Outcome, now: float) -> None:
        for observer in self._observers:
            observer.ended(outcome, now)

    def encoding(self, part: float, now: float) -> None:
        for observer in self._observers:
            observer.encoding(part, now)

    def learnt(self, slowdowns: Sequence[Slowdown]) -> None:
        for observer in self._observers:
            observer.learnt(slowdowns)

    def paused(self, stopped_s: float, now: float) -> None:
        for observer in self._observers:
            observer.paused(stopped_s, now)

    def notice(self, text: str) -> None:
        for observer in self._observers:
            observer.notice(text)
