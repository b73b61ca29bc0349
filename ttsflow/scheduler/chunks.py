"""Streams, their chunks, and the parts of a chunk: what is known of each, and its stage."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean
from typing import Any, NamedTuple

from ttsflow.interface.jobs import Account, ChunkJob, Doubt, Outcome, Status
from ttsflow.scheduler.ready import Order, Share
from ttsflow.scheduler.verdicts import Ends
from ttsflow.scheduler.virtual_time import VirtualTime


class PartStage(Enum):
    """Where a part is on its way."""

    PENDING = "pending"  # becomes ready, or isolated, at the end of the turn
    READY = "ready"  # the policy may give it to a worker
    ISOLATED = "isolated"  # waits to run alone on a worker
    RUNNING = "running"
    WHOLE = "whole"  # all of its audio is there
    WITHDRAWN = "withdrawn"  # nobody wants it any more

    __hash__ = object.__hash__  # there is one of each; Enum's own hashes the name, in Python


class ChunkStage(Enum):
    """Where a chunk is on its way."""

    SPEAKING = "speaking"  # some part of it is not whole
    ENDED = "ended"  # its outcome is fixed, and its audio is in memory
    KEPT = "kept"  # its audio is in the store, and no longer in memory
    HANDED = "handed"  # the sink was given all of it, and has not answered
    DONE = "done"  # it is accounted for

    __hash__ = object.__hash__  # as above


PART_MOVES: Mapping[PartStage, tuple[PartStage, ...]] = {
    PartStage.PENDING: (PartStage.READY, PartStage.ISOLATED, PartStage.WHOLE, PartStage.WITHDRAWN),
    PartStage.READY: (PartStage.RUNNING, PartStage.WITHDRAWN),
    PartStage.ISOLATED: (PartStage.RUNNING, PartStage.WITHDRAWN),
    PartStage.RUNNING: (PartStage.PENDING, PartStage.WHOLE, PartStage.WITHDRAWN),
    PartStage.WHOLE: (PartStage.WITHDRAWN,),  # its chunk failed with another part
    PartStage.WITHDRAWN: (),
}
"""Every move that a part may make. From PENDING to WHOLE: an earlier take is heard after all."""

CHUNK_MOVES: Mapping[ChunkStage, tuple[ChunkStage, ...]] = {
    ChunkStage.SPEAKING: (ChunkStage.ENDED,),
    ChunkStage.ENDED: (ChunkStage.KEPT, ChunkStage.HANDED, ChunkStage.DONE),
    ChunkStage.KEPT: (ChunkStage.DONE,),
    ChunkStage.HANDED: (ChunkStage.DONE,),
    ChunkStage.DONE: (),
}
"""Every move that a chunk may make. ENDED to DONE: of a stored stream, it failed or has nothing to say."""

IN_MEMORY = (ChunkStage.SPEAKING, ChunkStage.ENDED, ChunkStage.HANDED)
"""the stages of a chunk whose audio is in memory, or will be: it takes room in its stream's window"""

HEARD: tuple[Status, ...] = ("ok", "flagged")


class Hearing:
    """What a listener has been given (`ttsflow.interface.policy.Listener`)."""

    __slots__ = ("since", "until")

    def __init__(self) -> None:
        self.since: float | None = None
        self.until = 0.0

    def given(self, audio_s: float, now: float) -> None:
        """More audio was delivered, or silence; it is heard at once, or behind what was delivered before."""
        if not audio_s:
            return
        if self.since is None:
            self.since = now
        self.until = max(self.until, now) + audio_s


@dataclass(slots=True, eq=False)
class Group(Share):
    """Streams that have one share of the work: those that are open.

    They take turns by a virtual time of their own.
    """

    name: str | None = None
    streams: set[Stream] = field(default_factory=set)
    time: VirtualTime = field(default_factory=VirtualTime)

    @property
    def waits(self) -> bool:
        """Whether a chunk of it was admitted and never started."""
        return any(stream.unstarted for stream in self.streams)

    @property
    def weight(self) -> float:
        """The mean of its streams: as one stream of theirs would have."""
        return fmean(stream.weight for stream in self.streams)


