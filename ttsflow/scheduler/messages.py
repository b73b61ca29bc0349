"""What goes into the scheduler (events) and what comes out (commands).

Times are seconds on the driver's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ttsflow.errors import RunError, TtsflowError
from ttsflow.interface.costs import Slowdown
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import Account, ChunkJob, Doubt, Outcome
from ttsflow.interface.policy import WorkerSpec

# ---------------------------------------------------------------- events: what happened


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream begins. The pieces of a `live` stream's head chunk are passed on as they arrive.

    The audio of a `stored` stream goes to a store instead (Commit), chunk by chunk as each is whole.
    `examples` are jobs that were spoken well before, each with the seconds of its audio: they show how long
    audio should be, and that not all is hopeless. The open streams of one `group` share the work that one
    stream without a group would get.
    """

    stream: str
    live: bool = False
    weight: float = 1.0
    stored: bool = False
    examples: Sequence[tuple[ChunkJob, float]] = ()
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Submit:
    """More jobs of a stream, in text order: indices rise, and may have gaps; `last`: these are all."""

    stream: str
    jobs: Sequence[ChunkJob]
    last: bool = False


@dataclass(frozen=True, slots=True)
class CancelStream:
    """Nobody wants the rest of a stream."""

    stream: str
    why: str = "cancelled"


@dataclass(frozen=True, slots=True)
class WorkerLoading:
    """A worker is still loading and makes progress; `what` says what it does next."""

    worker: str
    generation: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker has loaded its model."""

    worker: str
    generation: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A worker made `audio_s` seconds of audio; the payload is the driver's own.

    `number` counts the pieces of the attempt from 0: one that comes twice is dropped. `checksum`
    stands for its samples: by it a later attempt is known to repeat what a listener has heard.
    """

    token: int
    number: int
    audio_s: float
    payload: Any
    checksum: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt is complete; `doubts` are what its worker found doubtful about its audio.

    `memory_bytes` is what the worker's process takes of the machine's memory now, 0 where unknown.
    """

    token: int
    doubts: tuple[Doubt, ...] = ()
    memory_bytes: int = 0


FailureKind = Literal["error", "refused", "bad audio", "out of memory", "broken worker", "device lost"]
"""Error: another attempt may succeed. Refused: none will. Bad audio: another seed may help. Out of memory:
fewer jobs at a time may help. Broken worker: its process can speak no more (a sticky CUDA error). Device
lost: no process on that device can."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt failed; the worker reports it and lives."""

    token: int
    why: str
    kind: FailureKind = "error"


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
    """A worker could not load its model; it is dead. `permanent`: a restart is no use.

    `may_pass`: it is of a kind that passes, such as a lack of memory, however often it is the same.
    """

    worker: str
    generation: int
    why: str
    permanent: bool = False
    may_pass: bool = False


@dataclass(frozen=True, slots=True)
class Died:
    """A worker's process is gone."""

    worker: str
    generation: int
    why: str


@dataclass(frozen=True, slots=True)
class Silent:
    """A ready worker has shown no sign of life for `silent_s` seconds, though it should have."""

    worker: str
    generation: int
    silent_s: float


@dataclass(frozen=True, slots=True)
class Alive:
    """A worker shows a sign of life. A scheduler need only be told after Silent."""

    worker: str
    generation: int


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """The devices, or their caps (`max_slots`, `max_workers`), are now these; `why` tells a person of it."""

    devices: Sequence[Device]
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A sink has written everything of chunk `index`, or taken note that it failed."""

    stream: str
    index: int


@dataclass(frozen=True, slots=True)
class Committed:
    """The store holds chunk `index` for good."""

    stream: str
    index: int


@dataclass(frozen=True, slots=True)
class AwaitWorkers:
    """Somebody waits for the workers: answer WorkersLoaded, or Stop where none can be had."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Finish what is in work and start nothing more; then every stream ends."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The whole program was stopped and goes on; the driver's clock has stood still meanwhile."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; nothing else happened."""


Event = (
    OpenStream | Submit | CancelStream | WorkerLoading | WorkerReady | Piece | Finished | Failed | TooLong
    | Cancelled | LoadFailed | Died | Silent | Alive
    | DevicesChanged | Delivered | Committed | AwaitWorkers | Drain | Paused | Tick
)  # fmt: skip

End = Finished | Failed | TooLong | Cancelled
"""An attempt has ended on its worker."""

# ---------------------------------------------------------------- commands: what to do


@dataclass(frozen=True, slots=True)
class StartWorker:
    """Start a process for this generation of a worker."""

    worker: str
    generation: int
    spec: WorkerSpec


@dataclass(frozen=True, slots=True)
class KillWorker:
    """End a worker's process; its Died is not waited for. `quoted`: why is in the words of its engine."""

    worker: str
    generation: int
    why: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class StartJob:
    """Give a worker a job, under the token of a new attempt. `hedge`: another attempt at it runs."""

    token: int
    worker: str
    generation: int
    job: ChunkJob
    hedge: bool = False


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Stop a job; the worker answers Cancelled, or whatever it had sent before it heard."""

    token: int
    worker: str
    generation: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A chunk of a stored stream is whole: answer Committed once its store holds it."""

    outcome: Outcome
    payloads: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand audio to the stream's sink, in text order. With `outcome` the chunk is whole: answer Delivered.

    `audio_s` is the length of what is handed over, in seconds. A stored stream has no sink: its chunk has
    been committed, `payloads` are empty, this tells observers in text order, and no answer is due. Where it
    ends early, what it has beyond the first gap is told before its StreamFinished, with an `audio_s` of 0.
    """

    stream: str
    index: int
    payloads: Sequence[Any]
    audio_s: float = 0.0
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class ChunkFailed:
    """A chunk failed for good. Comes in text order between the deliveries.

    Answer Delivered once the sink has taken note; a stored stream has none, and no answer is due.
    """

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RequestJobs:
    """There is room for `count` more jobs of a stream: answer Submit."""

    stream: str
    count: int


@dataclass(frozen=True, slots=True)
class StreamFinished:
    """Every chunk of a stream is accounted for; `why` is set when it ended early, `error` by a verdict."""

    stream: str
    account: Account
    why: str | None = None
    error: RunError | None = None


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was measured of s(k) so far: told with the end of each stream."""

    slowdowns: Sequence[Slowdown]


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Feed a Tick at `when` unless something happens before; replaces the last WakeAt, None cancels it."""

    when: float | None


@dataclass(frozen=True, slots=True)
class WorkersLoaded:
    """Every worker that was placed has loaded its model, or was given up."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should read."""

    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The run cannot go on; nothing follows."""

    error: TtsflowError


Command = (
    StartWorker | KillWorker | StartJob | CancelJob | Commit | Deliver | ChunkFailed | RequestJobs
    | StreamFinished | Learnt | WakeAt | WorkersLoaded | Notice | Stop
)  # fmt: skip


class Driven(Protocol):
    """The Scheduler, or one that is watched."""

    @property
    def doing(self) -> str:
        """What it is in the middle of, in words."""

    def start(self, now: float) -> list[Command]: ...
    def feed(self, events: Iterable[Event], now: float) -> list[Command]: ...
