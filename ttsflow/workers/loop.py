"""What a worker does once its model is loaded: it speaks jobs until it is told to close."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from ttsflow.backend import Backend, JobRefused, Step, TextTooLong
from ttsflow.errors import TtsflowError, UsageError
from ttsflow.jobs import AudioPiece, ChunkJob
from ttsflow.scheduler.messages import Cancelled, End, Failed, FailureKind, Finished, TooLong
from ttsflow.workers.wire import Cancel, Close, Sound, Start

logger = logging.getLogger(__name__)

LONGEST_WHY = 500
"""characters of an error that are passed on"""


@dataclass(slots=True)
class Attempt:
    """A job in a slot: the token it answers under, its pieces so far, a doubt that its backend has named."""

    token: int
    pieces: int = 0
    flag: str | None = None


class JobLoop:
    """Runs a loaded backend's jobs as the coordinator asks for them, and sends back what they give.

    `sample_rate` is the one that the backend's profile promises, in Hz.
    """

    def __init__(self, wire: Connection, backend: Backend, sample_rate: int) -> None:
        self._wire = wire
        self._backend = backend
        self._sample_rate = sample_rate
        self._running: dict[ChunkJob, Attempt] = {}

    def run(self) -> None:
        """Work until Close comes. Raises EOFError or OSError where the coordinator is gone."""
        while True:
            while not self._running or self._wire.poll():
                message = self._wire.recv()
                if isinstance(message, Close):
                    return
                self._obey(message)
            self._step()

    def _obey(self, message: Start | Cancel) -> None:
        if isinstance(message, Start):
            self._running[message.job] = Attempt(message.token)
            try:
                self._backend.start(message.job)
            except Exception as error:  # whatever a backend raises here belongs to the job it was given
                self._fail_alone(message.job, error)
            return
        for job, attempt in self._running.items():
            if attempt.token == message.token:
                self._backend.cancel(job)
                self._end(job, Cancelled(message.token))
                return

    def _step(self) -> None:
        given = set(self._running)
        try:
            steps = list(self._backend.step())
            if strange := [step.job for step in steps if step.job not in given]:
                raise RuntimeError(f"the backend tells of a job that it was not given: {strange[0]}")
        except Exception as error:  # by its contract this ends every job in the worker, not the worker
            for job in given:
                self._fail(job, error)
            return
        for step in steps:
            if step.job in self._running:  # a job that failed a moment ago has nothing more to tell
                self._tell(step, self._running[step.job])

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
                self._end(step.job, Failed(attempt.token, fault))
                return
            self._send(step.piece, attempt)
        attempt.flag = step.flag or attempt.flag
        if step.done:
            self._end(step.job, Finished(attempt.token, attempt.flag))

    def _send(self, piece: AudioPiece, attempt: Attempt) -> None:
        if piece.samples.size:
            self._wire.send(Sound(attempt.token, attempt.pieces, piece.sample_rate))
            self._wire.send_bytes(np.ascontiguousarray(piece.samples).data)
            attempt.pieces += 1

    def _split(self, job: ChunkJob, texts: Sequence[str], late: bool) -> None:
        token, fault = self._running[job].token, fault_in_parts(texts)
        if late:
            fault = "the backend found the text too long after it had made audio of it"
        if fault is None:
            self._end(job, TooLong(token, [str(text) for text in texts]))
        else:
            self._end(job, Failed(token, fault, "refused"))

    def _fail_alone(self, job: ChunkJob, error: Exception) -> None:
        """The error is this job's own."""
        if isinstance(error, TextTooLong):
            self._split(job, error.texts, late=self._running[job].pieces > 0)
        else:
            self._fail(job, error)

    def _fail(self, job: ChunkJob, error: Exception) -> None:
        logger.error("%s [%s] failed", job.stream, job.index, exc_info=error)
        kind: FailureKind = "refused" if isinstance(error, (JobRefused, UsageError)) else "error"
        self._end(job, Failed(self._running[job].token, one_line(error), kind))

    def _end(self, job: ChunkJob, answer: End) -> None:
        del self._running[job]
        self._wire.send(answer)


def fault_in(piece: AudioPiece, sample_rate: int) -> str | None:
    """What is wrong with a piece; None where it is float32, shape (n,), finite, at `sample_rate` Hz."""
    if not isinstance(piece, AudioPiece):
        return f"the backend gave {type(piece).__name__}, not an AudioPiece"
    samples = piece.samples
    if not isinstance(samples, np.ndarray):
        return f"the backend gave {type(samples).__name__} as samples, not a numpy array"
    if samples.ndim != 1 or samples.dtype != np.float32:
        return f"the backend gave {samples.dtype} samples of shape {samples.shape}, not float32 of shape (n,)"
    if piece.sample_rate != sample_rate:
        return f"the backend gave audio at {piece.sample_rate} Hz, and its profile says {sample_rate} Hz"
    if not np.isfinite(samples).all():
        return "the backend gave audio that is not finite (NaN or infinity)"
    return None


def fault_in_parts(texts: Sequence[str]) -> str | None:
    """What is wrong with the texts of a split; None where they are two or more, each with something in it."""
    found = "the backend found the text too long"
    if not isinstance(texts, (tuple, list)):
        return f"{found} and gave {type(texts).__name__} for its parts, not a tuple of texts"
    if strange := [text for text in texts if not isinstance(text, str)]:
        return f"{found} and gave {type(strange[0]).__name__} for a part of it, not a text"
    if len(texts) < 2:
        return f"{found} and gave {len(texts) or 'no'} text for its parts; two are the least"
    if not all(text.strip() for text in texts):
        return f"{found} and gave an empty text for a part of it"
    return None


def one_line(error: BaseException) -> str:
    """An error in one line: its message where it speaks to a person, else with type, file and line too."""
    message = " ".join(str(error).split())[:LONGEST_WHY]
    if isinstance(error, (TtsflowError, JobRefused)) and message:
        return message
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text
