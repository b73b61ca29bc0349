"""What the core must know of a backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Profile:
    """A backend before any of its workers runs.

    `device_kinds` are the kinds of device that it can use ("cuda", "mps", "cpu"), the best first.
    `slots` is the most chunks that one worker can decode at a time, `slowdown[k - 1]` how many times
    slower each of k chunks at once runs than one alone (s(k); beyond the table, linear).
    `memory_bytes` is what a worker takes of its device, `slot_memory_bytes` what each slot adds.
    `max_chars` caps a chunk's length in characters by language ("*" for all others); `languages`
    lists the language codes it speaks, None for any. `rtf` (synthesis time / audio time) and
    `chars_per_s` (characters spoken in a second) are first guesses until the run has measured.
    A `deterministic` backend gives byte-identical audio for an identical job. `reproducible_on` are
    the kinds of device on which an identical job gives the same audio (equal decisions of the model,
    waveform within 1e-4), whatever else its worker speaks at the time; `deterministic` implies all.
    `speeds` are the slowest and the fastest that it speaks itself; 1.0 is its normal speed.
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
    chars_per_s: float = 15.0
    deterministic: bool = False
    reproducible_on: tuple[str, ...] = ()
    speeds: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        """Raises TypeError or ValueError for a profile that could not be worked with."""
        for name in ("device_kinds", "languages", "slowdown", "reproducible_on", "speeds"):
            if isinstance(getattr(self, name), str | float | int):
                raise TypeError(f'{name} must be a tuple, such as ("cpu",), not {getattr(self, name)!r}')
        if not isinstance(self.max_chars, Mapping) or not all(cap > 0 for cap in self.max_chars.values()):
            raise ValueError(f"max_chars must map languages to caps above 0, not {self.max_chars!r}")
        for name in ("sample_rate", "slots"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number above 0, not {getattr(self, name)!r}")
        if not (self.max_chars and self.device_kinds and self.slowdown and self.chars_per_s > 0):
            raise ValueError("max_chars, device_kinds and slowdown must not be empty, nor chars_per_s be 0")
        if not (len(self.speeds) == 2 and 0.0 < self.speeds[0] <= 1.0 <= self.speeds[1]):
            raise ValueError(f"speeds must be the slowest and the fastest, with 1.0 between: {self.speeds!r}")

    def reproducible(self, kind: str) -> bool:
        """Whether an identical job gives the same audio on devices of this kind."""
        return self.deterministic or kind in self.reproducible_on

    def cap(self, language: str) -> int:
        """The most characters of a chunk in `language`; without "*", other languages get the least cap."""
        caps = self.max_chars
        return caps[language] if language in caps else caps.get("*", min(caps.values()))
