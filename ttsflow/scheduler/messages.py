"""What goes into the scheduler (events) and what comes out (commands).

Times are seconds on the driver's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ttsflow.devices import Device
from ttsflow.errors import TtsflowError
from ttsflow.jobs import Account, ChunkJob, Outcome
from ttsflow.policy import WorkerSpec

# ---------------------------------------------------------------- events: what happened


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream begins. The pieces of a `live` stream's head chunk are passed on as they arrive."""

    stream: str
    live: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Submit:
    """More jobs of a stream, in text order, indices going on from the last; `last`: these are all."""

    stream: str
    jobs: Sequence[ChunkJob]
    last: bool = False


@dataclass(frozen=True, slots=True)
class CancelStream:
    """Nobody wants the rest of a stream."""

    stream: str
    why: str = "cancelled"


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker has loaded its model."""

    worker: str
    generation: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A worker made `audio_s` seconds of audio; the payload is the driver's own.

    `number` counts the pieces of the attempt from 0: one that comes twice is dropped.
    """

    token: int
    number: int
    audio_s: float
    payload: Any


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt is through; `flag` names a doubt about its audio."""

    token: int
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt failed and the worker lives on; `permanent`: trying again is no use."""

    token: int
    why: str
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class TooLong:
    """An attempt found its text too long for the model; `texts`, two or more, are to be spoken instead."""

    token: int
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A worker has let go of a job that it was to stop."""

    token: int


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """A worker could not load its model; it is dead. `permanent`: a restart is no use."""

    worker: str
    generation: int
    why: str
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Died:
    """A worker's process is gone."""

    worker: str
    generation: int
    why: str


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """The devices, or their caps (`max_slots`, `max_workers`), are now these."""

    devices: Sequence[Device]


@dataclass(frozen=True, slots=True)
class Delivered:
    """A sink has written everything of chunk `index`, or taken note that it failed."""

    stream: str
    index: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; nothing else happened."""


Event = (
    OpenStream | Submit | CancelStream | WorkerReady | Piece | Finished | Failed | TooLong | Cancelled
    | LoadFailed | Died | DevicesChanged | Delivered | Tick
)  # fmt: skip

End = Finished | Failed | TooLong | Cancelled
"""A worker is through with an attempt, one way or another."""

# ---------------------------------------------------------------- commands: what to do


@dataclass(frozen=True, slots=True)
class StartWorker:
    """Start a process for this generation of a worker."""

    worker: str
    generation: int
    spec: WorkerSpec


@dataclass(frozen=True, slots=True)
class KillWorker:
    """End a worker's process; its Died is not waited for."""

    worker: str
    generation: int
    why: str


@dataclass(frozen=True, slots=True)
class StartJob:
    """Give a worker a job, under the token of a new attempt."""

    token: int
    worker: str
    generation: int
    job: ChunkJob


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Stop a job; the worker answers Cancelled, or whatever it had sent before it heard."""

    token: int
    worker: str
    generation: int


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand audio to the stream's sink. With `outcome` the chunk is whole: answer Delivered when written."""

    stream: str
    index: int
    payloads: Sequence[Any]
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class GaveUp:
    """A chunk failed for good. Comes in text order between the deliveries: answer Delivered when noted."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class WantJobs:
    """There is room for `count` more jobs of a stream: answer Submit."""

    stream: str
    count: int


@dataclass(frozen=True, slots=True)
class StreamFinished:
    """Every chunk of a stream is accounted for; `why` is set when it was cancelled."""

    stream: str
    account: Account
    why: str | None = None


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Feed a Tick at `when` unless something happens before; replaces the last WakeAt, None cancels it."""

    when: float | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should read."""

    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The run cannot go on; nothing follows."""

    error: TtsflowError


Command = (
    StartWorker | KillWorker | StartJob | CancelJob | Deliver | GaveUp | WantJobs | StreamFinished
    | WakeAt | Notice | Stop
)  # fmt: skip

# ---------------------------------------------------------------- who takes the one and gives the other


class Driven(Protocol):
    """What a driver drives: the Scheduler, or one that is watched."""

    def start(self, now: float) -> list[Command]: ...
    def feed(self, events: Iterable[Event], now: float) -> list[Command]: ...