class Stream:
    """One listener or file. `chunks` are admitted and not done, `line` those not yet passed on."""

    def __init__(
        self, name: str, live: bool, weight: float, stored: bool, group: Group | None = None
    ) -> None:
        self.name, self.live, self.weight, self.stored = name, live, weight, stored
        self.group = group or Group()
        self.backlog: deque[ChunkJob] = deque()
        self.chunks: dict[int, Chunk] = {}
        self.line: deque[Chunk] = deque()
        self.to_commit: list[Chunk] = []
        self.unstarted: set[int] = set()  # admitted chunks that no worker was ever given
        self.in_memory = 0  # chunks whose stage is one of IN_MEMORY
        self.last_index = -1
        self.asked = 0  # jobs asked for with RequestJobs and not yet submitted
        self.complete = False  # the last job was submitted
        self.listener = Hearing() if live else None
        self.finish_tag = 0.0
        self.submitted = self.delivered = self.failed = 0
        self.ends = Ends()

    @property
    def head(self) -> Chunk | None:
        """The chunk that is passed on next."""
        return self.line[0] if self.line else None

    @property
    def has_work(self) -> bool:
        """Whether any submitted chunk still waits to be spoken."""
        return bool(self.backlog) or any(chunk.stage is ChunkStage.SPEAKING for chunk in self.chunks.values())

    @property
    def busy(self) -> bool:
        """Whether any chunk is on its way into the store or the sink."""
        return any(chunk.stage is ChunkStage.HANDED or chunk.needs_store for chunk in self.chunks.values())

    def account(self) -> Account:
        """What became of the submitted chunks so far."""
        not_reached = self.submitted - self.delivered - self.failed
        return Account(self.submitted, self.delivered, self.failed, not_reached)


class Audio:
    """What one attempt has made of a part: pieces in order, each with a checksum.

    `payloads` are those that were not passed on yet; `audio_s` is the length of all. Times are seconds on
    the driver's clock.
    """

    __slots__ = ("_lengths_s", "audio_s", "first_audio_s", "payloads", "started_s", "sums")

    def __init__(self, started_s: float | None = None) -> None:
        self.payloads: list[Any] = []
        self.sums: list[int] = []
        self._lengths_s: list[float] = []  # of all pieces
        self.audio_s = 0.0
        self.started_s = started_s
        self.first_audio_s: float | None = None

    def add(self, audio_s: float, payload: Any, checksum: int, now: float) -> None:
        """Another piece was made."""
        self.payloads.append(payload)
        self.sums.append(checksum)
        self._lengths_s.append(audio_s)
        self.audio_s += audio_s
        if self.first_audio_s is None:
            self.first_audio_s = now

    def skip(self, count: int) -> None:
        """The first `count` pieces were passed on, or the same from another attempt."""
        passed = len(self.sums) - len(self.payloads)
        del self.payloads[: max(0, count - passed)]

    def take(self) -> tuple[list[Any], float]:
        """What was not passed on yet, and its length in seconds."""
        payloads, self.payloads = self.payloads, []
        return payloads, sum(self._lengths_s[len(self.sums) - len(payloads) :])

    def agrees(self, sums: Sequence[int]) -> bool:
        """Whether it is the same as these pieces, as far as both go."""
        common = min(len(self.sums), len(sums))
        return list(sums[:common]) == self.sums[:common]


class Take(NamedTuple):
    """Audio in doubt; it is heard if no other take is better.

    `off` is how bad it is: its gravest doubt, how many there are, and how far its length is off (s).
    """

    job: ChunkJob
    audio: Audio
    doubts: tuple[Doubt, ...]
    off: tuple[int, int, float]


