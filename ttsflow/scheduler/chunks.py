"""Chunks: what is known of one until its sink has written it, and the parts that it is spoken in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ttsflow.interface.jobs import ChunkJob, Doubt, Outcome, Status
from ttsflow.scheduler.ready import Order

if TYPE_CHECKING:
    from ttsflow.scheduler.streams import Stream


@dataclass(frozen=True, slots=True)
class Take:
    """Audio in doubt; it is heard if no other is better.

    `off` is how bad it is: its gravest doubt, how many there are, and how far its length is off (s).
    """

    job: ChunkJob
    payloads: list[Any]
    audio_s: float
    started_s: float | None
    first_audio_s: float | None
    doubts: tuple[Doubt, ...]
    off: tuple[int, int, float]


class Part:
    """What is spoken in one go: the whole chunk, or a stretch of one that was split.

    It is what is ready, runs, is tried again, and has audio. `heard` are the checksums of the pieces
    that a listener was given; an attempt after that must begin with the same.
    """

    __slots__ = (
        "attempts",
        "audio_s",
        "best",
        "chunk",
        "deaths",
        "doubts",
        "expected_s",
        "failures",
        "first_audio_s",
        "fresh_s",
        "heard",
        "job",
        "order",
        "overruns",
        "payloads",
        "refused",
        "sent_s",
        "started_s",
        "sums",
        "suspect",
        "token",
        "whole",
    )  # fmt: skip

    def __init__(self, chunk: Chunk, job: ChunkJob, order: Order) -> None:
        self.chunk, self.job, self.order = chunk, job, order
        self.token: int | None = None  # of the attempt that runs
        self.attempts = 0  # all that were started
        self.failures = 0  # those that count against the retries
        self.deaths = 0  # of workers that were speaking it
        self.suspect = False  # a worker may have died of it: it runs alone
        self.overruns = 0  # deadlines that it missed
        self.refused = 0  # takes that a check refused
        self.best: Take | None = None
        self.expected_s: float | None = None  # length of its audio; set with the first take
        self.started_s: float | None = None
        self.heard: list[int] = []
        self.sent_s = 0.0  # of its audio, passed on before the chunk was whole
        self.whole = False
        self.doubts: tuple[Doubt, ...] = ()  # about the audio that is heard
        self.forget()

    def forget(self) -> None:
        """Drop what an attempt made, before the next one."""
        self.payloads: list[Any] = []
        self.sums: list[int] = []  # of all pieces of the attempt
        self.fresh_s = 0.0  # length of the payloads
        self.audio_s = 0.0
        self.first_audio_s: float | None = None

    @property
    def pieces(self) -> int:
        """Pieces of the attempt that runs, those that were heard before included."""
        return len(self.sums)

    @property
    def repeats(self) -> bool:
        """Whether the attempt has said again, to the last piece, what was heard of one before."""
        return self.sums[: len(self.heard)] == self.heard

    def receive(self, audio_s: float, payload: Any, checksum: int, now: float) -> bool:
        """Take in the next piece of the attempt that runs; False if something else was heard there."""
        number = len(self.sums)
        self.sums.append(checksum)
        self.audio_s += audio_s
        if self.first_audio_s is None:
            self.first_audio_s = now
        if number < len(self.heard):
            return self.heard[number] == checksum
        self.payloads.append(payload)
        self.fresh_s += audio_s
        return True

    def take_audio(self) -> tuple[list[Any], float]:
        """What was not passed on yet, and its length in seconds."""
        payloads, fresh_s = self.payloads, self.fresh_s
        self.payloads, self.fresh_s = [], 0.0
        self.sent_s += fresh_s
        if payloads:
            self.heard = list(self.sums)
        return payloads, fresh_s

    def keep(self, doubts: tuple[Doubt, ...], expected_s: float) -> None:
        """Put the attempt's audio aside, in doubt, unless there is better.

        All takes are measured by what was expected at the first: the prediction learns from each.
        """
        if self.expected_s is None:
            self.expected_s = expected_s
        gravest = max(doubt.severity for doubt in doubts)
        off = (gravest, len(doubts), abs(self.audio_s - self.expected_s))
        if self.best is None or off < self.best.off:
            self.best = Take(
                self.job, self.payloads, self.audio_s, self.started_s, self.first_audio_s, doubts, off
            )

    def restore(self, take: Take) -> None:
        """Have this audio after all."""
        self.forget()
        self.job, self.payloads = take.job, take.payloads
        self.audio_s = self.fresh_s = take.audio_s
        self.started_s, self.first_audio_s = take.started_s, take.first_audio_s

    @property
    def label(self) -> str:
        """Which part of its chunk, in words; empty for the whole of it."""
        return f"part {self.job.part[0] + 1} of {len(self.chunk.parts)}" if self.job.part else ""


class Chunk:
    """One admitted chunk, until its sink has written it: its parts, and how it ended.

    It has one part, itself, until it is split. `order` is its place in the fair order; its parts stand
    there one behind the other. `held`: its audio is in memory, or will be.
    """

    __slots__ = (
        "committed", "handed", "held", "job", "order", "outcome", "parts", "queued_s", "stream",
        "tried_whole", "where", "whole_take",
    )  # fmt: skip

    def __init__(self, job: ChunkJob, stream: Stream, order: tuple[float, int], now: float) -> None:
        self.job, self.stream, self.order = job, stream, order
        self.queued_s = now
        self.parts = [Part(self, job, (*order, 0))]
        self.tried_whole = 0  # attempts before it was split
        self.whole_take: Take | None = None  # heard if its parts come out no better
        self.where: tuple[str, str] | None = None  # worker and device of the last attempt
        self.outcome: Outcome | None = None
        self.held, self.committed, self.handed = True, False, False

    @property
    def name(self) -> str:
        """For messages."""
        return str(self.job)

    def part_of(self, job: ChunkJob) -> Part:
        """The part that `job` speaks."""
        return self.parts[job.part[0] if job.part else 0]

    def split(self, texts: Sequence[str], suspect: bool, deaths: int) -> Sequence[Part]:
        """Have `texts` spoken instead of the whole; each part inherits so many deaths."""
        [whole] = self.parts
        self.tried_whole, self.whole_take = whole.attempts, whole.best
        jobs = self.job.split(texts)
        self.parts = [Part(self, job, (*self.order, number)) for number, job in enumerate(jobs)]
        for part in self.parts:
            part.suspect, part.deaths = suspect, deaths
        return self.parts

    def whole_but(self, part: Part) -> bool:
        """Whether nothing is missing but this part."""
        return all(each.whole or each is part for each in self.parts)

    def join(self) -> Part:
        """Give up its parts: the whole again, with all the attempts there were."""
        whole = Part(self, self.job, (*self.order, 0))
        whole.attempts = self.tried_whole + sum(part.attempts for part in self.parts)
        self.tried_whole, self.parts = 0, [whole]
        return whole

    def finish(self, part: Part, doubts: tuple[Doubt, ...], now: float) -> None:
        """A part is whole; the chunk is with the last of them."""
        part.whole, part.doubts = True, doubts
        if all(each.whole for each in self.parts):
            all_ = tuple(dict.fromkeys(doubt for each in self.parts for doubt in each.doubts))
            why = "; ".join(doubt.text for doubt in all_) or None
            self.end("flagged" if all_ else "ok", now, why, all_)

    def end(self, status: Status, now: float, why: str | None = None, doubts: tuple[Doubt, ...] = ()) -> None:
        """Fix how the chunk ended."""
        attempts, audio_s, sent_s, take = self.tried_whole, 0.0, 0.0, 0
        started_s = first_audio_s = None
        for part in self.parts:
            if status == "failed":
                part.forget()
            attempts += part.attempts
            audio_s += part.audio_s
            sent_s += part.sent_s
            take = max(take, part.job.take)
            started_s = _earlier(started_s, part.started_s)
            first_audio_s = _earlier(first_audio_s, part.first_audio_s)
        worker, device = self.where or (None, None)
        self.outcome = Outcome(
            self.job, status, worker, device, attempts, self.queued_s, started_s,
            first_audio_s, now, audio_s, sent_s, why, take, doubts,
        )  # fmt: skip

    def take_audio(self) -> tuple[list[Any], float]:
        """What may be heard now and was not passed on, and its length in seconds.

        Pieces of a part wait for the parts before it.
        """
        payloads: list[Any] = []
        audio_s = 0.0
        for part in self.parts:
            fresh, fresh_s = part.take_audio()
            payloads += fresh
            audio_s += fresh_s
            if not part.whole:
                break
        return payloads, audio_s


def _earlier(one_s: float | None, other_s: float | None) -> float | None:
    return other_s if one_s is None or (other_s is not None and other_s < one_s) else one_s
