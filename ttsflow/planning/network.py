"""The network of a cluster in virtual time: the audio of all nodes shares the coordinator's link."""

from __future__ import annotations

from dataclasses import dataclass

from ttsflow.scheduler import messages as msg

SAMPLE_BYTES = 4
"""of a sample on its way from a worker: float32"""

LATENCY_S = 0.0005
"""from a node to the coordinator, within one data centre"""

START_S = 2.0
"""for Ray to start an actor, and for that to start a worker; measured on an idle machine"""


@dataclass(frozen=True, slots=True)
class Network:
    """What the nodes of a cluster have in common: `gbit_per_s` of the coordinator's link."""

    gbit_per_s: float

    @property
    def bytes_per_s(self) -> float:
        return self.gbit_per_s * 1e9 / 8


@dataclass(frozen=True, slots=True)
class Load:
    """What a coordinator had to do for the nodes: in all, and how long its link was busy, in seconds.

    Of `messages` the signs of life are no part: each of the `workers` sends one a second.
    """

    workers: int = 0
    messages: int = 0
    bytes: float = 0.0
    busy_s: float = 0.0


class Link:
    """The coordinator's link: one message after the other, and those of a worker in their order."""

    def __init__(self, network: Network) -> None:
        self._bytes_per_s = network.bytes_per_s
        self._free_s = 0.0
        self._last: dict[str, float] = {}  # arrivals, by worker
        self.load = Load()

    def carry(self, worker: str, event: msg.Event, now: float, sample_rate: int) -> float:
        """Seconds that a message takes which a worker sends now."""
        size = event.audio_s * sample_rate * SAMPLE_BYTES if isinstance(event, msg.Piece) else 0.0
        takes_s = size / self._bytes_per_s
        if size:
            self._free_s = max(self._free_s, now) + takes_s
        arrives = max(now, self._free_s if size else now, self._last.get(worker, 0.0) - LATENCY_S) + LATENCY_S
        self._last[worker] = arrives
        of_workers = self.load.workers + isinstance(event, msg.WorkerReady)
        self.load = Load(
            of_workers, self.load.messages + 1, self.load.bytes + size, self.load.busy_s + takes_s
        )
        return arrives - now