class Part:
    """What is spoken in one go: the whole chunk, or a stretch of one that was split.

    It is what is ready, runs, is tried again, and has audio. Two attempts at it may race: `audio` is that
    of the one that leads, which is heard. `heard` are the checksums of the pieces that a listener was given;
    an attempt after that, or beside it, must begin with the same.
    """

    __slots__ = (
        "attempts", "audio", "best", "chunk", "deaths", "doubted", "doubts", "expected_s", "failures",
        "heard", "isolate", "job", "order", "overruns", "sent_s", "stage", "tokens",
    )  # fmt: skip

    def __init__(self, chunk: Chunk, job: ChunkJob, order: Order) -> None:
        self.chunk, self.job, self.order = chunk, job, order
        self.stage = PartStage.PENDING
        self.tokens: set[int] = set()  # of the attempts that run, and that somebody waits for
        self.attempts = 0  # all that were started
        self.failures = 0  # those that count against the retries
        self.deaths = 0  # of workers that were speaking it
        self.isolate = False  # a worker may have died of it, or hung: it runs alone
        self.overruns = 0  # deadlines that it missed
        self.doubted = 0  # takes that were in doubt
        self.best: Take | None = None
        self.expected_s: float | None = None  # length of its audio; set with the first take
        self.audio = Audio()
        self.heard: Sequence[int] = ()
        self.sent_s = 0.0  # of its audio, passed on before the chunk was whole
        self.doubts: tuple[Doubt, ...] = ()  # about the audio that is heard

    def move(self, stage: PartStage) -> None:
        """Go on to a stage. Raises RuntimeError for a move that is none: a bug of the scheduler."""
        if stage not in PART_MOVES[self.stage]:
            raise RuntimeError(f"{self.job} cannot go from {self.stage.value} to {stage.value}")
        self.stage = stage

    @property
    def wanted(self) -> bool:
        """Whether it is still to be spoken."""
        return self.stage not in (PartStage.WHOLE, PartStage.WITHDRAWN)

    @property
    def is_stretch(self) -> bool:
        """Whether it is a stretch of a chunk that was split."""
        return bool(self.job.part)

    @property
    def raced(self) -> bool:
        """Whether another attempt at it runs, beside one that has ended."""
        return bool(self.tokens)

    @property
    def pieces(self) -> int:
        """Pieces of the attempt that leads, those that were heard before included."""
        return len(self.audio.sums)

    @property
    def last_chance(self) -> bool:
        """Whether all takes of its whole chunk were in doubt: the best of them is heard if this is, too."""
        return self.chunk.whole_take is not None

    def begin(self, token: int, now: float) -> Audio:
        """An attempt begins, alone or beside another one; gives what it will have made."""
        audio = Audio(now)
        if not self.tokens:
            self.move(PartStage.RUNNING)
            self.audio = audio
        self.tokens.add(token)
        self.attempts += 1
        return audio

    def receive(self, audio: Audio, audio_s: float, payload: Any, checksum: int, now: float) -> bool:
        """Take in the next piece of an attempt that runs; False if something else was heard there."""
        number = len(audio.sums)
        audio.add(audio_s, payload, checksum, now)
        if number >= len(self.heard):
            return True
        audio.skip(len(self.heard))
        return self.heard[number] == checksum

    def repeats(self, audio: Audio) -> bool:
        """Whether an attempt has said again, to the last piece, what was heard of it before."""
        return len(audio.sums) >= len(self.heard) and audio.agrees(self.heard)

    def follow(self, audio: Audio) -> None:
        """The attempt that made this audio leads from now on: it is heard from where the other was left."""
        audio.skip(len(self.heard))
        self.audio = audio

    def take_audio(self) -> tuple[list[Any], float]:
        """What was not delivered yet, and its length in seconds."""
        payloads, fresh_s = self.audio.take()
        self.sent_s += fresh_s
        if payloads:
            sums = self.audio.sums
            self.heard = sums if self.stage is PartStage.WHOLE else tuple(sums)
        return payloads, fresh_s

    def forget(self) -> None:
        """Drop what the attempt made."""
        self.audio = Audio(self.audio.started_s)

    def keep(self, doubts: tuple[Doubt, ...], expected_s: float) -> None:
        """Keep the attempt's doubtful audio, unless a better take is kept already.

        All takes are measured by what was expected at the first: the prediction learns from each.
        """
        if self.expected_s is None:
            self.expected_s = expected_s
        gravest = max(doubt.severity for doubt in doubts)
        off = (gravest, len(doubts), abs(self.audio.audio_s - self.expected_s))
        if self.best is None or off < self.best.off:
            self.best = Take(self.job, self.audio, doubts, off)

    def restore(self, take: Take) -> None:
        """Use this take."""
        self.job, self.audio = take.job, take.audio

    @property
    def label(self) -> str:
        """Which part of its chunk, in words; empty for the whole of it."""
        return f"part {self.job.part[0] + 1} of {len(self.chunk.parts)}" if self.is_stretch else ""


