"""Verdicts: what the end of an attempt means for its chunk."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence

from ttsflow.interface.costs import Costs
from ttsflow.interface.jobs import Doubt
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.attempts import Attempt, Attempts
from ttsflow.scheduler.chunks import Chunk, Part
from ttsflow.scheduler.fleet import Fleet
from ttsflow.scheduler.lengths import Lengths
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams
from ttsflow.scheduler.workers import Worker
from ttsflow.text import halve

ANOTHER_TAKE = "is spoken again, with another seed"


class Verdicts:
    """Judges every attempt: its part is whole, is tried again, is spoken in parts itself, or has failed.

    What a worker reports counts against the part's retries; audio in doubt against its takes, and the
    best take is heard if none is good. What was running when a worker died is suspected, and only a
    part that another dies of, with nothing else running there, is convicted. A chunk fails with the
    first of its parts that does; nobody wants the others then. What a listener has heard cannot be
    taken back: a `deterministic` backend may say it again, any other's chunk ends there.
    """

    def __init__(
        self,
        attempts: Attempts,
        fleet: Fleet,
        streams: Streams,
        ready: ReadyQueue,
        costs: Costs,
        limits: Limits,
        deterministic: bool,
    ) -> None:
        self._attempts, self._fleet, self._streams, self._ready = attempts, fleet, streams, ready
        self._costs, self._limits, self._deterministic = costs, limits, deterministic
        self._lengths = Lengths()
        self._returned: list[Part] = []

    def wanted(self, part: Part) -> bool:
        """Whether a part is still to be spoken: its chunk may have ended, or its stream been cancelled."""
        chunk = part.chunk
        open_ = self._streams.get(chunk.job.stream) is chunk.stream
        return open_ and chunk.outcome is None and part in chunk.parts

    def take_returned(self) -> Iterator[Part]:
        """The parts that are to be made ready: again, or for the first time."""
        returned, self._returned = self._returned, []
        return filter(self.wanted, returned)

    def piece(self, event: msg.Piece, now: float) -> Iterator[msg.Command]:
        """A worker made audio."""
        attempt = self._attempts.get(event.token)
        if attempt is None or attempt.cancelled or event.number != attempt.part.pieces:
            return  # nobody waits for it, or it came twice
        part = attempt.part
        self._attempts.moved(attempt, now)
        if not part.receive(event.audio_s, event.payload, event.checksum, now):
            yield from self._give_up(part, "said again, it differs from what was heard of it", now)
        elif part.chunk.stream.live and part.chunk is part.chunk.stream.head:
            self._streams.touch(part.chunk.stream)

    def ended(self, attempt: Attempt, event: msg.End, now: float) -> Iterator[msg.Command]:
        """A worker is through with an attempt: its slot is free again."""
        self._attempts.end(attempt)
        if isinstance(event, msg.Failed) and event.kind == "out of memory":
            yield from self._out_of_memory(attempt, event.why, now)
            return
        if isinstance(event, msg.Finished):
            yield from self._fleet.proved(attempt.worker, event.memory_bytes)
        yield from self._fleet.freed_slot(attempt.worker)
        if not attempt.cancelled:
            yield from self._judge(attempt, event, now)

    def lost(self, worker: Worker, why: str, now: float, *, blame: bool) -> Iterator[msg.Command]:
        """A worker is gone, and what it was speaking. Without `blame` the parts are not suspected."""
        alone = self._attempts.on(worker) == 1
        for part in self._attempts.end_all(worker):
            if not self.wanted(part):
                continue
            part.deaths += blame
            part.suspect |= blame
            if blame and alone and part.deaths >= self._limits.deaths:
                yield from self._convict(part, why, now)
            else:
                yield from self._again(part, why, now)

    def overran(self, attempt: Attempt, why: str, now: float) -> Iterator[msg.Command]:
        """An attempt missed a deadline, for which its worker is killed.

        In company nobody knows which of them hangs: each is to run alone.
        """
        alone = self._attempts.on(attempt.worker) == 1
        self._costs.overran(attempt.job, now - attempt.started_s, attempt.worker.busy)
        attempt.part.overruns += 1
        for part in self._attempts.end_all(attempt.worker):
            part.suspect = True
            if alone:
                yield from self._failed(part, why, now)
            elif self.wanted(part):
                yield from self._again(part, why, now)

    def withdraw(self, chunk: Chunk, now: float) -> Iterator[msg.Command]:
        """Nobody wants what is still to be spoken of a chunk."""
        if chunk.outcome is not None:  # nothing is
            return
        for part in chunk.parts:
            if part.token is not None:
                yield self._attempts.cancel(part.token, now)
            else:
                self._ready.take(part.job)

    # ------------------------------------------------------------ one attempt

    def _judge(self, attempt: Attempt, event: msg.End, now: float) -> Iterable[msg.Command]:
        part = attempt.part
        if isinstance(event, msg.Finished):
            if not part.audio_s:
                return self._failed(part, "the backend made no audio", now, retake=True)
            return self._finished(attempt, event.doubts, now)
        if isinstance(event, msg.TooLong):
            return self._too_long(part, event.texts, now)
        if isinstance(event, msg.Cancelled):
            return self._failed(part, "the worker dropped it unasked", now)
        if event.kind == "refused":
            return self._give_up(part, event.why, now)
        return self._failed(part, event.why, now, retake=event.kind == "bad audio")

    def _finished(self, attempt: Attempt, found: tuple[Doubt, ...], now: float) -> Iterator[msg.Command]:
        part = attempt.part
        predicted_s, expected_s = self._costs.audio(part.job), self._lengths.expected_s(part.job)
        self._costs.observe(part.job, part.audio_s, now - attempt.started_s, attempt.worker.busy + 1)
        if not part.repeats:
            yield from self._give_up(part, "said again, it is shorter than what was heard of it", now)
            return
        length = self._length_doubt(part)
        doubts = found if length is None else (*found, length)
        self._lengths.observe(part.job, part.audio_s)
        if not doubts or part.sent_s:
            part.chunk.finish(part, doubts, now)
            self._streams.settled(part.chunk)
            return
        part.keep(doubts, predicted_s if expected_s is None else expected_s)
        yield from self._doubted(part, "; ".join(doubt.text for doubt in doubts), now)

    def _length_doubt(self, part: Part) -> Doubt | None:
        """What is implausible about the length of a part.

        With the last part of a chunk whose own takes were in doubt, it is all of them together: each may be
        too short to be judged.
        """
        chunk = part.chunk
        doubt = self._lengths.doubt(part.job, part.audio_s)
        if doubt is None and chunk.whole_take is not None and chunk.whole_but(part):
            doubt = self._lengths.doubt(chunk.job, sum(each.audio_s for each in chunk.parts))
        return doubt

    def _doubted(self, part: Part, doubt: str, now: float) -> Iterator[msg.Command]:
        part.refused += 1
        if part.chunk.whole_take is not None:
            yield from self._give_up(part, doubt, now)
        elif part.refused <= self._limits.takes:
            part.job = part.job.retake()
            yield from self._again(part, doubt, now, ANOTHER_TAKE)
        elif not self._limits.takes or not (yield from self._in_parts(part, doubt)):
            yield from self._give_up(part, doubt, now)

    def _too_long(self, part: Part, texts: Sequence[str], now: float) -> Iterator[msg.Command]:
        if part.job.part:  # one level only
            yield from self._give_up(part, "it is too long for the model as well", now)
        elif part.pieces or part.heard:
            why = "the backend found it too long for the model after it had made audio"
            yield from self._give_up(part, why, now)
        else:
            yield self._split(part, texts, "it is too long for the model")

    def _out_of_memory(self, attempt: Attempt, why: str, now: float) -> Iterator[msg.Command]:
        """Ask less of the device, and try again; where that is the least, with a fresh worker."""
        less = self._fleet.squeeze(attempt.worker, attempt.token, self._attempts.last_token)
        if less is None:
            yield from self._fleet.kill(attempt.worker, "out of memory")
            yield from self._failed(attempt.part, why, now)
        else:
            yield from less
            yield from self._fleet.freed_slot(attempt.worker)
            if self.wanted(attempt.part):
                yield from self._again(attempt.part, why, now)

    # ------------------------------------------------------------ one part

    def _failed(self, part: Part, why: str, now: float, *, retake: bool = False) -> Iterator[msg.Command]:
        """The part may be tried again, so many times; with another seed if it is to be a `retake`."""
        if not self.wanted(part):  # it had been cancelled
            return
        part.failures += 1
        if part.failures > self._limits.retries:
            yield from self._give_up(part, why, now)
            return
        if retake and not part.heard:
            part.job = part.job.retake()
        yield from self._again(part, why, now)

    def _again(
        self, part: Part, why: str, now: float, how: str = "failed and is tried again"
    ) -> Iterator[msg.Command]:
        """The part is tried again, unless some of it was heard that cannot be said again."""
        if part.heard and not self._deterministic:
            yield from self._give_up(part, why, now)
            return
        yield msg.Notice(f"{part.chunk.name} {how}: {_whose(part, why)}")
        part.forget()
        self._returned.append(part)

    def _convict(self, part: Part, why: str, now: float) -> Iterator[msg.Command]:
        """Its worker died of it: of all of it, or of a part."""
        if not (yield from self._in_parts(part, why)):
            yield from self._give_up(part, why, now)

    def _in_parts(self, part: Part, why: str) -> Generator[msg.Command, None, bool]:
        """Have a chunk spoken in parts, one of which may be what is wrong with it; whether it can be."""
        texts = [] if part.job.part or part.heard else halve(part.job.text, part.job.language)
        if texts:
            yield self._split(part, texts, why)
        return bool(texts)

    def _split(self, part: Part, texts: Sequence[str], why: str) -> msg.Command:
        """Have `texts` spoken instead of a whole chunk; what it was suspected of they are too."""
        deaths = min(part.deaths, self._limits.deaths - 1)
        self._returned += part.chunk.split(texts, part.suspect, deaths)
        return msg.Notice(f"{part.chunk.name} is spoken in {len(texts)} parts: {why}")

    def _give_up(self, part: Part, why: str, now: float) -> Iterator[msg.Command]:
        """The part will not come out right: the best take is heard, or else its chunk has failed."""
        chunk = part.chunk
        if chunk.whole_take is not None and not any(each.heard for each in chunk.parts):
            yield from self.withdraw(chunk, now)
            whole = chunk.join()
            whole.restore(chunk.whole_take)
            chunk.finish(whole, chunk.whole_take.doubts, now)
        elif part.best is not None and not part.heard:
            part.restore(part.best)
            chunk.finish(part, part.best.doubts, now)
        else:
            yield from self.withdraw(chunk, now)
            chunk.end("failed", now, _whose(part, why))
        self._streams.settled(chunk)


def _whose(part: Part, why: str) -> str:
    return f"{part.label}: {why}" if part.job.part else why
