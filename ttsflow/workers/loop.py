"""The main loop of a worker after its model is loaded: it speaks jobs until Close comes."""

from __future__ import annotations

import gc
import logging
import os
import traceback
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ttsflow.errors import PluginError, TtsflowError
from ttsflow.interface.backend import Backend, DeviceLost, JobRefused, Step, TextTooLong
from ttsflow.interface.jobs import ChunkJob, Doubt
from ttsflow.scheduler.messages import Cancelled, End, Failed, Finished, TooLong
from ttsflow.workers.checks import NO_AUDIO, AudioCheck, fault_in, fault_in_parts
from ttsflow.workers.edges import Edges, Samples
from ttsflow.workers.failures import kind_of
from ttsflow.workers.luggage import Luggage
from ttsflow.workers.wire import AudioHeader, Cancel, Carry, Close, Line, Start

logger = logging.getLogger(__name__)

LONGEST_WHY = 500
"""most characters of an error message that are passed on"""


@dataclass(slots=True)
class Attempt:
    """A job in a slot: the token of its events, its audio so far, and a doubt that its backend has named."""

    token: int
    pieces: int = 0
    flag: str | None = None
    edges: Edges | None = None
    check: AudioCheck = field(default_factory=AudioCheck)


class JobLoop:
    """Runs jobs on a loaded backend as the coordinator asks for them, and sends back their audio and results.

    `sample_rate` is the sample rate in the backend's profile, in Hz. With `trim`, silence at the edges of a
    chunk's audio is shortened before anybody hears of it.
    """

    def __init__(self, line: Line, backend: Backend, sample_rate: int, *, trim: bool = False) -> None:
        self._line = line
        self._backend = backend
        self._sample_rate = sample_rate
        self._trim = trim
        self._running: dict[ChunkJob, Attempt] = {}
        self._short_of_memory = False
        self._luggage = Luggage()

    def run(self) -> None:
        """Work until Close comes. Raises EOFError or OSError if the coordinator has ended."""
        while True:
            if self._short_of_memory:
                self._relieve()
            if self._running and not self._line.waiting():
                self._step()
                continue
            message = self._line.receive()
            if isinstance(message, Close):
                return
            self._obey(message)

    def _obey(self, message: Start | Cancel | Carry) -> None:
        if isinstance(message, Carry):
            self._luggage.take(message)
            return
        if isinstance(message, Start):
            self._start(message.token, message.job)
            return
        for job, attempt in self._running.items():
            if attempt.token == message.token:
                self._backend.cancel(job)
                self._end(job, Cancelled(message.token))
                return

    def _start(self, token: int, job: ChunkJob) -> None:
        try:
            job = self._luggage.readdress(job)
        except (JobRefused, OSError) as error:
            self._line.send(Failed(token, one_line(error), kind_of(error)))
            return
        self._running[job] = Attempt(token, edges=Edges(self._sample_rate) if self._trim else None)
        try:
            self._backend.start(job)
        except BaseException as error:  # any error of the backend here belongs to this job
            self._fail_alone(job, error)

    def _step(self) -> None:
        given = set(self._running)
        try:
            steps = self._steps()
            if strange := [step.job for step in steps if step.job not in given]:
                raise RuntimeError(f"the backend tells of a job that it was not given: {strange[0]}")
        except BaseException as error:  # by the contract of `step` this ends every job in the worker
            for job in given:
                self._fail(job, error)
            return
        for step in steps:
            if step.job in self._running:  # else an earlier step has already ended the job
                self._tell(step, self._running[step.job])

    def _steps(self) -> list[Step]:
        """What the backend has done now. Raises PluginError where it gives something else."""
        gave: object = self._backend.step()
        given = list(gave) if isinstance(gave, Iterable) else [gave]
        steps = [step for step in given if isinstance(step, Step)]
        if len(steps) < len(given):
            strange = next(step for step in given if not isinstance(step, Step))
            what = f"step gave {type(strange).__name__}, not Steps"
            raise PluginError(f"backend {self._backend.name!r}: {what}")
        return steps

    def _tell(self, step: Step, attempt: Attempt) -> None:
        if step.error is not None:
            self._fail_alone(step.job, step.error)
            return
        if step.parts:
            self._split(step.job, step.parts, late=step.piece is not None or attempt.pieces > 0)
            return
        if step.piece is not None:
            fault = fault_in(step.piece, self._sample_rate)
            if fault is not None:
                if not step.done:
                    self._backend.cancel(step.job)
                self._end(step.job, Failed(attempt.token, fault, "bad audio"))
                return
            samples = step.piece.samples
            self._send(samples if attempt.edges is None else attempt.edges.take(samples), attempt)
        attempt.flag = step.flag or attempt.flag
        if step.done:
            if attempt.edges is not None:
                self._send(attempt.edges.end(), attempt)
            self._end(step.job, _verdict(attempt))

    def _send(self, samples: Samples, attempt: Attempt) -> None:
        if samples.size:
            attempt.check.take(samples)
            header = AudioHeader(attempt.token, attempt.pieces, self._sample_rate, samples.size)
            self._line.send_audio(header, samples)
            attempt.pieces += 1

    def _split(self, job: ChunkJob, texts: Sequence[str], late: bool) -> None:
        token, fault = self._running[job].token, fault_in_parts(texts)
        if late:
            fault = "the backend found the text too long after it had made audio of it"
        if fault is None:
            self._end(job, TooLong(token, [str(text) for text in texts]))
        else:
            self._end(job, Failed(token, fault, "refused"))

    def _fail_alone(self, job: ChunkJob, error: BaseException) -> None:
        """Handle an error that concerns only this job."""
        if isinstance(error, TextTooLong):
            self._split(job, error.texts, late=self._running[job].pieces > 0)
        else:
            self._fail(job, error)

    def _fail(self, job: ChunkJob, error: BaseException) -> None:
        logger.error("%s [%s] failed", job.stream, job.index, exc_info=error)
        kind = kind_of(error)
        self._short_of_memory |= kind == "out of memory"
        self._end(job, Failed(self._running[job].token, one_line(error), kind))

    def _end(self, job: ChunkJob, answer: End) -> None:
        del self._running[job]
        self._line.send(answer)

    def _relieve(self) -> None:
        self._short_of_memory = False
        # The error may still exist in a reference cycle with the frames of its traceback, and these frames
        # hold memory of the backend.
        gc.collect()
        try:
            self._backend.relieve()
        except Exception:  # foreign code; if the backend no longer works, its next job will show it
            logger.exception("the backend could not give memory back")


def _verdict(attempt: Attempt) -> Finished | Failed:
    """The result event of a job that its backend has finished."""
    if not attempt.check.samples:
        return Failed(attempt.token, NO_AUDIO, "bad audio")
    own = Doubt("engine", attempt.flag) if attempt.flag else None
    doubts = tuple(doubt for doubt in (own, attempt.check.doubt()) if doubt is not None)
    return Finished(attempt.token, doubts, resident_bytes())


def resident_bytes() -> int:
    """Resident memory of this process in bytes, 0 if the system does not report it.

    GPU memory is not included: a process that leaks GPU memory gets an out-of-memory error.
    """
    with suppress(OSError):
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]  # see proc(5)
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0


def one_line(error: BaseException) -> str:
    """An error in one line: only its message if it is written for users, else also type, file and line."""
    message = " ".join(str(error).split())[:LONGEST_WHY]
    if isinstance(error, (TtsflowError, JobRefused, DeviceLost)) and message:
        return message
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text
