"""What the owner of a runner finds in its inbox."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from ttsflow.report import WorkerInfo
from ttsflow.runner.stream import RunningStream, StreamEvent
from ttsflow.scheduler.messages import Event


@dataclass(frozen=True, slots=True)
class Open:
    """A stream is to be spoken."""

    stream: RunningStream
    live: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Await:
    """Somebody waits for the workers to have loaded, by this."""

    ready: Future[None]


@dataclass(frozen=True, slots=True)
class Close:
    """The runner is to end: at once, or as soon as the workers have let go."""

    now: bool


Message = Event | WorkerInfo | StreamEvent | Open | Await | Close
