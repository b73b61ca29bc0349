"""What travels between the coordinator and one worker process, over one `multiprocessing` connection.

    coordinator -> worker    its sys.path, Setup; then any number of Start and Cancel; Close
    worker -> coordinator    any number of Loading; Ready or NotLoaded; then Sound, Finished, Failed,
                             TooLong, Cancelled as jobs go on

The raw bytes of the samples follow each Sound as a message of their own, so that audio is never
pickled. Finished, Failed, TooLong and Cancelled are the scheduler's own events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
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
class Sound:
    """A piece of a job's audio at `sample_rate` Hz; its float32 samples are the next message.

    `number` counts the pieces of the job from 0.
    """

    token: int
    number: int
    sample_rate: int
