"""Lengths of time and sizes, in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """0.032 s, 3.2 s, 4:05 min, 1:02:03 h."""
    if round(seconds, 1) < 1.0:
        return f"{seconds:.3g} s"
    if round(seconds, 1) < 60.0:
        return f"{seconds:.1f} s"
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02} h" if hours else f"{minutes}:{whole:02} min"


def chunks(number: int) -> str:
    """1 chunk, 1,436 chunks."""
    return "1 chunk" if number == 1 else f"{number:,} chunks"


def files(number: int) -> str:
    """1 file, 1,436 files."""
    return "1 file" if number == 1 else f"{number:,} files"


def size(number: int) -> str:
    """178.6 MB, for a number of bytes."""
    return f"{number / 1e6:,.1f} MB"
