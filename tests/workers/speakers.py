"""Backends for tests of worker processes. The text of a job says what happens: `verb argument ...`."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ttsflow.errors import BackendUnavailable
from ttsflow.interface.backend import Backend, JobRefused, Step, TextTooLong
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import AudioPiece, ChunkJob
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.profile import Profile

RATE = 8000

SPLITS: dict[str, Any] = {
    "none": [],
    "single": ["one"],
    "text": "one two",
    "blank": ["one", " "],
    "numbers": [1, 2],
}


KEPT: list[bytes] = []
"""memory that is never given back"""


def sound(index: int, pieces: int = 2, size: int = 100) -> np.ndarray:
    """What a chunk sounds like, all its pieces together."""
    return np.concatenate([piece_of(index, number, size) for number in range(pieces)])


def piece_of(index: int, number: int, size: int = 100) -> np.ndarray:
    return np.full(size, 0.25 + (index * 10 + number) / 1e6, np.float32)


def first_time(path: str) -> bool:
    """Whether this is the first call for `path`, in any process."""
    try:
        Path(path).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def perform(verb: str, args: list[str]) -> AudioPiece | None:
    """Do what the text says; gives a strange piece of audio where it says so."""
    match verb:
        case "sleep":
            time.sleep(float(args[0]))
        case "meet":  # until so many workers have been started
            while len(Path(args[0]).read_text().split()) < int(args[1]):
                time.sleep(0.01)
            time.sleep(0.1)
        case "print":
            for line in range(2000):
                print("a library says", line)
            os.write(1, b"raw bytes\n")
        case "kill" if first_time(args[0]):
            os.kill(os.getpid(), signal.SIGKILL)
        case "segfault" if first_time(args[0]):
            ctypes.string_at(0)
        case "exit" if first_time(args[0]):
            print("the last words", file=sys.stderr)
            os._exit(3)
        case "mend" if first_time(args[0]):
            raise ValueError("only\nonce")
        case "raise":
            raise ValueError("no such\nthing")
        case "refuse":
            raise JobRefused("this cannot be spoken")
        case "error":
            raise RuntimeError(" ".join(args))
        case "wrapped":
            raise ValueError("the library failed") from RuntimeError(" ".join(args))
        case "grow":
            KEPT.append(b"x" * int(args[0]))
        case "late":
            raise TextTooLong(["one", "two"])
        case "ask":
            input("do you agree? ")
        case "helper":  # with streams of its own, as a library would start one
            nothing = subprocess.DEVNULL
            helper = subprocess.Popen(["sleep", "600"], stdin=nothing, stdout=nothing, stderr=nothing)
            Path(args[0]).write_text(str(helper.pid))
        case "child":
            if os.fork() == 0:
                time.sleep(600)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)
        case "shape":
            return AudioPiece(np.zeros((2, 5), np.float32), RATE)
        case "dtype":
            return AudioPiece(np.zeros(5), RATE)
        case "list":
            return AudioPiece([0.0], RATE)  # type: ignore[arg-type]  # a mistake on purpose
        case "rate":
            return AudioPiece(np.zeros(5, np.float32), RATE + 1)
        case "nan":
            return AudioPiece(np.array([0.0, np.nan], np.float32), RATE)
        case "empty":
            return AudioPiece(np.zeros(0, np.float32), RATE)
    return None


def append(file: Path, line: str, after_s: float = 0.0) -> None:
    time.sleep(after_s)
    with file.open("a") as notes:
        print(line, file=notes)


class Speaker(Backend):
    """One slot; two pieces for each job, the text's deed done between them."""

    name = "speaker"

    class Options(PluginOptions):
        load: str = ""
        size: int = 100
        started: str = ""
        relieved: str = ""

    options: Options

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        return Profile("speaker", RATE, rtf=0.001)

    def load(self, device: Device, slots: int) -> None:
        if self.options.started:
            with Path(self.options.started).open("a") as pids:
                print(os.getpid(), file=pids, flush=True)
        match self.options.load:
            case "exit":
                print("cannot go on", file=sys.stderr)
                sys.exit(7)
            case "refuse":
                raise BackendUnavailable("the weights are not there; run `fetch weights`")
            case "raise":
                raise RuntimeError("CUDA is busy")
            case "import":
                import a_module_that_does_not_exist  # noqa: F401  # the import itself is the fault
            case "memory":
                raise BackendUnavailable("no model can be made") from RuntimeError("CUDA out of memory")
            case "broken":
                raise BackendUnavailable("no model can be made") from RuntimeError(
                    "CUDA error: unknown error"
                )
            case "hang":
                time.sleep(600)
            case "leave":  # as libraries do that clean up, or write on, at the end of their process
                notes = Path(self.options.started)
                atexit.register(append, notes, "at exit")
                threading.Thread(target=lambda: append(notes, "thread", after_s=0.3)).start()
            case "once" if first_time(f"{self.options.started} once"):
                raise RuntimeError("CUDA is busy")
            case "tell and hang":
                self.progress("waiting")
                time.sleep(600)
            case "tell":
                self.progress("reading\nthe weights")
                self.progress("x" * 1000)
            case "tell and raise":
                self.progress("looking for the weights")
                raise RuntimeError("CUDA is busy")
            case "chatter":  # on a thread that does not end with the loading
                threading.Thread(target=self._chatter, daemon=True).start()
                time.sleep(0.1)

    def _chatter(self) -> None:
        while True:
            self.progress("still loading")

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        verb, *args = job.text.split()
        if verb == "parts":
            raise TextTooLong(SPLITS.get(args[0], args))
        if verb == "nothing":
            yield AudioPiece(np.zeros(0, np.float32), RATE)
            return
        if verb == "constant":
            for value in args:
                yield AudioPiece(np.full(100, float(value), np.float32), RATE)
            return
        if verb == "memory":
            tensor = np.zeros(1000)
            self._tensor = weakref.ref(tensor)
            raise RuntimeError("CUDA out of memory. Tried to allocate 1.00 GiB")
        yield AudioPiece(piece_of(job.index, 0, self.options.size), RATE)
        strange = perform(verb, args)
        if strange is not None:
            yield strange
        yield AudioPiece(piece_of(job.index, 1, self.options.size), RATE)

    def relieve(self) -> None:
        with Path(self.options.relieved).open("a") as log:
            print("held" if self._tensor() is not None else "free", file=log)
        if self.options.load == "cannot relieve":
            raise RuntimeError("CUDA error: unspecified launch failure")

    _tensor: Callable[[], object] = staticmethod(lambda: None)


