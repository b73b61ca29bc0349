"""The listener's buffer: the audio that has arrived and is not played yet."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ttsflow.report.metrics import ROUNDING_S, Playback
from ttsflow.report.timeline.writing import number

MOST_POINTS = 20_000
MOST_STALLS = 10_000

Point = tuple[float, float, float]
"""(time, seconds in the buffer just before something arrives, and just after)"""


@dataclass(slots=True)
class Listener:
    """Hears one stream, from its first audio on and as soon as audio is there.

    Between two points the buffer shrinks by a second each second, down to nothing. Of many points,
    neighbours are joined: the least and the most of both at the time of the second. `stalls` are times
    (from, until), the longest of them if there are many.
    """

    stream: str
    playback: Playback = field(default_factory=Playback)
    points: list[Point] = field(default_factory=list)
    _stalls: list[tuple[float, float, float]] = field(default_factory=list)
    _count: int = 0
    _joined: int = 1  # how many arrivals one point stands for

    @property
    def stalls(self) -> list[tuple[float, float]]:
        return sorted((since_s, until_s) for _, since_s, until_s in self._stalls)

    def arrived(self, at_s: float, audio_s: float, pause_s: float) -> None:
        """Audio arrived, or a pause, or both: the pause is behind the audio."""
        playback = self.playback
        begun, dry_s = playback.first_audio_s is not None, playback.plays_until_s
        playback.arrived(audio_s, at_s)
        playback.paused(pause_s)
        if playback.first_audio_s is None:
            return
        if begun and audio_s > 0.0 and at_s > dry_s + ROUNDING_S:
            stall = (at_s - dry_s, dry_s, at_s)
            (heapq.heappush if len(self._stalls) < MOST_STALLS else heapq.heappushpop)(self._stalls, stall)
        before_s = max(0.0, dry_s - at_s) if begun else 0.0
        self._add((at_s, before_s, max(0.0, playback.plays_until_s - at_s)))

    def _add(self, point: Point) -> None:
        if self.points and self.points[-1][0] == point[0]:  # what arrives together is one
            self.points[-1] = _join(self.points[-1], point)
            return
        if self._count % self._joined and self.points:
            self.points[-1] = _join(self.points[-1], point)
        else:
            self.points.append(point)
        self._count += 1
        if len(self.points) >= 2 * MOST_POINTS:
            self.points = [_join(*self.points[at : at + 2]) for at in range(0, len(self.points), 2)]
            self._joined *= 2


def listen(arrivals: Iterable[Mapping[str, Any]]) -> list[Listener]:
    """A listener of each stream, with all that arrived; those who heard nothing are left out."""
    listeners: dict[str, Listener] = {}
    for arrival in arrivals:
        stream = str(arrival.get("stream"))
        listener = listeners.setdefault(stream, Listener(stream))
        listener.arrived(
            number(arrival.get("at_s")) or 0.0,
            number(arrival.get("audio_s")) or 0.0,
            number(arrival.get("pause_s")) or 0.0,
        )
    return [listener for listener in listeners.values() if listener.points]


def _join(one: Point, other: Point) -> Point:
    return other[0], min(one[1], other[1]), max(one[2], other[2])
