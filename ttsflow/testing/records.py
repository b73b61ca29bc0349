"""What the watch has seen: the attempts at each chunk, as workers told of them, and what sinks were given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.scheduler.verdicts import Ends

End = Literal["running", "whole", "failed", "bad", "refused", "died", "cut off", "split", "set aside"]
"""Of an attempt. Failed: it told so itself. Bad: its audio was no good. Refused: another is no use. Died:
with its worker. Cut off: its worker was killed, or its device lost. Split: its parts follow. Set aside: it
failed, refused, asked for parts, or differed from another attempt, while that ran."""


@dataclass
class Attempt:
    """One attempt at a part of a chunk, or at the whole.

    `contradicts`: it is a hedge, and when it ended, the first attempt ran and had said something else.
    """

    chunk: Chunk
    job: ChunkJob
    worker: str
    hedge: bool = False
    pieces: list[Any] = field(default_factory=list)
    sums: list[int] = field(default_factory=list)
    end: End = "running"
    flagged: bool = False
    alone: bool = False  # on its worker when that ended
    cancelled: bool = False
    contradicts: bool = False

    def agrees(self, other: Attempt) -> bool:
        """Whether both said the same, as far as both have come."""
        common = min(len(self.sums), len(other.sums))
        return self.sums[:common] == other.sums[:common]


@dataclass
class Part:
    """All attempts at one part; `inherited` are deaths of the whole that it is a part of.

    `ended` are those of them that ended while somebody wanted them, in that order.
    """

    tries: list[Attempt] = field(default_factory=list)
    ended: list[Attempt] = field(default_factory=list)
    inherited: int = 0

    def count(self, *ends: End) -> int:
        return sum(attempt.end in ends for attempt in self.ended)

    @property
    def deaths(self) -> int:
        return self.inherited + self.count("died")

    @property
    def last(self) -> Attempt | None:
        """The one that ended last."""
        return self.ended[-1] if self.ended else None

    @property
    def racing(self) -> list[Attempt]:
        """The attempts that run, and that somebody wants."""
        return [attempt for attempt in self.tries if attempt.end == "running" and not attempt.cancelled]


@dataclass
class Chunk:
    """A chunk that was started: its parts, the whole being the part (); and what was heard of it.

    `texts` are those that a worker wants spoken instead of it. `heard` are the attempts whose pieces
    a sink, or the store, was given, and how many of each. `kept`: the store has said that it holds it.
    """

    job: ChunkJob
    parts: dict[tuple[int, ...], Part] = field(default_factory=lambda: {(): Part()})
    texts: list[str] | None = None
    heard: list[tuple[Attempt, int]] = field(default_factory=list)
    committed: bool = False
    kept: bool = False
    given_up: bool = False

    @property
    def attempts(self) -> Iterator[Attempt]:
        return (attempt for part in self.parts.values() for attempt in part.tries)

    def part(self, key: tuple[int, ...]) -> Part:
        if key not in self.parts:
            self.parts[key] = Part(inherited=self.parts[()].deaths)
        return self.parts[key]

    def hear(self, payloads: Sequence[Any]) -> bool:
        """These are given away; whether they are what comes next: part by part, piece by piece.

        Another attempt at a part may go on where one ended, if it had said the same until there.
        """
        return all(self._hear(payload) for payload in payloads)

    def _hear(self, payload: Any) -> bool:
        found = next((a for a in self.attempts if any(payload is piece for piece in a.pieces)), None)
        if found is None:
            return False
        number = next(at for at, piece in enumerate(found.pieces) if piece is payload)
        if not self.heard:
            self.heard.append((found, 1))
            return number == 0 and found.job.part in ((), (0,))
        before, said = self.heard[-1]
        if found.job.part == before.job.part:
            self.heard[-1] = (found, said + 1)
            return number == said and found.sums[:said] == before.sums[:said]
        self.heard.append((found, 1))
        follows = found.job.part == (before.job.part[0] + 1,) if before.job.part else False
        return number == 0 and follows and self._whole(before, said) is not None

    def _whole(self, heard: Attempt, said: int) -> Attempt | None:
        """The whole attempt that what was heard of `heard` is all of: itself, or one that said the same."""
        ended = self.parts[heard.job.part].ended
        same = (each for each in ended if each.end == "whole" and each.sums == heard.sums[:said])
        return next(same, None)

    def spoken(self) -> list[Attempt]:
        """The whole attempts that were given away, at the whole or at each part; none if anything lacks."""
        wholes = [whole for heard, said in self.heard if (whole := self._whole(heard, said)) is not None]
        return wholes if len(wholes) == len(self.heard) and self._is_all(wholes) else []

    def _is_all(self, wholes: Sequence[Attempt]) -> bool:
        """Whether nothing of the text lacks."""
        texts = [whole.job.text for whole in wholes]
        if self.texts is not None and self.heard[0][0].job.part:
            return texts == self.texts
        return _letters("".join(texts)) == _letters(self.job.text)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@dataclass
class Stream:
    """A stream, as far as its chunks have come."""

    stored: bool = False
    submitted: int = 0
    handed: int = 0  # chunks handed to the sink or given up, in text order
    waiting: set[int] = field(default_factory=set)  # of those, the ones that the sink is not through with
    held: set[int] = field(default_factory=set)  # chunks that were started and may be in memory
    delivered: int = 0
    failed: int = 0
    ends: Ends = field(default_factory=Ends)  # of chunks whose end was told
    chunks: dict[int, Chunk] = field(default_factory=dict)
    cancelled: bool = False
    gaps: bool = False  # of a store: chunks were left out, because it ends
    done: bool = False


@dataclass
class Worker:
    """A living worker, and the tokens of the attempts that it has not answered."""

    generation: int
    spec: WorkerSpec
    ready: bool = False
    tokens: set[int] = field(default_factory=set)
