"""How audio is encoded, as far as one can choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Encoding:
    """The bit rate in kbit/s and the sample rate in Hz; None for what is usual for the format.

    The loudness is in LUFS; None for what it is.
    """

    kbit_s: int | None = None
    sample_rate: int | None = None
    loudness: float | None = None


USUAL = Encoding()
