"""The ramp that fits an engine here: how short the first chunks of a text should be for a listener."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ttsflow.bench.figures import Figures
from ttsflow.report.units import duration

SOON_S = 0.5
"""seconds to the first sound of a text that nobody minds"""

SHORTEST_S, LONGEST_S = 1.0, 3.0
"""seconds of audio of a first chunk: less sounds chopped, and more is a short sentence anyway"""

ROOM = 0.9
"""of the time in which a chunk is heard, in which the next must be made: costs differ from chunk to chunk"""

LEAST, MOST = 1.05, 2.0
"""growth: with less it takes too long until chunks are long, with more the second chunk is long already"""


@dataclass(frozen=True, slots=True)
class FittingRamp:
    """Values of `text.ramp`, and the seconds to the first sound with it, and of a long chunk without."""

    first_s: float
    growth: float
    sound_s: float
    long_s: float

    def __str__(self) -> str:
        """As a line of a configuration."""
        return f"text: {{ramp: {{first_s: {self.first_s:g}, growth: {self.growth:g}}}}}"


def ramp_of(figures: Figures) -> FittingRamp | None:
    """The ramp for what was measured; None where even long chunks are heard soon.

    The first chunk has so much audio that its first piece, a share of its work, is there after `SOON_S`. Each
    next one takes growth * RTF of the time in which the one before is heard: with the RTF of a slow round.
    """
    latency = figures.rtf.median * figures.first_piece  # seconds to the first piece, for a second of audio
    long_s = latency * figures.lengths[-1].audio_s.median
    if long_s <= SOON_S:
        return None
    first_s = round(min(max(SOON_S / latency, SHORTEST_S), LONGEST_S), 1)
    growth = math.floor(20 * ROOM / figures.rtf.high) / 20
    return FittingRamp(first_s, min(max(growth, LEAST), MOST), latency * first_s, long_s)


def advise_ramp(figures: Figures) -> Iterator[str]:
    """The ramp in words."""
    ramp = ramp_of(figures)
    if ramp is not None:
        yield (
            f"for listeners, {ramp}: the first sound of a text comes after about {duration(ramp.sound_s)}; "
            f"that of a long chunk takes {duration(ramp.long_s)}"
        )
        if figures.rtf.high > ROOM / LEAST:
            yield "chunks are hardly made as fast as they are heard: with any ramp stalls are likely"
