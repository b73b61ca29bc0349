"""How far what is said falls behind the times at which it should begin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ttsflow.report.passage import Passage
from ttsflow.report.units import duration

HEARD_S = 0.05
"""seconds that nobody notices"""


@dataclass(slots=True)
class Lateness:
    """Counts what begins late: by `most_s` seconds at most, at the time `at_s`."""

    count: int = 0
    most_s: float = 0.0
    at_s: float = 0.0

    def begins(self, at_s: float, late_s: float) -> None:
        """Something begins at this time, and so much later than it should."""
        if late_s > HEARD_S:
            self.count += 1
            if late_s > self.most_s:
                self.most_s, self.at_s = late_s, at_s

    @classmethod
    def of(cls, passages: Iterable[Passage]) -> Lateness:
        """That of an output."""
        late = cls()
        for passage in passages:
            late.begins(passage.at_s, passage.late_s)
        return late

    def notice(self, of: str) -> str | None:
        """What a person should know of the subtitles `of` something; None where all begin at their times."""
        if not self.count:
            return None
        late = "1 subtitle begins" if self.count == 1 else f"{self.count:,} subtitles begin"
        return (
            f"{of}: {late} late, because what is said before takes longer than its time; by "
            f"{duration(self.most_s)} at most, at {duration(self.at_s)}. To make it less, raise `text.speed`"
        )
