"""The data that is passed around: chunk jobs, audio pieces, and how each chunk ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Status = Literal["ok", "flagged", "pause", "failed"]

DoubtKind = Literal["engine", "length", "clipped", "silent"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason why audio may be wrong. Decisions depend on the kind; the text is for people.

    Kinds: "engine", the engine reported it itself (it reached its audio cap); "length", the length does
    not fit the text; "clipped" or "silent", the audio is clipped or silent throughout.
    """

    kind: DoubtKind
    text: str

    @property
    def severity(self) -> int:
        """How bad it is for a listener: a cut or long sentence is the least, then noise, then silence."""
        return {"engine": 1, "length": 1, "clipped": 2, "silent": 3}[self.kind]


@dataclass(frozen=True, slots=True)
class ChunkJob:
    """One chunk of a stream: a text that is spoken as one unit.

    `index` counts from 0 in its stream and never changes. `pause_s` is the silence after the chunk, in
    seconds. A job that is not `speakable` has nothing to speak ("***"): it becomes a pause and never
    reaches a backend. `voice` is a name that the backend knows. `references` replace it: the absolute
    paths of recordings of the voice, in the order given. Without both, the backend uses its default voice.
    `part` is empty for a whole chunk, and (n,), counted from 0, for a part of a chunk that was split after
    submission. `take` counts the seeds that were tried before. `speed` is the speaking speed; 1.0 is the
    engine's normal speed. `text` is what is spoken; `written` is what stands in the text, where a
    pronunciation makes that another. With `until_s` the silence after the chunk lasts until this time of the
    stream, in seconds, if that is not over: how long it is shows when the chunk is spoken, and `pause_s` is
    only what is usual.
    """

    stream: str
    index: int
    text: str
    language: str = "en"
    voice: str | None = None
    seed: int = 0
    pause_s: float = 0.0
    speakable: bool = True
    part: tuple[int, ...] = ()
    references: tuple[str, ...] = ()
    take: int = 0
    speed: float = 1.0
    written: str | None = None
    until_s: float | None = None

    def __str__(self) -> str:
        """For messages: "chunk 7 of 'main'"."""
        part = f"part {self.part[0] + 1} of " if self.part else ""
        return f"{part}chunk {self.index} of {self.stream!r}"

    @property
    def shown(self) -> str:
        """The words for a person: as they are written, not as they are spoken."""
        return self.text if self.written is None else self.written

    def retake(self) -> ChunkJob:
        """The same job with the next seed, because other audio may be better."""
        take = self.take + 1
        return replace(self, seed=derive_seed(self.seed, self.text, self.language, "", take), take=take)

    def split(self, texts: Iterable[str]) -> list[ChunkJob]:
        """The jobs of the parts of the chunk, one for each text, in order.

        The parts have no pause. Their seeds derive from the chunk's seed, which depends on the voice too.
        """
        return [
            replace(
                self,
                text=text,
                seed=derive_seed(self.seed, text, self.language, voice=""),
                pause_s=0.0,
                until_s=None,
                part=(number,),
                take=0,
                written=None,
            )
            for number, text in enumerate(texts)
        ]


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """Mono samples of one chunk: float32 in [-1, 1], shape (n,), at `sample_rate` Hz."""

    samples: NDArray[np.float32]
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one chunk ended, for the sink and the report.

    Times are seconds on the driver's clock; None if the chunk did not get so far. `audio_s` is the length
    of its audio in seconds, without the pause after it. For a chunk that failed, `sent_s` is how many
    seconds were already delivered to a listener. `why` says in words why a chunk failed or is flagged; for
    a flagged one, `doubts` are the same reasons as values. `take` counts the seeds that were tried before
    the delivered one.
    """

    job: ChunkJob
    status: Status
    worker: str | None = None
    device: str | None = None
    attempts: int = 0
    queued_s: float | None = None
    started_s: float | None = None
    first_audio_s: float | None = None
    finished_s: float | None = None
    audio_s: float = 0.0
    sent_s: float = 0.0
    why: str | None = None
    take: int = 0
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Counts of a stream's chunks. At its end, submitted = delivered + failed + not_reached."""

    submitted: int = 0
    delivered: int = 0
    failed: int = 0
    not_reached: int = 0

    def __add__(self, other: Account) -> Account:
        return Account(
            self.submitted + other.submitted,
            self.delivered + other.delivered,
            self.failed + other.failed,
            self.not_reached + other.not_reached,
        )

    @property
    def settled(self) -> bool:
        """Whether every submitted chunk is accounted for."""
        return self.submitted == self.delivered + self.failed + self.not_reached


def ending_at(job: ChunkJob, end_s: float) -> ChunkJob:
    """The job, whose audio ends at this time of its stream: its `pause_s` is the silence after it."""
    if job.until_s is None:
        return job
    return replace(job, pause_s=silence_after(end_s, job.pause_s, job.until_s), until_s=None)


def silence_after(end_s: float, pause_s: float, until_s: float | None) -> float:
    """Seconds of silence after audio that ends at a time: up to another time, if there is one, or a pause."""
    return pause_s if until_s is None else max(0.0, until_s - end_s)


def derive_seed(run_seed: int, text: str, language: str, voice: str, take: int = 0) -> int:
    """Random seed of one chunk: 63 bits from its content, never from its position.

    The index is left out on purpose, so that a paragraph that moves keeps its audio. `voice` is a name or
    the digests of the reference audio. `take` counts the takes that were rejected before.
    """
    content = "\0".join((str(run_seed), text, language, voice, str(take)))
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
