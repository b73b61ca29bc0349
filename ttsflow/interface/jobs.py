"""The data that travels: chunk jobs, audio pieces, and how each chunk ended."""

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
    """What makes audio doubtful: the kind of doubt decides, the text is for people.

    Kinds: the "engine" said so itself (it reached its audio cap), the "length" does not fit the text,
    the audio is "clipped" throughout, or "silent" throughout.
    """

    kind: DoubtKind
    text: str

    @property
    def severity(self) -> int:
        """How bad it is to listen to: a cut or long sentence, then noise, then nothing at all."""
        return {"engine": 1, "length": 1, "clipped": 2, "silent": 3}[self.kind]


@dataclass(frozen=True, slots=True)
class ChunkJob:
    """One chunk of a stream: text that is spoken in one go.

    `index` counts from 0 in its stream and never changes. `pause_s` is the silence, in seconds,
    that follows the chunk. A job that is not `speakable` has nothing to say ("***"): it becomes a
    pause and never reaches a backend. `voice` is a name that the backend knows; `references` are
    instead the absolute paths of recordings of the voice to speak with, in the order given. Neither
    is the backend's own default. `part` is empty for a whole chunk, and (n,), counted from 0, for a
    stretch of one that was split after submission. `take` counts the seeds that were tried before.
    `speed` is how fast to speak; 1.0 is the engine's normal speed.
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

    def __str__(self) -> str:
        """For messages: "chunk 7 of 'main'"."""
        part = f"part {self.part[0] + 1} of " if self.part else ""
        return f"{part}chunk {self.index} of {self.stream!r}"

    def retake(self) -> ChunkJob:
        """The same job with the next seed, for audio that may come out better."""
        take = self.take + 1
        return replace(self, seed=derive_seed(self.seed, self.text, self.language, "", take), take=take)

    def split(self, texts: Iterable[str]) -> list[ChunkJob]:
        """The jobs of the parts in which the chunk is to be spoken, in order.

        The pause stays with the chunk. Seeds derive from the chunk's, which stands for its voice too.
        """
        return [
            replace(
                self,
                text=text,
                seed=derive_seed(self.seed, text, self.language, voice=""),
                pause_s=0.0,
                part=(number,),
                take=0,
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

    Times are seconds on the driver's clock, None where the chunk never got that far. `audio_s` is
    the length of its audio in seconds, without the pause after it. `sent_s` is what a listener had
    already been given of a chunk that failed. `why` says in words why a chunk failed or is flagged; of a
    flagged one `doubts` say the same as values. `take` counts the seeds that were tried before the one
    that is heard.
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
    """What became of a stream's chunks: submitted = delivered + failed + not_reached, at its end."""

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


def derive_seed(run_seed: int, text: str, language: str, voice: str, take: int = 0) -> int:
    """Random seed of one chunk: 63 bits from its content, never from its place in the work.

    The index is left out on purpose: a paragraph that moves keeps its audio. `voice` stands for the
    voice's content (a name, or digests of the reference audio), `take` counts the audio that was
    refused before.
    """
    content = "\0".join((str(run_seed), text, language, voice, str(take)))
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
