"""A stand-in that makes each piece of audio only once the piece before it has been heard."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from ttsflow import Backend, Step, hookimpl
from ttsflow_plugins.sim import Sim


class Patient(Sim):
    """Reads in the file that TTSFLOW_HEARD names how many pieces have been heard: a byte for each."""

    name = "patient"
    _given = 0

    def step(self) -> Iterator[Step]:
        for step in super().step():
            if step.piece is not None:
                while Path(os.environ["TTSFLOW_HEARD"]).stat().st_size < self._given:
                    time.sleep(0.005)
                self._given += 1
            yield step


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Patient]
