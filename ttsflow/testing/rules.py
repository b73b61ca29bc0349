"""What may be tried of a chunk, and when it may be given up: the rules that the watch goes by."""

from __future__ import annotations

from collections.abc import Sequence

from ttsflow.interface.jobs import ChunkJob, Outcome
from ttsflow.scheduler.limits import Limits
from ttsflow.testing.records import Attempt, Chunk, Part


class InvariantBroken(AssertionError):
    """The scheduler did something that it promises never to do."""


def expect(holds: object, otherwise: str) -> None:
    """Raise InvariantBroken with `otherwise` unless it holds."""
    if not holds:
        raise InvariantBroken(otherwise)


class Rules:
    """Which attempts `limits` allow. Nothing is known here but what workers told and sinks were given."""

    def __init__(self, limits: Limits, repeatable: bool) -> None:
        self._limits, self._repeatable = limits, repeatable

    def check_race(self, job: ChunkJob, worker: str, part: Part, hedge: bool) -> None:
        """An attempt runs alone, or races one other, which runs elsewhere."""
        racing = part.racing
        if not hedge:
            expect(not racing, f"{job} runs twice at a time")
            return
        expect(self._limits.hedge != 0.0, f"{job} is hedged, which is switched off")
        expect(len(racing) == 1, f"{job} is hedged while {len(racing)} attempts at it run")
        expect(racing[0].job == job and racing[0].worker != worker, f"{job} is hedged by itself")
        expect(not part.deaths, f"{job} may have killed a worker and is hedged")

    def check_won(self, attempt: Attempt, part: Part) -> None:
        """An attempt that is whole ends the race, unless it differs from another one, or what was heard."""
        before = [heard for heard in attempt.chunk.heard if heard[0].job.part == attempt.job.part]
        repeats = all(attempt.agrees(other) and len(attempt.sums) >= said for other, said in before)
        for rival in part.racing:
            wins = rival.job == attempt.job and repeats and attempt.agrees(rival)
            expect(not wins, f"{attempt.job} is whole, and another attempt at it goes on")
            if rival.job == attempt.job:
                attempt.end = "set aside"
        was_heard = any(other is attempt for other, _ in before)  # so that no other can go on
        odd = self._repeatable and attempt.contradicts and attempt.end == "whole" and not was_heard
        expect(not odd, f"{attempt.job} differs from the first attempt, and wins")

    def check_try(self, job: ChunkJob, chunk: Chunk, part: Part) -> None:
        """Another attempt may be made."""
        last, limits = part.last, self._limits
        if last is None:
            base = self._base(job, chunk)
            expect(base is None or job == base, f"{job} is none of the jobs that its chunk is spoken by")
        else:
            expect(last.end != "split", f"{job} is spoken on after it was split")
            refused = last.end == "bad" or (last.end == "whole" and bool(limits.takes))
            expect(job in (last.job, *([last.job.retake()] if refused else [])), f"{job} has another seed")
            again = last.end != "whole" or job.take > last.job.take
            expect(again, f"{job} is spoken again after it was whole")
        expect(part.count("failed", "bad") <= limits.retries, f"{job} is tried too often")
        expect(part.count("whole") <= limits.takes, f"{job} has too many takes")
        convicted = part.deaths >= limits.deaths and last is not None and last.end == "died" and last.alone
        expect(not convicted, f"{job} is spoken again after it was convicted")
        expect(not self._has_failed(chunk), f"{job} started after its chunk failed")

    def check_company(self, job: ChunkJob, part: Part, others: Sequence[Attempt]) -> None:
        """What a worker may have died of runs alone; `others` run on the worker now."""
        expect(not (part.deaths and others), f"{job} may have killed a worker and is not alone")
        alone = not any(other.chunk.part(other.job.part).deaths for other in others)
        expect(alone, f"{job} is put beside what may have killed a worker")

    def check_told(self, outcome: Outcome, chunk: Chunk) -> None:
        """An outcome tells of its chunk, and of every attempt that was started."""
        expect(outcome.job == chunk.job, f"{chunk.job} is told as {outcome.job}")
        told, counted = outcome.attempts, len(list(chunk.attempts))
        expect(told == counted, f"{chunk.job} had {counted} attempts, and {told} are told")

    def _base(self, job: ChunkJob, chunk: Chunk) -> ChunkJob | None:
        """The job as it must be at first; None where only the scheduler knows how it split the text."""
        if not job.part:
            return chunk.job
        if chunk.texts is None:
            whole = chunk.parts[()]
            in_parts = whole.deaths >= self._limits.deaths or whole.count("whole") > self._limits.takes
            expect(in_parts, f"{job} is none of the jobs that its chunk is spoken by")
            return None
        jobs = chunk.job.split(chunk.texts)
        return jobs[job.part[0]] if job.part[0] < len(jobs) else chunk.job

    def _has_failed(self, chunk: Chunk) -> bool:
        """Whether the chunk cannot come right any more."""
        return any(self._spent(part) for part in chunk.parts.values()) and not any(
            attempt.end == "whole" and attempt.pieces for attempt in chunk.attempts
        )

    def _spent(self, part: Part) -> bool:
        """Whether a part has used up what it may, and no attempt at it goes on."""
        if part.racing:
            return False
        if part.count("refused") or part.count("failed", "bad") > self._limits.retries:
            return True
        last = part.last
        died = last is not None and last.end == "died" and last.alone and part.deaths >= self._limits.deaths
        return died and last is not None and bool(last.job.part)

    def is_out(self, part: Part) -> bool:
        """Whether a part may be given up: by what it did itself, never by what was beside it."""
        alone = [attempt.end for attempt in part.ended if attempt.alone]
        killer = part.deaths >= self._limits.deaths and "died" in alone
        tried = part.count("failed", "bad") + alone.count("cut off")
        return killer or tried > self._limits.retries or part.count("refused") > 0