class Chorus(Speaker):
    """Any number of slots: each step gives one piece of every job in them. "collapse" makes it raise."""

    name = "chorus"

    def __init__(self, options: PluginOptions | None = None) -> None:
        super().__init__(options)
        self._given: dict[ChunkJob, int] = {}

    def start(self, job: ChunkJob) -> None:
        if job.text == "long at once":
            raise TextTooLong(["long", "at once"])
        if job.text == "memory at once":
            raise MemoryError
        self._given[job] = 0

    def step(self) -> Iterator[Step]:
        time.sleep(0.01)
        if collapse := [job.text for job in self._given if job.text.startswith("collapse")]:
            self._given.clear()
            raise RuntimeError(f"the model collapsed: {collapse[0].removeprefix('collapse')}")
        if any(job.text == "too long" for job in self._given):  # but which of them?
            self._given.clear()
            raise TextTooLong(["one", "two"])
        if any(job.text == "mistake" for job in self._given):
            yield Step(ChunkJob("nobody", 0, "?"), done=True)
        for job in list(self._given):
            number = self._given[job]
            if job.text.startswith("parts"):
                del self._given[job]
                audio = AudioPiece(piece_of(job.index, 0), RATE) if "audio" in job.text else None
                yield Step(job, audio, parts="one" if "text" in job.text else ("one", "two"))  # type: ignore[arg-type]  # a mistake on purpose
            elif job.text == "long" or number < 2:
                self._given[job] += 1
                loudness = 0 if "silent" in job.text else 1
                yield Step(job, AudioPiece(loudness * piece_of(job.index, number), RATE))
            else:
                del self._given[job]
                yield Step(job, done=True, flag="a doubt" if "doubt" in job.text else None)

    def cancel(self, job: ChunkJob) -> None:
        del self._given[job]


@dataclass(frozen=True)
class SpeakerRecipe:
    """Builds a Speaker, or a Chorus."""

    options: tuple[tuple[str, object], ...] = ()
    chorus: bool = False

    def build(self) -> Backend:
        kind = Chorus if self.chorus else Speaker
        return kind(kind.Options(**dict(self.options)))


@dataclass(frozen=True)
class BrokenRecipe:
    """Cannot be built."""

    def build(self) -> Backend:
        Speaker.Options(load=3)  # type: ignore[arg-type]  # a mistake on purpose
        raise AssertionError
