"""The backend `sim`: a simulated TTS engine. It takes time, plays a tone, and fails on request.

It needs no model and no GPU. It serves demos, authors of policies, and tests of the rest of ttsflow.
"""

from __future__ import annotations

import hashlib
import json
import math
import textwrap
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

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
from ttsflow_plugins.sim.faults import (
    AT_CAP,
    LEAK_BYTES,
    LENGTHS,
    OF_SOUND,
    OF_THE_WHOLE,
    OUT_OF_MEMORY,
    SLOWER,
    Fault,
)
from ttsflow_plugins.sim.options import SimOptions
from ttsflow_plugins.sim.sound import spoilt, tone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAP_S = 0.02  # the longest sleep in one step; a new job or a cancellation waits at most this long
RESOLUTION_S = 1e-9  # work with less than this left counts as done: clocks are not finer
TYPICAL_CHARS = 100  # assumed length of a chunk, to convert a cost per chunk into an RTF

SPEEDS = (0.25, 4.0)

_HEARD = {"chars_per_s", "audio_s", "sample_rate", "tone", "too_long"}  # options that change the samples

DEVICE_KINDS = {"any": ("cuda", "mps", "cpu"), "cuda": ("cuda",), "cpu": ("cpu",)}


class Sim(Backend):
    """Makes a tone instead of speech, with the cost and the faults that its options ask for."""

    name = "sim"

    class Options(SimOptions):
        """The cost of the simulated engine, the resources that it claims, and its faults."""

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
            chars_per_s=TYPICAL_CHARS / options.audio_s if options.audio_s else {"*": options.chars_per_s},
            deterministic=True,
            speeds=SPEEDS,
        )

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """The options that change the samples. Costs, faults and the number of pieces do not count."""
        return json.dumps([cls.name, options.model_dump(mode="json", include=_HEARD)], sort_keys=True)

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        assert isinstance(options, cls.Options)
        return [Voice(name, description="a tone") for name in options.voices]

    def load(self, device: Device, slots: int) -> None:
        """Wait `load_s` seconds. Raises BackendUnavailable or RuntimeError if a fault asks for it."""
        self._jobs: list[_Running] = []
        self._slow = Costs(self.describe(self.options)).slow
        self._same_tone: NDArray[np.float32] | None = None
        self._broken: str | None = None
        self._leaked: list[bytes] = []
        time.sleep(self.options.load_s)
        for fault in self.options.faults:
            if fault.at == "load" and fault.strikes(self.options.state_dir):
                why = "sim does not load: a fault in its options says so"
                if error := fault.carry_out(BackendUnavailable, why):
                    raise error

    def start(self, job: ChunkJob) -> None:
        import numpy as np

        if self.options.too_long is not None and len(job.text) > self.options.too_long:
            raise TextTooLong(textwrap.wrap(job.text, self.options.too_long, break_on_hyphens=False))
        if self.options.memory_slots is not None and len(self._jobs) >= self.options.memory_slots:
            raise RuntimeError(OUT_OF_MEMORY)
        faults = [fault for fault in self.options.faults if fault.concerns(job)]
        later = [fault for fault in faults if fault.kind not in OF_SOUND + OF_THE_WHOLE]
        now = [fault for fault in faults if fault not in later and fault.strikes(self.options.state_dir)]
        kinds = {fault.kind for fault in now}
        audio_s = self._audio_s(job) * math.prod(LENGTHS.get(kind, 1.0) for kind in kinds)
        work_s = self._work_s(job, audio_s) * (SLOWER if "slow" in kinds else 1.0)
        count = self.options.pieces
        events = deque(
            (work_s * (number + 1) / count, Step(job, piece=self._piece(samples, number, now)))
            for number, samples in enumerate(np.array_split(self._audio(job, audio_s), count))
        )
        events.append((work_s, Step(job, done=True, flag=AT_CAP if "cap" in kinds else None)))
        self._jobs.append(_Running(job, events, later))

    def step(self) -> Iterable[Step]:
        """Work until the next piece or end is due, for 20 ms at most.

        While k jobs run, each of them advances at 1/s(k) of its speed alone.
        """
        if not self._jobs:
            return ()
        if self._broken is not None:
            self._break(self._broken)
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
        """The next step of a job: one piece, its end, or a fault.

        One step at a time, so that the pieces before a fault are delivered.
        """
        job = running.job
        for fault in running.faults:
            if fault.after != running.out or not fault.strikes(self.options.state_dir):
                continue
            if fault.kind == "leak":
                self._leaked.append(b"x" * LEAK_BYTES)
                continue
            why = f"sim does not speak chunk {job.index}: a fault in its options says so"
            error = fault.carry_out(JobRefused, why)
            if error is not None and fault.kind in ("assert", "lost"):
                self._break(str(error))
            if error is not None:
                running.events.clear()
                return Step(job, error=error)
        running.out += 1
        return running.events.popleft()[1]

    def _break(self, why: str) -> NoReturn:
        """Fail every job of this process from now on, as CUDA does after an assert or a lost GPU."""
        self._broken = why
        self._jobs.clear()
        raise RuntimeError(why)

    def _work_s(self, job: ChunkJob, audio_s: float) -> float:
        """Seconds of work that a job with `audio_s` seconds of audio takes, alone on its worker."""
        work_s = audio_s * self.options.rtf if self.options.chunk_s is None else self.options.chunk_s
        return work_s * (1.0 + self.options.jitter * (2.0 * _fraction(job, "cost") - 1.0))

    def _audio_s(self, job: ChunkJob) -> float:
        if self.options.audio_s is not None:
            return self.options.audio_s / job.speed
        return len(job.text) / self.options.chars_per_s / job.speed

    def _audio(self, job: ChunkJob, audio_s: float) -> NDArray[np.float32]:
        """The job's samples, float32, shape (n,)."""
        rate = self.options.sample_rate
        count = round(audio_s * rate)
        if self.options.tone:
            return tone(110.0 * 8.0 ** _fraction(job, "tone"), count, rate)
        if self._same_tone is None or self._same_tone.size < count:
            self._same_tone = tone(440.0, count, rate)
        return self._same_tone[:count]

    def _piece(self, samples: NDArray[np.float32], number: int, faults: Sequence[Fault]) -> AudioPiece:
        piece = AudioPiece(samples, self.options.sample_rate)
        for fault in faults:
            if fault.kind in OF_SOUND and fault.after <= number:
                piece = spoilt(piece, fault.kind)
        return piece


@dataclass(slots=True)
class _Running:
    """A job in a slot. `events` are its remaining steps, each with the seconds of work when it is due.

    `faults` are the faults that may happen between its pieces. `out` counts the pieces delivered.
    """

    job: ChunkJob
    events: deque[tuple[float, Step]]
    faults: list[Fault]
    worked_s: float = 0.0
    out: int = 0

    @property
    def to_do_s(self) -> float:
        """Seconds of work until the next step is due."""
        return self.events[0][0] - self.worked_s


def _fraction(job: ChunkJob, purpose: str) -> float:
    """A number in [0, 1) that depends only on the content of the job and on `purpose`."""
    content = "\0".join((purpose, job.text, str(job.seed), job.language, job.voice or ""))
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Sim]
