"""Vitals: which workers have shown a sign of life, and which have gone silent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ttsflow.scheduler.messages import Alive, Silent

SILENT_S = 3.0
"""A worker that shows no sign of life for so long is suspected; it should show one each second."""

AGAIN = 2.0
"""A worker that was silent and goes on may be silent for so many times as long: its engine holds the
interpreter's lock, or its machine is busy."""


@dataclass(slots=True)
class _Life:
    heard_s: float
    allowed_s: float = SILENT_S
    suspected: bool = False


class Vitals:
    """The signs of life of workers, by name and generation. Times are on the runner's clock.

    A worker that has never shown one is not expected to.
    """

    def __init__(self) -> None:
        self._lives: dict[tuple[str, int], _Life] = {}

    def heard(self, sign: Alive, now: float) -> Iterator[Alive]:
        """A worker shows a sign of life; it is passed on if the worker was suspected."""
        life = self._lives.setdefault((sign.worker, sign.generation), _Life(now))
        silent_s, life.heard_s = now - life.heard_s, now
        if life.suspected:
            life.suspected = False
            life.allowed_s = max(life.allowed_s, AGAIN * silent_s)
            yield sign

    def silent(self, now: float) -> Iterator[Silent]:
        """The workers that are suspected from now on."""
        for (worker, generation), life in self._lives.items():
            silent_s = now - life.heard_s
            if silent_s > life.allowed_s and not life.suspected:
                life.suspected = True
                yield Silent(worker, generation, silent_s)

    @property
    def suspected(self) -> list[tuple[str, int]]:
        """The workers that are silent, by name and generation."""
        return [name for name, life in self._lives.items() if life.suspected]

    def forget(self, worker: str, generation: int) -> None:
        """The worker is no more."""
        self._lives.pop((worker, generation), None)
