"""A place of the text as it is heard."""

from __future__ import annotations

from dataclasses import dataclass

from ttsflow.interface.jobs import Status
from ttsflow.report.excerpt import excerpt
from ttsflow.report.units import duration


@dataclass(frozen=True, slots=True)
class Passage:
    """A place of the text in an output that is built from what is kept.

    `at_s` is where it starts, `audio_s` how long it is heard and `pause_s` the silence after it, in seconds.
    `status` is None where the place has something to say and no audio: it failed, or was not reached. `why`
    is the doubt about its audio. `same_as` is the index of the first place with the same text, which it is
    heard from; None where it is the first. `late_s` is how much later it begins than the text asks for.
    """

    index: int
    text: str
    status: Status | None
    why: str | None
    at_s: float
    audio_s: float
    pause_s: float
    same_as: int | None
    late_s: float = 0.0

    def __str__(self) -> str:
        """For a person: chunk 57, at 1:02:03 h: "The door fell."."""
        return f'chunk {self.index}, at {duration(self.at_s)}: "{excerpt(self.text)}"'
