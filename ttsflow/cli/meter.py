"""How far something is that takes a while: drawn in one place on a terminal, told now and then elsewhere."""

from __future__ import annotations

import sys
import time

from ttsflow.cli.console import LINE_S

REDRAW_S = 0.1


class Meter:
    """Shows on standard error what is done, and the part of it that is done; its line goes at the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._drawn = sys.stderr.isatty()
        self._shown_s = time.monotonic()

    def __call__(self, part: float) -> None:
        """So much of it is done, of 1.0."""
        now = time.monotonic()
        if part < 1.0 and now - self._shown_s >= (REDRAW_S if self._drawn else LINE_S):
            self._shown_s = now
            line = f"{self._what} {part:.0%}"
            self._write(f"\r\x1b[K{line}" if self._drawn else f"ttsflow: {line}\n")
        elif part >= 1.0 and self._drawn:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
