"""The messages in the inbox of a runner."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from ttsflow.errors import Unforeseen
from ttsflow.interface.jobs import ChunkJob
from ttsflow.report import WorkerInfo
from ttsflow.runner.stream import RunningStream, StreamEvent
from ttsflow.scheduler.messages import Event


@dataclass(frozen=True, slots=True)
class Open:
    """Speak a stream."""

    stream: RunningStream
    live: bool
    weight: float
    examples: Sequence[tuple[ChunkJob, float]] = ()
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Await:
    """A caller waits, with this future, until the workers have loaded."""

    ready: Future[None]


@dataclass(frozen=True, slots=True)
class Close:
    """End the runner: at once, or as soon as the workers have ended."""

    now: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """The runner goes on without a part of it that ended unforeseen."""

    error: Unforeseen


Message = Event | WorkerInfo | StreamEvent | Open | Await | Missing | Close
