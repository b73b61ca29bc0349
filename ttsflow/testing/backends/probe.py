"""Looks at a backend from inside its worker: at what cannot be seen through the connection.

The worker speaks with a `Probe` instead of the backend. It passes everything on, notes what it sees in a
file, a line of JSON each, and does more at the end, as `Probe.close` tells.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ttsflow.interface.backend import Backend, Step
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.profile import Profile
from ttsflow.workers.wire import Recipe

RELIEVED = "relieved"
"""stream of a job in the middle of which the backend is to free memory"""

REMEMBERED = 100
"""pieces whose samples are looked at again after they were given"""


@dataclass(frozen=True, slots=True)
class ProbedRecipe:
    """A recipe whose backend a probe looks at; `again` are jobs for the backend after it was loaded anew."""

    recipe: Recipe
    notes: Path
    again: tuple[ChunkJob, ...] = ()

    def build(self) -> Backend:
        return Probe(self.recipe.build(), self.notes, self.again)  # type: ignore[return-value]  # it answers as one


class Probe:
    """Answers as the backend that it looks at."""

    def __init__(self, backend: Backend, notes: Path, again: tuple[ChunkJob, ...] = ()) -> None:
        self._backend, self._path, self._again = backend, notes, again
        self._given: list[tuple[str, int, Any, int]] = []
        self._counts: dict[ChunkJob, int] = {}
        self._where: tuple[Device, int] = (Device("cpu", "cpu"), 1)

    # ------------------------------------------------------------ what a worker asks for

    @property
    def options(self) -> PluginOptions:
        return self._backend.options

    @property
    def _listener(self) -> Callable[[str], None] | None:
        return self._backend._listener

    @_listener.setter
    def _listener(self, listener: Callable[[str], None] | None) -> None:
        self._backend._listener = None if listener is None else partial(self._hear, listener)

    def describe(self, options: PluginOptions) -> Profile:
        return self._backend.describe(options)

    def load(self, device: Device, slots: int) -> None:
        self._where = device, slots
        began = time.monotonic()
        self._backend.load(device, slots)
        self._note({"note": "loaded", "took_s": time.monotonic() - began})

    def start(self, job: ChunkJob) -> None:
        self._counts[job] = 0
        self._backend.start(job)
        if job.stream == RELIEVED:
            self._try("relieve", self._backend.relieve)
            self._try("relieve again", self._backend.relieve)

    def step(self) -> Iterable[Step]:
        for step in self._backend.step():
            self._look_again()
            if isinstance(step, Step):
                self._look(step)
            yield step

    def cancel(self, job: ChunkJob) -> None:
        self._backend.cancel(job)

    def relieve(self) -> None:
        self._backend.relieve()

    def close(self) -> None:
        """Close the backend, twice; load it once more, speak, and close it."""
        backend = self._backend
        self._look_again()
        if not self._try("close", backend.close):
            return
        self._try("close again", backend.close)
        if not self._try("load after close", lambda: backend.load(*self._where)):
            return
        for job in self._again:
            self._try("speak after load", partial(self._speak, job))
        self._try("close at the end", backend.close)

    # ------------------------------------------------------------ what is noted

    def _hear(self, listener: Callable[[str], None], what: str) -> None:
        self._note({"note": "progress", "what": str(what)})
        listener(what)

    def _look(self, step: Step) -> None:
        piece = step.piece
        if piece is None:
            return
        samples = getattr(piece, "samples", None)
        facts: dict[str, Any] = {
            "note": "piece",
            "job": step.job.stream,
            "number": self._counts.get(step.job, 0),
            "type": type(piece).__name__,
            "samples": type(samples).__name__,
            "dtype": str(getattr(samples, "dtype", None)),
            "shape": list(getattr(samples, "shape", ())),
            "rate": repr(getattr(piece, "sample_rate", None)),
            "rate_type": type(getattr(piece, "sample_rate", None)).__name__,
        }
        self._counts[step.job] = facts["number"] + 1
        if facts["samples"] == "ndarray" and samples is not None and samples.dtype.kind == "f":
            import numpy as np

            finite = samples[np.isfinite(samples)]
            facts["finite"] = bool(finite.size == samples.size)
            facts["peak"] = float(np.abs(finite).max()) if finite.size else 0.0
            facts["full"] = float(np.mean(np.abs(finite) >= 0.999)) if finite.size else 0.0
            facts["digest"] = _digest(samples)
            if len(self._given) < REMEMBERED:
                self._given.append((step.job.stream, facts["number"], samples, facts["digest"]))
        self._note(facts)

    def _look_again(self) -> None:
        """Whether what was given is still the same."""
        kept = []
        for given in self._given:
            job, number, samples, digest = given
            if _digest(samples) == digest:
                kept.append(given)
            else:
                self._note({"note": "changed", "job": job, "number": number})
        self._given = kept

    def _speak(self, job: ChunkJob) -> None:
        backend = self._backend
        backend.start(job)
        digests: list[int] = []
        while True:
            for step in backend.step():
                if step.error is not None:
                    raise step.error
                if step.piece is not None:
                    digests.append(_digest(step.piece.samples))
                if step.done or step.parts:
                    self._note({"note": "again", "job": job.stream, "digests": digests})
                    return

    def _try(self, what: str, do: Callable[[], object]) -> bool:
        """Do something and note what came of it: in the line before it, so that a crash is told too."""
        began = time.monotonic()
        self._note({"note": "began", "what": what})
        try:
            do()
        except (Exception, SystemExit) as error:  # foreign code may raise anything
            self._note({"note": "did", "what": what, "error": f"{type(error).__name__}: {error}"})
            return False
        self._note({"note": "did", "what": what, "error": None, "took_s": time.monotonic() - began})
        return True

    def _note(self, facts: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")


def _digest(samples: Any) -> int:
    import zlib

    return zlib.crc32(samples.tobytes())
