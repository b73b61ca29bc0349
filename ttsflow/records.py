"""What the watch has seen: the attempts at each chunk, as workers told of them, and what sinks were given."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ttsflow.jobs import ChunkJob
from ttsflow.policy import WorkerSpec

End = Literal["running", "ok", "flagged", "refused", "lost", "split"]
"""Of an attempt. Refused: another is no use; lost: another may follow; split: its parts follow."""


@dataclass
class Attempt:
    """The latest attempt at a part of a chunk, or at the whole; `tries` counts those that were to blame."""

    chunk: Chunk
    worker: str
    tries: int
    pieces: list[Any] = field(default_factory=list)
    heard: int = 0  # of the pieces, how many the sink has
    end: End = "running"
    cancelled: bool = False

    @property
    def whole(self) -> bool:
        return self.end in ("ok", "flagged")

    def finish(self, flagged: bool) -> None:
        """Its worker says that it is whole; without audio it is not."""
        if self.pieces:
            self.end = "flagged" if flagged else "ok"
        else:
            self.end = "lost"

    def split(self, texts: Sequence[str]) -> None:
        """Its worker wants these spoken instead: once only, and before there is audio."""
        if self.chunk.is_split or self.pieces:
            self.end = "refused"
        else:
            self.end = "split"
            self.chunk.split(texts, self.tries - 1)

    def failed_for_good(self, retries: int) -> bool:
        """Whether it failed and no other may follow."""
        return self.end == "refused" or (self.end == "lost" and (self.tries > retries or self.heard > 0))


@dataclass
class Chunk:
    """A chunk that was started: the jobs that speak it, itself or its parts, the latest attempt at each."""

    job: ChunkJob
    jobs: list[ChunkJob]
    tried: dict[tuple[int, ...], Attempt] = field(default_factory=dict)  # by part
    tried_whole: int = 0  # attempts that failed before it was split
    given_up: bool = False

    @property
    def attempts(self) -> Collection[Attempt]:
        """The latest at each part that was tried."""
        return self.tried.values()

    @property
    def is_split(self) -> bool:
        return bool(self.jobs[0].part)

    @property
    def whole(self) -> bool:
        return len(self.tried) == len(self.jobs) and all(attempt.whole for attempt in self.attempts)

    @property
    def tries(self) -> int:
        """Attempts that count, of all its parts."""
        return self.tried_whole + sum(attempt.tries for attempt in self.attempts)

    def split(self, texts: Sequence[str], tried_whole: int) -> None:
        self.jobs, self.tried, self.tried_whole = self.job.split(texts), {}, tried_whole

    def hear(self, payloads: Sequence[Any]) -> bool:
        """A sink was given these; whether they are what comes next, part by part and piece by piece."""
        left = list(payloads)
        tried = itertools.takewhile(lambda job: job.part in self.tried, self.jobs)
        for attempt in (self.tried[job.part] for job in tried):
            while left and attempt.heard < len(attempt.pieces) and left[0] is attempt.pieces[attempt.heard]:
                del left[0]
                attempt.heard += 1
            if not attempt.whole or attempt.heard < len(attempt.pieces):  # the parts behind it must wait
                break
        return not left


@dataclass
class Stream:
    """A stream, as far as its chunks have come."""

    submitted: int = 0
    handed: int = 0  # chunks handed to the sink or given up, in text order
    waiting: set[int] = field(default_factory=set)  # of those, the ones that the sink is not through with
    delivered: int = 0
    failed: int = 0
    chunks: dict[int, Chunk] = field(default_factory=dict)
    cancelled: bool = False
    done: bool = False


@dataclass
class Worker:
    """A living worker, and the tokens of the attempts that it has not answered."""

    generation: int
    spec: WorkerSpec
    ready: bool = False
    tokens: set[int] = field(default_factory=set)
