"""The messages between the coordinator and one worker process, over one `multiprocessing` connection.

    coordinator -> worker    its sys.path (None: the worker keeps its own), Setup; then any number of Start,
                             Cancel and Carry; Close
    worker -> coordinator    any number of Loading; Ready or NotLoaded; then AudioHeader and its samples,
                             Finished, Failed, TooLong, Cancelled as jobs go on, and Beat each second

The samples follow each AudioHeader as raw bytes, not as a message. They are read directly into their
array, so audio is neither pickled nor copied. Finished, Failed, TooLong and Cancelled are the scheduler's
own events.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ttsflow.interface.backend import Backend
    from ttsflow.interface.device import Device
    from ttsflow.interface.jobs import ChunkJob


class Recipe(Protocol):
    """Plain data that can be pickled, from which a worker process builds its backend."""

    def build(self) -> Backend:
        """The backend, not loaded yet. May raise anything."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The setup of a worker: the backend to build, and the device to load it on.

    `trim` has the edges of each chunk's audio seen to.
    """

    recipe: Recipe
    device: Device
    slots: int
    trim: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a job; all of its events have this `token`."""

    token: int
    job: ChunkJob


@dataclass(frozen=True, slots=True)
class Carry:
    """A recording that the next job needs, for a worker on another machine.

    `path` is its name on the coordinator's. `fault` says why there is no content, if it cannot be read.
    """

    path: str
    content: bytes = b""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a job. If the job has already ended by itself, there is no other answer."""

    token: int


@dataclass(frozen=True, slots=True)
class Close:
    """End as soon as the current step is done."""


@dataclass(frozen=True, slots=True)
class Loading:
    """The next step of the backend in loading its model, in one line."""

    what: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded, in `load_s` seconds; `cuda_visible_devices` is what the process itself sees."""

    pid: int
    load_s: float
    cuda_visible_devices: str | None


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """The model cannot be loaded, and the process ends. `permanent`: a restart would fail too.

    `may_pass`: it is of a kind that passes, however often it is the same.
    """

    why: str
    permanent: bool
    may_pass: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """The process lives."""


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """The header of a piece of a job's audio: `samples` float32 samples at `sample_rate` Hz follow.

    `number` counts the pieces of the job from 0.
    """

    token: int
    number: int
    sample_rate: int
    samples: int


class Line:
    """A worker's end of the connection, on which several threads may send; one message goes at a time."""

    def __init__(self, wire: Connection) -> None:
        self._wire = wire
        self._lock = Lock()

    def send(self, message: object) -> None:
        """Send a message. Raises OSError if the other end is closed."""
        with self._lock:
            self._wire.send(message)

    def send_audio(self, header: AudioHeader, samples: NDArray[np.float32]) -> None:
        """Send a header, and the samples that it announces. Raises as `send` does."""
        with self._lock:
            self._wire.send(header)
            send_samples(self._wire, samples)

    def waiting(self, timeout_s: float = 0.0) -> bool:
        """Whether a message has come, or comes within so many seconds."""
        return self._wire.poll(timeout_s)

    def receive(self) -> Any:
        """The next message, when it comes. Raises EOFError or OSError if the other end is closed."""
        return self._wire.recv()


def send_samples(wire: Connection, samples: NDArray[np.float32]) -> None:
    """Send the samples after their header. Raises OSError if the other end is closed."""
    import numpy as np  # here, because the start of the program must not load it

    rest = np.ascontiguousarray(samples).data.cast("B")
    while rest:
        rest = rest[os.write(wire.fileno(), rest) :]


def receive_samples(wire: Connection, count: int) -> NDArray[np.float32]:
    """Receive `count` samples, as announced in the header. Raises EOFError if the other end is closed."""
    import numpy as np  # as above

    samples = np.empty(count, np.float32)
    rest = samples.data.cast("B")
    while rest:
        read = os.readv(wire.fileno(), [rest])
        if not read:
            raise EOFError
        rest = rest[read:]
    return samples
