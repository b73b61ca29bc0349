"""What travels between the coordinator and one worker process, over one `multiprocessing` connection.

    coordinator -> worker    its sys.path, Setup; then any number of Start and Cancel; Close
    worker -> coordinator    any number of Loading; Ready or NotLoaded; then AudioHeader and its samples,
                             Finished, Failed, TooLong, Cancelled as jobs go on

The samples follow each AudioHeader as the bytes that they are, not as a message: they are read straight
into the array that they become, so that audio is neither pickled nor copied. Finished, Failed, TooLong
and Cancelled are the scheduler's own events.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Protocol

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
    """What a worker is: the backend to build, and where to load it."""

    recipe: Recipe
    device: Device
    slots: int


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a job; everything about it is told under `token`."""

    token: int
    job: ChunkJob


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a job. One that has ended by itself meanwhile gets no other answer."""

    token: int


@dataclass(frozen=True, slots=True)
class Close:
    """End as soon as the step at hand is done."""


@dataclass(frozen=True, slots=True)
class Loading:
    """What the backend does next to load its model, in a line."""

    what: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded, in `load_s` seconds; `cuda_visible_devices` is what the process itself sees."""

    pid: int
    load_s: float
    cuda_visible_devices: str | None


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """The model cannot be loaded, and the process ends. `permanent`: a restart is no use."""

    why: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """A piece of a job's audio: so many float32 samples at `sample_rate` Hz, which follow.

    `number` counts the pieces of the job from 0.
    """

    token: int
    number: int
    sample_rate: int
    samples: int


def send_samples(wire: Connection, samples: NDArray[np.float32]) -> None:
    """Send what a header has announced. Raises OSError where nobody reads any more."""
    import numpy as np  # here, because starting the program must not load it

    rest = np.ascontiguousarray(samples).data.cast("B")
    while rest:
        rest = rest[os.write(wire.fileno(), rest) :]


def receive_samples(wire: Connection, count: int) -> NDArray[np.float32]:
    """So many samples, as a header has announced. Raises EOFError where the other end is closed before."""
    import numpy as np  # as above

    samples = np.empty(count, np.float32)
    rest = samples.data.cast("B")
    while rest:
        read = os.readv(wire.fileno(), [rest])
        if not read:
            raise EOFError
        rest = rest[read:]
    return samples
