"""What the owner of a runner finds in its inbox."""

from __future__ import annotations

from dataclasses import dataclass

from ttsflow.runner.stream import StreamEdge, Told
from ttsflow.scheduler.messages import Event


@dataclass(frozen=True, slots=True)
class Open:
    """A stream is to be spoken."""

    edge: StreamEdge
    live: bool
    weight: float
    stored: bool


@dataclass(frozen=True, slots=True)
class Close:
    """The runner is to end: at once, or as soon as the workers have let go."""

    now: bool


Message = Event | Told | Open | Close
