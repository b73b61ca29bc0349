"""Which requests are taken on: within the limits, and only what can be spoken in time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import compress

from ttsflow.config.model import ServerSection
from ttsflow.report.metrics import Playback
from ttsflow.server.capacity import Capacity
from ttsflow.server.errors import Refused
from ttsflow.server.forecast import Demand, ends, lateness


@dataclass(slots=True)
class Seat:
    """A request that was taken on: what it is likely to be, and what its listener has heard of it.

    `came_s` is on the monotonic clock.
    """

    client: str
    audio_s: float
    work_s: float
    came_s: float
    made_s: float = 0.0
    playback: Playback = field(default_factory=Playback)

    @property
    def waiting(self) -> bool:
        """Whether nothing is heard of it yet."""
        return self.playback.first_audio_s is None

    def heard(self, audio_s: float) -> None:
        """So many seconds of audio have come."""
        self.made_s += audio_s
        self.playback.arrived(audio_s, time.monotonic() - self.came_s)

    def demand(self, now: float) -> Demand:
        """What is left of it."""
        left = max(0.0, 1.0 - self.made_s / self.audio_s) if self.audio_s else 0.0
        slack_s = self.came_s + max(self.audio_s, self.work_s) - now
        return Demand(self.client, self.work_s * left, slack_s)


class Admission:
    """Takes requests on or refuses them. It is used on the event loop's thread."""

    def __init__(self, config: ServerSection, capacity: Capacity) -> None:
        self._config, self._capacity = config, capacity
        self._seats: list[Seat] = []
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def seats(self) -> Sequence[Seat]:
        """The requests that are spoken, or wait to be, in the order in which they came."""
        return self._seats

    @property
    def open(self) -> int:
        """How many requests are spoken, or wait to be."""
        return len(self._seats)

    @property
    def waiting(self) -> int:
        """Of how many of them nothing is heard yet."""
        return sum(seat.waiting for seat in self._seats)

    async def empty(self) -> None:
        """Wait until no request is spoken."""
        await self._empty.wait()

    @contextmanager
    def seat(self, client: str, text: str, language: str, speed: float) -> Iterator[Seat]:
        """The seat of a request, which is taken on inside. Raises Refused (429)."""
        seat = Seat(
            client,
            self._capacity.audio_s(text, language, speed),
            self._capacity.work_s(text, language, speed),
            time.monotonic(),
        )
        self._check(seat)
        self._seats.append(seat)
        self._empty.clear()
        try:
            yield seat
        finally:
            self._seats.remove(seat)
            if not self._seats:
                self._empty.set()

    def _check(self, seat: Seat) -> None:
        now, config = seat.came_s, self._config
        gain = self._capacity.gain or 1.0
        others = [other.demand(now) for other in self._seats]
        if not others:
            return
        mine = [other.client == seat.client for other in self._seats]
        anyones = [True] * len(others)
        for count, limit, what, theirs in (
            (sum(mine), "max_streams_per_client", "requests of this client are spoken", mine),
            (self.open, "max_streams", "requests are spoken", anyones),
            (self.waiting, "max_waiting", "requests wait for their first sound", anyones),
        ):
            if count >= getattr(config, limit):
                retry_s = min(compress(ends(others, gain), theirs))
                raise _busy(f"{count} {what} (server.{limit})", retry_s)
        late_s = lateness(seat.demand(now), others, gain, config.max_late_s)
        if late_s > config.max_late_s:
            limit = f"server.max_late_s is {config.max_late_s:g}"
            why = f"it, or one before it, would be {late_s:.0f} s late ({limit})"
            raise _busy(why, late_s - config.max_late_s)


def _busy(why: str, retry_s: float) -> Refused:
    seconds = max(1, math.ceil(retry_s))
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"the server is busy: {why}; try again in {seconds} s",
        code="rate_limit_exceeded",
        headers={"Retry-After": str(seconds)},
    )
