"""What goes wrong in the stand-in, on request."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Literal, NoReturn

from pydantic import Field, NonNegativeInt, PositiveInt

from ttsflow import PluginOptions


class Fault(PluginOptions):
    """One thing that goes wrong."""

    at: NonNegativeInt | Literal["load"] = Field(
        description="index of the chunk in its stream that goes wrong, or `load`"
    )
    kind: Literal["fail", "refuse", "die", "hang"] = Field(
        description="fail: an error that may pass; refuse: an error that will not; "
        "die: the worker is killed (SIGKILL); hang: the worker never answers again"
    )
    after: NonNegativeInt = Field(0, description="pieces of the chunk that come out before it")
    times: PositiveInt | None = Field(
        None, description="how often in the whole run; unset is every time. Needs `state_dir`"
    )

    def strikes(self, state_dir: Path | None) -> bool:
        """Whether the fault happens this time.

        Each time is one marker file, made by exactly one process: counting holds across workers that
        die, and between workers that run side by side.
        """
        if self.times is None:
            return True
        assert state_dir is not None
        state_dir.mkdir(parents=True, exist_ok=True)
        for time_number in range(self.times):
            marker = f"{self.kind}-{self.at}-after-{self.after}-{time_number}"
            try:
                (state_dir / marker).touch(exist_ok=False)
            except FileExistsError:
                continue
            return True
        return False

    def carry_out(self, error: Exception) -> Exception:
        """The error of a fault that a worker survives; the others do not return."""
        if self.kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind in ("die", "hang"):
            _hang()
        return error


def _hang() -> NoReturn:
    while True:
        time.sleep(3600.0)
