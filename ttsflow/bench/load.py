"""Keeps a number of chunks at a time in workers, and records what each of them took."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ttsflow.bench.arms import Arm
from ttsflow.bench.crew import Crew
from ttsflow.bench.shelf import Shelf
from ttsflow.interface.jobs import AudioPiece, ChunkJob
from ttsflow.scheduler.messages import Cancelled, Died, Failed, Finished, Piece, TooLong


@dataclass(frozen=True, slots=True)
class Spoken:
    """One chunk that was spoken; `chunk` is its number among those of the measurement.

    `work_s` are the seconds from the end of the chunk before it in the same slot to its own end: so the
    coordinator's part is in it. `first_s` are those to its first piece, `audio_s` the length of its audio.
    """

    chunk: int
    work_s: float
    first_s: float
    audio_s: float


@dataclass(frozen=True, slots=True)
class Pass:
    """The chunks that were spoken while an arm was kept busy, and what its first worker took of the memory.

    `memory_bytes` is the most that its process had of the machine's memory, 0 where unknown.
    """

    spoken: tuple[Spoken, ...]
    memory_bytes: int = 0


class Trouble(Exception):
    """An arm could not be carried through.

    `chunk` is the number of the chunk at which it ended, `kind` the kind of the failure, or "died" or "late".
    """

    def __init__(self, why: str, kind: str, chunk: int) -> None:
        super().__init__(why)
        self.why, self.kind, self.chunk = why, kind, chunk


@dataclass(slots=True)
class _Running:
    number: int
    chunk: int
    job: ChunkJob
    seat: int
    began: float
    first: float | None = None
    pieces: list[AudioPiece] = field(default_factory=list)
    audio_s: float = 0.0


@dataclass(slots=True)
class Load:
    """Gives the chunks `jobs` to the workers of a crew, and keeps what they speak on a shelf."""

    crew: Crew
    jobs: Sequence[ChunkJob]
    shelf: Shelf
    _tokens: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def keep(
        self, arm: Arm, order: Sequence[int], count: int, limit_s: float, *, refill: bool = True
    ) -> Pass:
        """Speak `count` chunks, with every slot of the arm busy until the last of them is done.

        The chunks come in this `order`, again and again. What was started only to keep the slots busy is
        cancelled and not recorded; without `refill` nothing is. Raises Trouble for a chunk that fails, a
        worker that dies, and after `limit_s` seconds, when no chunk is in work any more; and OutOfTime.
        """
        return _Keeping(self, arm, order, count, limit_s, refill).run()

    def token(self) -> int:
        """A number for a job that no job had before."""
        return next(self._tokens)


class _Keeping:
    """One call of `Load.keep`."""

    def __init__(
        self, load: Load, arm: Arm, order: Sequence[int], count: int, limit_s: float, refill: bool
    ) -> None:
        self._load, self._crew, self._arm = load, load.crew, arm
        self._order = itertools.cycle(order)
        self._count, self._refill = count, refill
        self._until = time.monotonic() + limit_s
        self._numbers = itertools.count()
        self._running: dict[int, _Running] = {}
        self._spoken: list[Spoken] = []
        self._memory_bytes = 0

    def run(self) -> Pass:
        began = time.monotonic()
        for _ in range(self._arm.slots):
            for seat in range(self._arm.workers):
                self._start(seat, began)
        try:
            while len(self._spoken) < self._count:
                self._take()
        except Trouble:
            self._clear()
            raise
        self._clear()
        return Pass(tuple(self._spoken), self._memory_bytes)

    def _start(self, seat: int, began: float) -> None:
        number = next(self._numbers)
        if number >= self._count and not self._refill:
            return
        chunk, token = next(self._order), self._load.token()
        # Two equal jobs would be one for the worker, so each has an index of its own.
        job = replace(self._load.jobs[chunk], index=token)
        self._running[token] = _Running(number, chunk, job, seat, began)
        self._crew.start_job(seat, token, job)

    def _take(self) -> None:
        taken = self._crew.take(self._until)
        if taken is None:
            raise self._late()
        now, event = taken
        match event:
            case Piece(token, _, audio_s, piece) if token in self._running:
                running = self._running[token]
                running.pieces.append(piece)
                running.first = now if running.first is None else running.first
                running.audio_s += audio_s
            case Finished(token, _, memory_bytes) if token in self._running:
                running = self._running.pop(token)
                self._load.shelf.keep(running.job, running.pieces)
                if running.seat == 0:
                    self._memory_bytes = max(self._memory_bytes, memory_bytes)
                if running.number < self._count:
                    self._spoken.append(_spoken(running, now))
                self._start(running.seat, now)
            case Failed(token, why, kind) if token in self._running:
                raise Trouble(why, kind, self._running.pop(token).chunk)
            case TooLong(token) if token in self._running:
                raise Trouble("its text is too long for the model", "refused", self._running.pop(token).chunk)
            case Died(worker, _, why):
                raise self._died(int(worker), why)

    def _clear(self) -> None:
        """Stop what is still in work, and wait until nothing is."""
        for token, running in self._running.items():
            self._crew.cancel_job(running.seat, token)
        while self._running:
            taken = self._crew.take(self._until)
            if taken is None:
                self._late()
                return
            match taken[1]:
                case Finished(token) | Failed(token) | TooLong(token) | Cancelled(token):
                    self._running.pop(token, None)
                case Died(worker, _, why):
                    self._died(int(worker), why)

    def _late(self) -> Trouble:
        """Nothing more can be expected of the workers that still have something in work: end them."""
        chunk = next(iter(self._running.values())).chunk
        for seat in {running.seat for running in self._running.values()}:
            self._crew.kill(seat)
        self._running.clear()
        return Trouble("a chunk took more than ten times as long as was to be expected", "late", chunk)

    def _died(self, seat: int, why: str) -> Trouble:
        lost = [token for token, running in self._running.items() if running.seat == seat]
        chunk = self._running[lost[0]].chunk if lost else 0
        for token in lost:
            del self._running[token]
        return Trouble(f"the worker has died: {why}", "died", chunk)


def _spoken(running: _Running, now: float) -> Spoken:
    first = now if running.first is None else running.first
    return Spoken(running.chunk, now - running.began, first - running.began, running.audio_s)
