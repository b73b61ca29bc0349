"""How much slower a device, or one worker of it, is than the others: learnt from finished jobs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ttsflow.interface.device import Device

if TYPE_CHECKING:
    from ttsflow.interface.policy import WorkerView

WEIGHT = 0.1
"""weight of each new observation: about the last ten chunks count"""

CHANCE = 0.2
"""by which a chunk differs from the others of its worker by chance at the least, as a logarithm"""

PROOF = 2
"""chunks with one before them on their worker: earlier nobody knows how much is chance"""

UNEVEN = math.log(1.25)
"""workers that differ by less, as a logarithm, are as quick as each other"""


def beyond_chance(off: float, chunks: float, variance: float = CHANCE**2) -> float:
    """A difference that rests on so many chunks, as a logarithm, less what chance may explain.

    After James and Stein (1961): a difference d counts as d^2 / (d^2 + its variance) of itself. `variance` is
    that of a chunk.
    """
    return off * off * off / (off * off + variance / chunks)


@dataclass(slots=True)
class _Mean:
    """An exponentially weighted mean, and how many observations it rests on."""

    value: float = 0.0
    seen: int = 0

    def add(self, value: float) -> None:
        self.seen += 1
        self.value += max(WEIGHT, 1.0 / self.seen) * (value - self.value)

    def beyond(self, other: _Mean, variance: float) -> float:
        """How far it is above another, beyond chance; `variance` is that of an observation."""
        return beyond_chance(self.value - other.value, min(self.seen, 1.0 / WEIGHT), variance)


class Paces:
    """Logarithms of the pace: of all, of each device, of each worker, by its id.

    What is seen of a worker counts for its device too, and for all. A difference that chance may explain is
    not believed; how much that is, the chunks of each worker show among themselves. So the pace of a worker
    that was never seen is that of its device, and the pace of such a device that of all.
    """

    def __init__(self) -> None:
        self._all = _Mean()
        self._variance = _Mean()  # of the chunks of one worker
        self._devices: dict[str, _Mean] = {}
        self._workers: dict[tuple[str, str], _Mean] = {}  # by device and worker
        self._offs: dict[tuple[str, str], float] = {}  # of the workers, each as it was last seen
        self._least = self._most = 0.0  # of them

    @property
    def uneven(self) -> bool:
        """Whether some workers are noticeably slower than others."""
        return self._most - self._least > UNEVEN

    def observe(self, worker: WorkerView, pace: float) -> None:
        """A job on `worker` took e^pace times what the profile says."""
        self._all.add(pace)
        self._devices.setdefault(worker.device.id, _Mean()).add(pace)
        mean = self._workers.setdefault((worker.device.id, worker.id), _Mean())
        if mean.seen:
            self._variance.add((pace - mean.value) ** 2 * mean.seen / (mean.seen + 1))
        mean.add(pace)
        self._note((worker.device.id, worker.id), self._off(worker.device.id, worker.id))

    def forget(self, worker: WorkerView) -> None:
        """A worker is no more."""
        self._workers.pop((worker.device.id, worker.id), None)
        self._note((worker.device.id, worker.id), None)

    def _note(self, ids: tuple[str, str], off: float | None) -> None:
        """Keep what a worker is off by, and the least and the most of all of them."""
        before = self._offs.pop(ids, None)
        if off is not None:
            self._offs[ids] = off
        if before in (self._least, self._most) or len(self._offs) < 2:
            self._least = min(self._offs.values(), default=0.0)
            self._most = max(self._offs.values(), default=0.0)
        elif off is not None:
            self._least, self._most = min(self._least, off), max(self._most, off)

    def off(self, on: Device | WorkerView) -> float:
        """How much slower than all it is, as a logarithm."""
        if isinstance(on, Device):
            return self._off(on.id)
        return self._off(on.device.id, on.id)

    def _off(self, device: str, worker: str | None = None) -> float:
        """A worker that was never seen is as quick as its device."""
        mean = None if worker is None else self._workers.get((device, worker))
        mean = mean or self._devices.get(device)
        if mean is None or self._variance.seen < PROOF:
            return 0.0
        return mean.beyond(self._all, max(CHANCE**2, self._variance.value))
