"""Predicted costs of chunks, learnt from the costs of finished chunks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from ttsflow.interface.paces import CHANCE, WEIGHT, Paces, beyond_chance
from ttsflow.interface.profile import knee

if TYPE_CHECKING:
    from ttsflow.interface.device import Device
    from ttsflow.interface.jobs import ChunkJob
    from ttsflow.interface.policy import WorkerView
    from ttsflow.interface.profile import Profile


WORST = 2.0
"""times as long as one after the other: the most that jobs at once are believed to take"""


@dataclass(frozen=True, slots=True)
class Slowdown:
    """s(k) for one k: as the profile has it, and as it was measured on so many chunks.

    A chunk that had k - 1 others beside it for half of its time counts as half a chunk.
    """

    k: int
    profile: float
    measured: float
    chunks: float


class Costs:
    """Predicts seconds of audio and of work for a job; starts from the profile, learns as jobs finish.

    For each language there is an exponentially weighted mean of the seconds of audio per character at the
    normal speed, and a factor by which its work differs from that in the first language.

    For each k there is one of the pace: seconds of work per second of audio with k jobs at once in a worker,
    over the profile's. A job that ran beside one, then two others, counts for each by its share of the time.
    RTF (synthesis time / audio time) is the pace of one alone, and s(k) the pace of k over that of one. What
    chance may explain is not believed: that the paces differ from the profile's, and that the one of a k
    differs more than the others. Between two that were seen it is interpolated. s(k) never falls, and is
    believed up to WORST times k, or what the profile says: jobs beside one that hung would show any number.

    Devices and workers may be of unlike speed: for each there is a factor by which its work differs.
    """

    WEIGHT = WEIGHT
    CHANCE = CHANCE

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._base = profile.rtf or 1.0  # nothing is so many times as long as nothing
        self._seconds_per_char: dict[str, float] = {}
        self._factor: dict[str, float] = {}  # of work, by language
        self._off: dict[int, float] = {}  # logarithm of the pace over the profile's, by k
        self._seen: dict[int, float] = {}  # chunks that it rests on
        self._paces = Paces()
        self.lagging = 0
        """jobs that go on, and take far longer than predicted"""
        self._tabulate()

    def audio(self, job: ChunkJob) -> float:
        """Predicted length of the job's audio, in seconds."""
        per_char = self._seconds_per_char.get(job.language)
        if per_char is None:
            per_char = 1.0 / self._profile.rate(job.language)
        return len(job.text) * per_char / job.speed

    def cost(self, job: ChunkJob, on: Device | WorkerView | None = None) -> float:
        """Predicted seconds of work for the job, alone on its worker: on this device or worker, or on any."""
        seconds = self.audio(job) * self._rtf(job.language)
        return seconds if on is None else seconds * self.slower(on)

    def slower(self, on: Device | WorkerView) -> float:
        """How many times longer work takes on a device or worker than on all, by what was seen."""
        return math.exp(self._paces.off(on))

    @property
    def uneven(self) -> bool:
        """Whether some of the workers are noticeably slower than others, or seem to be so now."""
        return self._paces.uneven or self.lagging > 0

    def slow(self, k: int) -> float:
        """s(k): how many times slower each job runs when k jobs run at once in a worker."""
        table = self._slow
        if k <= len(table):
            return table[max(k, 1) - 1]
        return table[-1] * k / len(table)

    def knee(self, most: int) -> int:
        """The fewest jobs at once, at most `most`, that give nearly the highest throughput, k / s(k)."""
        return knee(self.slow, most)

    @property
    def pace(self) -> float:
        """How many times longer jobs take than the profile says, whatever runs beside them."""
        return math.exp(self._common)

    def seen(self, k: int) -> float:
        """How many chunks ran with k at once: what s(k) rests on beside the profile."""
        return self._seen.get(k, 0.0)

    def slowdowns(self) -> list[Slowdown]:
        """What was measured of s(k), from 2 on; none where no chunk ran alone."""
        if self.seen(1) < 1.0:
            return []
        return [
            Slowdown(k, self._profile.slow(k), self._measured[k - 1], seen)
            for k, seen in sorted(self._seen.items())
            if k > 1 and seen >= 1.0
        ]

    def remaining(self, job: ChunkJob, started_s: float, now: float, k: int = 1) -> float:
        """Predicted seconds until a job that started at `started_s` is done, with k jobs at once."""
        return max(0.0, self.cost(job) * self.slow(k) - (now - started_s))

    def forget(self, worker: WorkerView) -> None:
        """A worker is no more."""
        self._paces.forget(worker)

    def observe(self, job: ChunkJob, audio_s: float, work_s: float, k: int = 1) -> None:
        """Learn from a job that took `work_s` seconds, with k jobs at once, for `audio_s` s of audio."""
        self.observe_spent(job, audio_s, {k: work_s})

    def observe_spent(
        self, job: ChunkJob, audio_s: float, spent: Mapping[int, float], worker: WorkerView | None = None
    ) -> None:
        """Learn from a job that took `spent[k]` seconds with k jobs at once in its worker, for each k."""
        work_s = sum(spent.values())
        if not job.text or audio_s <= 0.0 or work_s < 0.0:
            return
        per_char, seen = audio_s * job.speed / len(job.text), self._seconds_per_char.get(job.language)
        self._seconds_per_char[job.language] = per_char if seen is None else seen + WEIGHT * (per_char - seen)
        if work_s > 0.0:
            spent = {k: seconds for k, seconds in spent.items() if seconds}
            self._observe_pace(job.language, audio_s, spent, worker)

    def overran(self, job: ChunkJob, work_s: float, k: int = 1) -> None:
        """Deprecated, and does nothing: a job that never ended does not show how long such jobs take."""
        warnings.warn("Costs.overran does nothing any more", DeprecationWarning, stacklevel=2)

    def _rtf(self, language: str) -> float:
        factor = self._factor.get(language)
        return self._profile.rtf if factor is None else self._alone * factor

    def _observe_pace(
        self, language: str, audio_s: float, spent: Mapping[int, float], worker: WorkerView | None
    ) -> None:
        work_s = sum(spent.values())
        expected_s = sum(
            seconds / self._pace(k) for k, seconds in spent.items()
        )  # of audio, for a factor of 1
        if language not in self._factor and self._off:
            self._factor[language] = expected_s / audio_s
            return
        factor = self._factor.setdefault(language, 1.0)
        surprise = math.log(expected_s / (audio_s * factor))
        if worker is not None:
            self._paces.observe(worker, self._common + surprise)
        paces = {k: self._off_at(k) + surprise for k in spent}
        for k, off in paces.items():
            share = spent[k] / work_s
            self._seen[k] = self._seen.get(k, 0.0) + share
            weight = share * max(WEIGHT, 1.0 / max(1.0, self._seen[k]))
            self._off[k] = self._off.get(k, off) + weight * (off - self._off.get(k, off))
        self._tabulate()

    def _pace(self, k: int) -> float:
        """Seconds of work per second of audio, in the first language."""
        return self._base * self._profile.slow(k) * math.exp(self._off_at(k))

    def _off_at(self, k: int) -> float:
        """How far the pace of k is from the profile's, as a logarithm."""
        if not self._known:
            return 0.0
        below = max((known for known in self._known if known <= k), default=min(self._known))
        above = min((known for known in self._known if known >= k), default=below)
        if above <= below:
            return self._known[below]
        part = (k - below) / (above - below)
        return self._known[below] + part * (self._known[above] - self._known[below])

    def _tabulate(self) -> None:
        """Work out what follows from what was seen: s(1), s(2) ... and the pace of one alone."""
        weights = {k: min(seen, 1.0 / WEIGHT) for k, seen in self._seen.items()}
        total = sum(weights.values())
        common = sum(weights[k] * off for k, off in self._off.items()) / total if total else 0.0
        self._common = beyond_chance(common, total) if total else 0.0
        self._known = {
            k: self._common + beyond_chance(off - common, self._seen[k]) for k, off in self._off.items()
        }
        most = max(len(self._profile.slowdown), *self._known, 1)
        paces = [self._pace(k) for k in range(1, most + 1)]
        self._alone = paces[0]
        for k in range(most - 1, 0, -1):
            if k not in self._known and max(self._known, default=0) > k:
                paces[k - 1] = min(paces[k - 1], paces[k])  # what was seen of more at a time counts
        self._measured = [pace / paces[0] for pace in accumulate(paces, max)]  # s(1), s(2) ...
        self._slow = [
            min(measured, max(WORST * k, self._profile.slow(k)))
            for k, measured in enumerate(self._measured, start=1)
        ]
