"""An attempt: one job on one worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ttsflow.interface.jobs import ChunkJob
from ttsflow.scheduler.chunks import Audio, Part
from ttsflow.scheduler.fleet import Worker


@dataclass(slots=True, eq=False)
class Attempt:
    """One job on one worker. It holds its slot until the worker answers or dies, cancelled or not.

    `hedge`: it began while another attempt at the same part ran. `disturbed`: its worker, or the program, was
    stopped for a while, so that its time shows no cost.
    """

    token: int
    part: Part
    job: ChunkJob
    worker: Worker
    audio: Audio
    started_s: float
    mark: Sequence[float]  # of the worker's occupancy, when it started
    hedge: bool = False
    disturbed: bool = False
    most_s: float = 0.0  # that it is ever waited for; 0.0 before its first deadline was set
    heard_s: float | None = None  # when its last piece came
    cancelled: bool = False
    hedges: int = 0  # that were started beside it

    @property
    def delivered_s(self) -> float:
        """Seconds of its audio that were passed on already."""
        return self.part.sent_s if self.audio is self.part.audio else 0.0
