"""A backend that keeps every rule, of which the broken ones are made; and its workers in this process."""

from __future__ import annotations

import json
import textwrap
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ttsflow import (
    AudioPiece,
    Backend,
    ChunkJob,
    Device,
    JobRefused,
    PluginOptions,
    Profile,
    Step,
    TextTooLong,
    Voice,
)
from ttsflow.interface.policy import WorkerSpec
from ttsflow.registry import Plugin, Provider
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Died, Event, LoadFailed, Piece
from ttsflow.testing.backends import BackendSubject
from ttsflow.testing.backends.survey import survey_here
from ttsflow.workers.loop import JobLoop, one_line
from ttsflow.workers.progress import Progress
from ttsflow.workers.wire import (
    AudioHeader,
    Cancel,
    Close,
    Line,
    Loading,
    NotLoaded,
    Recipe,
    Start,
    receive_samples,
)

RATE = 2000  # Hz: what is spoken is only compared
CAP = 200


class Good(Backend):
    """A tone for each word, a word of each job in a step; other letters than Latin ones are refused."""

    name = "good"

    class Options(PluginOptions):
        pitch: float = Field(200.0, gt=0)
        threads: int = 1

    options: Options

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        return Profile(**cls.properties(options))

    @classmethod
    def properties(cls, options: PluginOptions) -> dict[str, Any]:
        """Of the profile."""
        return {
            "backend": cls.name, "sample_rate": RATE, "languages": ("en", "de"), "slots": 3,
            "slowdown": (1.0, 1.1, 1.2), "max_chars": {"*": CAP}, "rtf": 0.02, "chars_per_s": {"*": 15.0},
            "deterministic": True, "speeds": (0.5, 2.0),
        }  # fmt: skip

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        return [Voice("anna", ("en", "de")), Voice("ben", ("en",)), Voice("carl")]

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        assert isinstance(options, cls.Options)
        return json.dumps([cls.name, options.pitch])

    def load(self, device: Device, slots: int) -> None:
        self.left: dict[ChunkJob, list[str]] = {}

    def start(self, job: ChunkJob) -> None:
        if any(ord(letter) > 0x24F for letter in job.text if letter.isalpha()):
            raise JobRefused("it reads Latin letters only")
        if len(job.text) > CAP:
            raise TextTooLong(textwrap.wrap(job.text, CAP, break_on_hyphens=False))
        self.left[job] = job.text.split()

    def step(self) -> Iterable[Step]:
        for job in list(self.left):
            word = self.left[job].pop(0)
            done = not self.left[job]
            if done:
                del self.left[job]
            yield Step(job, piece=AudioPiece(self.sound(job, word), RATE), done=done)

    def cancel(self, job: ChunkJob) -> None:
        self.left.pop(job, None)

    def sound(self, job: ChunkJob, word: str) -> NDArray[np.float32]:
        """The samples of a word."""
        known = zlib.crc32(f"{job.seed}{job.voice}{self.options.pitch}".encode()) % 1000
        time = np.arange(round((len(word) + 1) * RATE / 15 / job.speed)) / RATE
        return (0.2 * np.sin(2 * np.pi * (100 + known / 5) * time)).astype(np.float32)


@dataclass(frozen=True)
class Here:
    """A recipe for a backend in this process."""

    cls: type[Backend]
    options: PluginOptions

    def build(self) -> Backend:
        return self.cls(self.options)


class LocalWorkers:
    """Workers (`ttsflow.runner.workers.Workers`) that are threads, with a worker's own loop and wire."""

    def __init__(self, recipe: Recipe, post: Callable[[Event | WorkerInfo], object]) -> None:
        self._recipe, self._post = recipe, post
        self._wires: dict[tuple[str, int], tuple[Connection, list[threading.Thread]]] = {}

    def __len__(self) -> int:
        return len(self._wires)

    def start(self, worker: str, generation: int, spec: WorkerSpec) -> None:
        ours, theirs = Pipe()
        ended: list[str] = []
        works = [
            threading.Thread(target=self._serve, args=(theirs, spec, ended)),
            threading.Thread(target=self._read, args=(ours, worker, generation, spec, ended)),
        ]
        self._wires[worker, generation] = ours, works
        for thread in works:
            thread.start()

    def _serve(self, wire: Connection, spec: WorkerSpec, ended: list[str]) -> None:
        with wire, told(ended):
            try:
                backend = self._recipe.build()
                with Progress(wire, backend):
                    backend.load(spec.device, spec.slots)
            except Exception as error:
                wire.send(NotLoaded(one_line(error), permanent=True))
                return
            wire.send(None)
            JobLoop(Line(wire), backend, backend.describe(backend.options).sample_rate).run()
            backend.close()

    def _read(
        self, wire: Connection, worker: str, generation: int, spec: WorkerSpec, ended: list[str]
    ) -> None:
        last: Event | None = None
        try:
            while True:
                match wire.recv():
                    case None:
                        self._post(WorkerInfo(worker, generation, spec.device.id, spec.slots, None, 0.0, 0))
                    case AudioHeader(token, number, rate, count):
                        audio = AudioPiece(receive_samples(wire, count), rate)
                        self._post(Piece(token, number, count / rate, audio))
                    case NotLoaded(why, permanent):
                        last = LoadFailed(worker, generation, why, permanent)
                    case Loading():
                        pass
                    case event:
                        self._post(event)
        except (EOFError, OSError):
            self._post(last or Died(worker, generation, "".join(ended) or "exit code 0"))

    def start_job(self, worker: str, generation: int, token: int, job: ChunkJob) -> None:
        self._send(worker, generation, Start(token, job))

    def cancel_job(self, worker: str, generation: int, token: int) -> None:
        self._send(worker, generation, Cancel(token))

    def kill(self, worker: str, generation: int) -> None:
        self._send(worker, generation, Close())

    def forget(self, worker: str, generation: int) -> None:
        wire, works = self._wires.pop((worker, generation))
        for thread in works:
            if thread is not threading.current_thread():
                thread.join()
        wire.close()

    def close(self) -> None:
        for worker, generation in self._wires:
            self._send(worker, generation, Close())

    kill_all = close

    def _send(self, worker: str, generation: int, message: object) -> None:
        if found := self._wires.get((worker, generation)):
            with suppress(OSError):  # it has ended, as its last event tells
                found[0].send(message)


@contextmanager
def told(ended: list[str]) -> Iterator[None]:
    """What ends a worker is said, as a process says it by its exit code."""
    try:
        yield
    except Exception as error:
        ended.append(f"exit code 1: {one_line(error)}")


def subject_of(cls: type[Backend], options: PluginOptions | None = None) -> BackendSubject:
    """What the rules look at, all of it in this process."""
    plugin = Plugin(cls.name, cls, Provider("package", "this test", cls.__module__))
    return BackendSubject(
        plugin,
        options or cls.Options(),
        make=LocalWorkers,
        look=lambda recipe, seed, within_s: survey_here(recipe.build),
        recipe_of=lambda plugin, options: Here(plugin.cls, options),
    )
