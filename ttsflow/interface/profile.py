"""What the core must know about a backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import index
from typing import SupportsIndex

from ttsflow.interface.device import Device

ENOUGH = 1.03
"""times the throughput that a slot more must give to be worth its memory"""


def knee(slow: Callable[[int], float], most: int) -> int:
    """The fewest chunks at a time, at most `most`, that give nearly the highest throughput, k / s(k)."""
    gains = [k / slow(k) for k in range(1, most + 1)]
    enough = max(gains) / ENOUGH
    return next(k for k, gain in enumerate(gains, 1) if gain >= enough)


def _whole(name: str, number: object) -> int:
    """A number as an int: libraries have whole numbers of other types, such as numpy.int64.

    Raises TypeError for what is none.
    """
    if isinstance(number, bool) or not isinstance(number, SupportsIndex):
        kind = type(number).__name__
        raise TypeError(f"{name} must be a whole number, not {number!r}, of type {kind}")
    return index(number)


def _along(table: Sequence[float], k: int) -> float:
    """s(k) of a table, which beyond its end grows linearly."""
    if k <= len(table):
        return table[max(k, 1) - 1]
    return table[-1] * k / len(table)


@dataclass(frozen=True, slots=True)
class Profile:
    """Properties of a backend, known before any of its workers runs.

    `device_kinds` are the kinds of device that it can use ("cuda", "mps", "cpu", "remote"), the best first.
    `slots` is the most chunks that one worker can decode at a time. `slowdown[k - 1]` is s(k): how many
    times slower each chunk runs when k chunks run at once; beyond the table it grows linearly.
    `workers[k - 1]` is the same for k workers of one device, as it was measured; empty where it was not:
    then they share it (`beside`).
    `memory_bytes` is the device memory that a worker needs, `slot_memory_bytes` what each slot adds.
    `cores` is how many cores a worker keeps busy on a CPU.
    `max_chars` is the longest chunk in characters, by language ("*" for all others). `languages` are
    the language codes it speaks, None for any. A piece of less than `min_chars` characters joins a
    neighbour, because a neural model may garble it. `rtf` (synthesis time / audio time) and `chars_per_s`
    (characters per second of audio) are initial estimates, used until the run has measured its own. Given by
    language, `chars_per_s` is what was measured: audio that is far from it is in doubt from the first chunk
    on; as one number it is a guess for all languages, and only the run's own chunks judge others.
    A `deterministic` backend gives byte-identical audio for an identical job. `reproducible_on` are
    the kinds of device on which an identical job gives the same audio (same decisions of the model,
    waveform within 1e-4), whatever else its worker speaks at the time; `deterministic` implies all kinds.
    `speeds` are its slowest and its fastest speed; 1.0 is its normal speed. `seeds`: whether another seed may
    give other audio.
    """

    backend: str
    sample_rate: int
    device_kinds: tuple[str, ...] = ("cpu",)
    languages: tuple[str, ...] | None = None
    slots: int = 1
    slowdown: tuple[float, ...] = (1.0,)
    memory_bytes: int = 0
    slot_memory_bytes: int = 0
    max_chars: Mapping[str, int] = field(default_factory=lambda: {"*": 250})
    rtf: float = 0.5
    chars_per_s: float | Mapping[str, float] = 15.0
    deterministic: bool = False
    reproducible_on: tuple[str, ...] = ()
    speeds: tuple[float, float] = (1.0, 1.0)
    min_chars: int = 40
    cores: int = 1
    workers: tuple[float, ...] = ()
    seeds: bool = True

    def __post_init__(self) -> None:
        """Raises TypeError or ValueError for an invalid profile."""
        for name in ("device_kinds", "languages", "slowdown", "reproducible_on", "speeds", "workers"):
            if isinstance(getattr(self, name), str | float | int):
                raise TypeError(f'{name} must be a tuple, such as ("cpu",), not {getattr(self, name)!r}')
        for name in ("sample_rate", "slots", "cores", "min_chars", "memory_bytes", "slot_memory_bytes"):
            object.__setattr__(self, name, _whole(name, getattr(self, name)))
        if not isinstance(self.max_chars, Mapping) or not all(cap > 0 for cap in self.max_chars.values()):
            raise ValueError(f"max_chars must map languages to caps above 0, not {self.max_chars!r}")
        if self.min_chars < 0:
            raise ValueError(f"min_chars must be a whole number from 0, not {self.min_chars!r}")
        for name in ("sample_rate", "slots", "cores"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number above 0, not {getattr(self, name)!r}")
        rates = self.chars_per_s.values() if isinstance(self.chars_per_s, Mapping) else [self.chars_per_s]
        if not (self.max_chars and self.device_kinds and self.slowdown and rates):
            raise ValueError("max_chars, device_kinds, slowdown and chars_per_s must not be empty")
        if not all(rate > 0 for rate in rates):
            raise ValueError(f"chars_per_s must be above 0, not {self.chars_per_s!r}")
        if not (len(self.speeds) == 2 and 0.0 < self.speeds[0] <= 1.0 <= self.speeds[1]):
            raise ValueError(f"speeds must be the slowest and the fastest, with 1.0 between: {self.speeds!r}")

    def slow(self, k: int) -> float:
        """s(k): how many times slower each chunk runs when k chunks run at once."""
        return _along(self.slowdown, k)

    def beside(self, workers: int, device: Device | None = None) -> float:
        """How many times longer a chunk takes with so many workers of its device at work.

        Beyond what was measured the device gives no more. Where nothing was, workers share it: from the
        second one on, or on a CPU from where all cores are busy.
        """
        if self.workers:
            return _along(self.workers, workers)
        return max(1.0, workers / self.room(device))

    def room(self, device: Device | None) -> float:
        """How many workers keep a device busy, 1 and up, where it was not measured."""
        cores = 1 if device is None or device.kind != "cpu" else device.cores or 1
        return max(1.0, cores / self.cores)

    @property
    def knee(self) -> int:
        """The fewest slots that give nearly the highest throughput, k / s(k): another gives 3 % or less."""
        return knee(self.slow, self.slots)

    def slots_in(self, free_bytes: int | None, most: int) -> int:
        """The most slots, at most `most`, of a worker that fits into free memory; 0 if none fits."""
        if free_bytes is None:
            return most
        return next((slots for slots in range(most, 0, -1) if self.memory(slots) <= free_bytes), 0)

    def memory(self, slots: int) -> int:
        """Bytes of device memory that a worker with so many slots needs."""
        return self.memory_bytes + slots * self.slot_memory_bytes

    def reproducible(self, kind: str) -> bool:
        """Whether an identical job gives the same audio on devices of this kind."""
        return self.deterministic or kind in self.reproducible_on

    def rate(self, language: str) -> float:
        """About how many characters of `language` a second of audio has."""
        if isinstance(self.chars_per_s, float | int):
            return self.chars_per_s
        return self.measured_rate(language) or next(iter(self.chars_per_s.values()))

    def measured_rate(self, language: str) -> float | None:
        """As `rate`, where it was measured for this language; "en" is for "en-gb" too, "*" for all others."""
        if isinstance(self.chars_per_s, float | int):
            return None
        primary = language.partition("-")[0]
        found = (self.chars_per_s.get(tag) for tag in (language, primary, "*"))
        return next((rate for rate in found if rate is not None), None)

    def cap(self, language: str) -> int:
        """The most characters of a chunk in `language`; without "*", other languages get the smallest cap."""
        caps = self.max_chars
        return caps[language] if language in caps else caps.get("*", min(caps.values()))
