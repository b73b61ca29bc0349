"""What a driver drives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ttsflow.scheduler.messages import Command, Event


class Driven(Protocol):
    """The Scheduler, or one that is watched."""

    @property
    def doing(self) -> str:
        """What it is in the middle of, in words."""

    def start(self, now: float) -> list[Command]: ...
    def feed(self, events: Iterable[Event], now: float) -> list[Command]: ...
