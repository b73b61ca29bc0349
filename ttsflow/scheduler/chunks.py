"""Chunks: what is known of one until its sink has written it, and the parts that it is spoken in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ttsflow.jobs import ChunkJob, Outcome, Status
from ttsflow.scheduler.ready import Order

if TYPE_CHECKING:
    from ttsflow.scheduler.streams import Stream


class Part:
    """What is spoken in one go: the whole chunk, or a stretch of one that is too long for the model.

    It is what is ready, runs, is tried again, and has audio.
    """

    __slots__ = (
        "attempts", "audio_s", "chunk", "first_audio_s", "flag", "job", "order", "payloads", "pieces",
        "sent_s", "started_s", "token", "whole",
    )  # fmt: skip

    def __init__(self, chunk: Chunk, job: ChunkJob, order: Order) -> None:
        self.chunk, self.job, self.order = chunk, job, order
        self.attempts = 0
        self.token: int | None = None  # of the attempt that runs
        self.started_s: float | None = None
        self.sent_s = 0.0  # of its audio, passed on before the chunk was whole
        self.whole = False
        self.flag: str | None = None
        self.forget()

    def forget(self) -> None:
        """Drop what an attempt made, before the next one."""
        self.payloads: list[Any] = []
        self.pieces = 0  # received, payloads that were passed on included
        self.audio_s = 0.0
        self.first_audio_s: float | None = None

    def receive(self, audio_s: float, payload: Any, now: float) -> None:
        """Take in the next piece of the attempt that runs."""
        if self.first_audio_s is None:
            self.first_audio_s = now
        self.pieces += 1
        self.audio_s += audio_s
        self.payloads.append(payload)

    @property
    def label(self) -> str:
        """Which part of its chunk, in words; empty for the whole of it."""
        return f"part {self.job.part[0] + 1} of {len(self.chunk.parts)}" if self.job.part else ""


class Chunk:
    """One admitted chunk, until its sink has written it: its parts, and how it ended.

    It has one part, itself, until that is found too long for the model. `order` is its place in the
    fair order; its parts stand there one behind the other.
    """

    __slots__ = ("job", "order", "outcome", "parts", "queued_s", "stream", "tried_whole", "where")

    def __init__(self, job: ChunkJob, stream: Stream, order: tuple[float, int], now: float) -> None:
        self.job, self.stream, self.order = job, stream, order
        self.queued_s = now
        self.parts = [Part(self, job, (*order, 0))]
        self.tried_whole = 0  # attempts that failed before it was split
        self.where: tuple[str, str] | None = None  # worker and device of the last attempt
        self.outcome: Outcome | None = None

    def part_of(self, job: ChunkJob) -> Part:
        """The part that `job` speaks."""
        return self.parts[job.part[0] if job.part else 0]

    def split(self, texts: Sequence[str]) -> Sequence[Part]:
        """Have `texts` spoken instead of the whole. The attempt that found it too long has not failed."""
        [whole] = self.parts
        self.tried_whole = whole.attempts - 1
        jobs = self.job.split(texts)
        self.parts = [Part(self, job, (*self.order, number)) for number, job in enumerate(jobs)]
        return self.parts

    def finish(self, part: Part, flag: str | None, now: float) -> None:
        """A part is whole; the chunk is with the last of them."""
        part.whole, part.flag = True, flag
        flags: list[str] = []
        for each in self.parts:
            if not each.whole:
                return
            if each.flag and each.flag not in flags:
                flags.append(each.flag)
        self.end("flagged" if flags else "ok", now, "; ".join(flags) or None)

    def end(self, status: Status, now: float, why: str | None = None) -> None:
        """Fix how the chunk ended."""
        attempts, audio_s, sent_s = self.tried_whole, 0.0, 0.0
        started_s = first_audio_s = None
        for part in self.parts:
            if status == "failed":
                part.forget()
            attempts += part.attempts
            audio_s += part.audio_s
            sent_s += part.sent_s
            started_s = _earlier(started_s, part.started_s)
            first_audio_s = _earlier(first_audio_s, part.first_audio_s)
        worker, device = self.where or (None, None)
        self.outcome = Outcome(
            self.job, status, worker, device, attempts, self.queued_s, started_s,
            first_audio_s, now, audio_s, sent_s, why,
        )  # fmt: skip

    def take_audio(self) -> tuple[list[Any], float]:
        """What may be heard now and was not passed on, and its length in seconds.

        Pieces of a part wait for the parts before it.
        """
        payloads: list[Any] = []
        audio_s = 0.0
        for part in self.parts:
            payloads += part.payloads
            audio_s += part.audio_s - part.sent_s
            part.payloads, part.sent_s = [], part.audio_s
            if not part.whole:
                break
        return payloads, audio_s


def _earlier(one_s: float | None, other_s: float | None) -> float | None:
    return other_s if one_s is None or (other_s is not None and other_s < one_s) else one_s