class Chunk:
    """One admitted chunk, until it is accounted for: its parts, and how it ended.

    It has one part, itself, until it is split. `order` is its place in the fair order of its group; its parts
    stand there one behind the other. `paid` is the tag of the group when it was first started, else infinite.
    """

    __slots__ = (
        "job", "order", "outcome", "paid", "parts", "queued_s", "stage", "stream", "tried_whole",
        "where", "whole_take",
    )  # fmt: skip

    def __init__(self, job: ChunkJob, stream: Stream, order: tuple[float, int], now: float) -> None:
        self.job, self.stream, self.order = job, stream, order
        self.paid = math.inf
        self.stage = ChunkStage.SPEAKING
        self.queued_s = now
        self.parts = [Part(self, job, (*order, 0))]
        self.tried_whole = 0  # attempts before it was split
        self.whole_take: Take | None = None  # heard if its parts come out no better
        self.where: tuple[str, str] | None = None  # worker and device of the last attempt
        self.outcome: Outcome | None = None
        stream.in_memory += 1

    def move(self, stage: ChunkStage) -> None:
        """Go on to a stage. Raises RuntimeError for a move that is none: a bug of the scheduler."""
        if stage not in CHUNK_MOVES[self.stage]:
            raise RuntimeError(f"{self.job} cannot go from {self.stage.value} to {stage.value}")
        self.stream.in_memory -= (self.stage in IN_MEMORY) - (stage in IN_MEMORY)
        self.stage = stage

    @property
    def needs_store(self) -> bool:
        """Whether its audio is still to be kept by the store of its stream."""
        heard = self.outcome is not None and self.outcome.status in HEARD
        return self.stream.stored and heard and self.stage is ChunkStage.ENDED

    @property
    def name(self) -> str:
        """For messages."""
        return str(self.job)

    def part_of(self, job: ChunkJob) -> Part:
        """The part that `job` speaks."""
        return self.parts[job.part[0] if job.part else 0]

    def split(self, texts: Sequence[str], isolate: bool, deaths: int) -> Sequence[Part]:
        """Speak `texts` in place of the whole; each part inherits deaths, and whether it runs alone."""
        [whole] = self.parts
        whole.move(PartStage.WITHDRAWN)
        self.tried_whole, self.whole_take = whole.attempts, whole.best
        jobs = self.job.split(texts)
        self.parts = [Part(self, job, (*self.order, number)) for number, job in enumerate(jobs)]
        for part in self.parts:
            part.isolate, part.deaths = isolate, deaths
        return self.parts

    def whole_but(self, part: Part) -> bool:
        """Whether nothing is missing but this part."""
        return all(each.stage is PartStage.WHOLE or each is part for each in self.parts)

    def join(self) -> Part:
        """Give up the parts: one whole part again, with the attempts of all of them counted."""
        whole = Part(self, self.job, (*self.order, 0))
        whole.attempts = self.tried_whole + sum(part.attempts for part in self.parts)
        self.tried_whole, self.parts = 0, [whole]
        return whole

    def finish(self, part: Part, doubts: tuple[Doubt, ...], now: float) -> None:
        """A part is whole; the chunk is with the last of them."""
        part.move(PartStage.WHOLE)
        part.doubts = doubts
        if not self.whole_but(part):
            return
        if len(self.parts) > 1:
            doubts = tuple(dict.fromkeys(doubt for each in self.parts for doubt in each.doubts))
        if doubts:
            self.end("flagged", now, "; ".join(doubt.text for doubt in doubts), doubts)
        else:
            self.end("ok", now)

    def end(self, status: Status, now: float, why: str | None = None, doubts: tuple[Doubt, ...] = ()) -> None:
        """Fix how the chunk ended."""
        self.move(ChunkStage.ENDED)
        attempts, audio_s, sent_s, take = self.tried_whole, 0.0, 0.0, 0
        started_s = first_audio_s = None
        for part in self.parts:
            if status == "failed":
                part.forget()
            attempts += part.attempts
            audio_s += part.audio.audio_s
            sent_s += part.sent_s
            take = max(take, part.job.take)
            started_s = _earlier(started_s, part.audio.started_s)
            first_audio_s = _earlier(first_audio_s, part.audio.first_audio_s)
        worker, device = self.where or (None, None)
        self.outcome = Outcome(
            self.job, status, worker, device, attempts, self.queued_s, started_s,
            first_audio_s, now, audio_s, sent_s, why, take, doubts,
        )  # fmt: skip

    def take_audio(self) -> tuple[list[Any], float]:
        """What may be heard now and was not delivered yet, and its length in seconds.

        Pieces of a part wait for the parts before it.
        """
        payloads: list[Any] = []
        audio_s = 0.0
        for part in self.parts:
            fresh, fresh_s = part.take_audio()
            payloads += fresh
            audio_s += fresh_s
            if part.stage is not PartStage.WHOLE:
                break
        return payloads, audio_s


def _earlier(one_s: float | None, other_s: float | None) -> float | None:
    return other_s if one_s is None or (other_s is not None and other_s < one_s) else one_s
