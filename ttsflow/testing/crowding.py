"""How crowded the machine is: limits of time are stretched by it, as that is no fault of a plugin."""

from __future__ import annotations

import os


def crowding() -> float:
    """How many programs want each core, 1 and up; 1 where the system does not tell."""
    try:
        busy = os.getloadavg()[0]
    except OSError:
        return 1.0
    return max(1.0, busy / (os.cpu_count() or 1))
