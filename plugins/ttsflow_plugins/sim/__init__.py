"""A stand-in for a TTS engine: it takes time like one, speaks a tone, and fails on request.

It needs no model and no GPU. For demos, for authors of policies, and for tests of everything around
an engine.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ttsflow import (
    AudioPiece,
    Backend,
    BackendUnavailable,
    ChunkJob,
    Costs,
    Device,
    JobRefused,
    PluginOptions,
    Profile,
    Step,
    TextTooLong,
    Voice,
    hookimpl,
)
from ttsflow_plugins.sim.faults import Fault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAP_S = 0.02  # the longest sleep in one step: a new job or a cancellation waits no longer than this
RESOLUTION_S = 1e-9  # work that is nearer to its end than this is done: no clock is finer
TYPICAL_CHARS = 100  # of a chunk, for the first guess of the RTF where the cost is per chunk
FADE_S = 0.005  # at both ends of a tone, against clicks

_HEARD = {"chars_per_s", "audio_s", "sample_rate", "tone", "too_long"}  # options that change the samples

DEVICE_KINDS = {"any": ("cuda", "mps", "cpu"), "cuda": ("cuda",), "cpu": ("cpu",)}


class Sim(Backend):
    """Makes a tone instead of speech, at the cost and with the faults that its options ask for."""

    name = "sim"

    class Options(PluginOptions):
        """What the stand-in costs, what it claims to need, and what goes wrong."""

        rtf: NonNegativeFloat = Field(
            0.1, description="cost: seconds of work per second of audio, for a chunk alone on its worker"
        )
        chunk_s: NonNegativeFloat | None = Field(
            None, description="cost: seconds of work per chunk, whatever its length (instead of `rtf`)"
        )
        jitter: float = Field(
            0.0, ge=0, le=1, description="relative spread of the cost: 0.2 is 80 % to 120 %, by content"
        )
        load_s: NonNegativeFloat = Field(0.0, description="seconds that loading takes")
        slots: PositiveInt = Field(1, description="most chunks at a time in one worker")
        slowdown: tuple[PositiveFloat, ...] = Field(
            (1.0,),
            min_length=1,
            description="how many times slower each of 1, 2, 3 ... chunks at a time runs; beyond the "
            "table linear, so that (1.0,) gains nothing from slots",
        )
        device: Literal["any", "cpu", "cuda"] = Field(
            "any", description="the kind of device it needs; on a GPU too it works on the CPU only"
        )
        memory_bytes: NonNegativeInt = Field(0, description="device memory that a worker claims to take")
        slot_memory_bytes: NonNegativeInt = Field(0, description="the same for each slot, on top")
        chars_per_s: PositiveFloat = Field(15.0, description="characters in a second of audio")
        audio_s: PositiveFloat | None = Field(
            None, description="seconds of audio per chunk, whatever its text (instead of `chars_per_s`)"
        )
        sample_rate: PositiveInt = Field(24000, description="Hz")
        pieces: PositiveInt = Field(1, description="pieces in which a chunk's audio comes out")
        tone: bool = Field(
            True,
            description="a tone of its own for every chunk; false hands out one array again and again, "
            "for measuring what is around the engine",
        )
        max_chars: PositiveInt = Field(250, description="longest chunk, in characters")
        too_long: PositiveInt | None = Field(
            None,
            description="texts above this many characters are too long for its model and are spoken in parts",
        )
        languages: tuple[str, ...] | None = Field(None, description="language codes; unset is any")
        voices: tuple[str, ...] = Field((), description="names of voices")
        faults: tuple[Fault, ...] = Field((), description="what goes wrong")
        state_dir: Path | None = Field(
            None,
            description="folder where workers count the faults that have a number of `times`: a worker "
            "that dies takes its memory with it. Use a fresh one for each run",
        )

        @model_validator(mode="after")
        def _faults_can_happen(self) -> Self:
            for fault in self.faults:
                if fault.times is not None and self.state_dir is None:
                    raise ValueError("a fault with `times` needs `state_dir`, a folder to count in")
                if fault.after > self.pieces:
                    raise ValueError(f"a fault after {fault.after} pieces: `pieces` is {self.pieces}")
            return self

    options: Options

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        assert isinstance(options, cls.Options)
        typical_s = TYPICAL_CHARS / options.chars_per_s if options.audio_s is None else options.audio_s
        return Profile(
            backend=cls.name,
            sample_rate=options.sample_rate,
            device_kinds=DEVICE_KINDS[options.device],
            languages=options.languages,
            slots=options.slots,
            slowdown=options.slowdown,
            memory_bytes=options.memory_bytes,
            slot_memory_bytes=options.slot_memory_bytes,
            max_chars={"*": options.max_chars},
            rtf=options.rtf if options.chunk_s is None else options.chunk_s / typical_s,
            chars_per_s=options.chars_per_s if options.audio_s is None else TYPICAL_CHARS / options.audio_s,
            deterministic=True,
        )

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """What changes the tone; not what it costs, what goes wrong, and in how many pieces it comes."""
        return json.dumps([cls.name, options.model_dump(mode="json", include=_HEARD)], sort_keys=True)

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        assert isinstance(options, cls.Options)
        return [Voice(name, description="a tone") for name in options.voices]

    def load(self, device: Device, slots: int) -> None:
        """Take `load_s` seconds. Raises BackendUnavailable or RuntimeError where a fault says so."""
        self._jobs: list[_Running] = []
        self._slow = Costs(self.describe(self.options)).slow
        self._same_tone: NDArray[np.float32] | None = None
        time.sleep(self.options.load_s)
        for fault in self._faults_at("load"):
            if fault.strikes(self.options.state_dir):
                error = BackendUnavailable if fault.kind == "refuse" else RuntimeError
                raise fault.carry_out(error("sim does not load: a fault in its options says so"))

    def start(self, job: ChunkJob) -> None:
        import numpy as np

        if self.options.too_long is not None and len(job.text) > self.options.too_long:
            raise TextTooLong(textwrap.wrap(job.text, self.options.too_long, break_on_hyphens=False))
        work_s, count, rate = self._work_s(job), self.options.pieces, self.options.sample_rate
        events = deque(
            (work_s * (number + 1) / count, Step(job, piece=AudioPiece(samples, rate)))
            for number, samples in enumerate(np.array_split(self._audio(job), count))
        )
        events.append((work_s, Step(job, done=True)))
        self._jobs.append(_Running(job, events))

    def step(self) -> Iterable[Step]:
        """Work until something is due, 20 ms at most; k jobs at a time advance at 1/s(k) each."""
        if not self._jobs:
            return ()
        pace = 1.0 / self._slow(len(self._jobs))
        due_s = min(running.to_do_s for running in self._jobs) / pace
        if due_s > RESOLUTION_S:
            began = time.monotonic()
            time.sleep(min(due_s, NAP_S))
            worked_s = (time.monotonic() - began) * pace
            for running in self._jobs:
                running.worked_s += worked_s
        steps = [self._next(running) for running in self._jobs if running.to_do_s <= RESOLUTION_S]
        self._jobs = [running for running in self._jobs if running.events]
        return steps

    def cancel(self, job: ChunkJob) -> None:
        self._jobs = [running for running in self._jobs if running.job != job]

    def _next(self, running: _Running) -> Step:
        """What is due for a job; one thing at a time, so that pieces are out before a fault strikes."""
        for fault in self._faults_at(running.job.index):
            if fault.after == running.out and fault.strikes(self.options.state_dir):
                running.events.clear()
                error = JobRefused if fault.kind == "refuse" else RuntimeError
                why = f"sim does not speak chunk {running.job.index}: a fault in its options says so"
                return Step(running.job, error=fault.carry_out(error(why)))
        running.out += 1
        return running.events.popleft()[1]

    def _faults_at(self, place: int | Literal["load"]) -> Iterator[Fault]:
        return (fault for fault in self.options.faults if fault.at == place)

    def _work_s(self, job: ChunkJob) -> float:
        """Seconds of work for the job, alone on its worker."""
        work_s = self.options.chunk_s
        if work_s is None:
            work_s = self._audio_s(job) * self.options.rtf
        return work_s * (1.0 + self.options.jitter * (2.0 * _fraction(job, "cost") - 1.0))

    def _audio_s(self, job: ChunkJob) -> float:
        if self.options.audio_s is not None:
            return self.options.audio_s
        return len(job.text) / self.options.chars_per_s

    def _audio(self, job: ChunkJob) -> NDArray[np.float32]:
        """The job's samples, float32, shape (n,)."""
        rate = self.options.sample_rate
        count = round(self._audio_s(job) * rate)
        if self.options.tone:
            return _tone(110.0 * 8.0 ** _fraction(job, "tone"), count, rate)
        if self._same_tone is None or self._same_tone.size < count:
            self._same_tone = _tone(440.0, count, rate)
        return self._same_tone[:count]


@dataclass(slots=True)
class _Running:
    """A job in a slot: what is still to come out of it, each with the seconds of work it is due at."""

    job: ChunkJob
    events: deque[tuple[float, Step]]
    worked_s: float = 0.0
    out: int = 0

    @property
    def to_do_s(self) -> float:
        """Seconds of work until the next thing is due."""
        return self.events[0][0] - self.worked_s


def _fraction(job: ChunkJob, purpose: str) -> float:
    """A number in [0, 1) that depends on the content of the job alone."""
    content = "\0".join((purpose, job.text, str(job.seed), job.language, job.voice or ""))
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


def _tone(hz: float, count: int, sample_rate: int) -> NDArray[np.float32]:
    """`count` samples of a sine that fades in and out, float32, shape (count,)."""
    import numpy as np

    at_s = np.arange(count) / sample_rate
    fade = np.minimum(1.0, np.minimum(at_s, at_s[::-1]) / FADE_S)
    return (0.3 * fade * np.sin(2.0 * np.pi * hz * at_s)).astype(np.float32)


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Sim]
