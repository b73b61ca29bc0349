"""Backends that are the built-in ones, and note each chunk that a worker begins with.

A line in the file that TTSFLOW_NOTES names: the chunk's index, the worker's process, and the time on the
monotonic clock, which all processes of a machine share. It is written at once and survives its writer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from ttsflow import AudioPiece, Backend, ChunkJob, hookimpl
from ttsflow_plugins.espeak import Espeak
from ttsflow_plugins.sim import Sim


def note(job: ChunkJob) -> None:
    notes = os.open(os.environ["TTSFLOW_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(notes, f"{job.index} {os.getpid()} {time.monotonic()}\n".encode())
    finally:
        os.close(notes)


class NotedSim(Sim):
    """The stand-in, noted."""

    name = "noted-sim"

    def start(self, job: ChunkJob) -> None:
        note(job)
        super().start(job)


class NotedEspeak(Espeak):
    """eSpeak NG, noted."""

    name = "noted-espeak"

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        note(job)
        yield from super().synthesize(job)


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [NotedSim, NotedEspeak]
