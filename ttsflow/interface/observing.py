"""The fourth extension point: an observer, which is told what happens in a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ttsflow.interface.options import PluginOptions


@dataclass(frozen=True, slots=True)
class RunBegun:
    """An engine is set up, and begins: a run of the command, or an `Engine` of a program."""

    policy: str
    backend: str
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChunkDelivered:
    """A chunk was spoken, and nothing about it is in doubt. `audio_s` is its length in seconds."""

    stream: str
    index: int
    text: str
    audio_s: float
    worker: str | None


@dataclass(frozen=True, slots=True)
class ChunkFlagged:
    """A chunk was spoken, and its audio may be wrong: `why` says what is in doubt."""

    stream: str
    index: int
    text: str
    audio_s: float
    worker: str | None
    why: str


@dataclass(frozen=True, slots=True)
class ChunkFailed:
    """A chunk could not be spoken."""

    stream: str
    index: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker died, was ended because it hung, or could not load; another one may take its place."""

    worker: str
    device: str
    why: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The engine is closed: so many chunks were delivered, of these so many flagged, and so many failed."""

    delivered: int
    flagged: int
    failed: int


RunEvent = RunBegun | ChunkDelivered | ChunkFlagged | ChunkFailed | WorkerLost | RunEnded


class RunObserver(ABC):
    """Is told what happens in a run: a log of one's own, a message to a phone, figures for a database.

    A configuration names observers in `observers`. Each has a thread of its own, on which alone its methods
    are called: it may wait, and it may fail, and holds up nothing. Of a slow one 1,000 events wait; what
    comes then is dropped, and counted. One that raises is told of once, and gets the next event.
    """

    name: ClassVar[str]

    class Options(PluginOptions):
        """No options."""

    options: PluginOptions

    def __init__(self, options: PluginOptions | None = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def observe(self, event: RunEvent) -> None:
        """Something has happened. Kinds of event may be added: an unknown one is to be left alone."""

    def close(self) -> None:
        """The run is over, and RunEnded was observed."""
