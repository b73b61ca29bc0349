"""Verdicts: what the end of an attempt means for its chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ttsflow.costs import Costs
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.attempts import Attempt, Attempts
from ttsflow.scheduler.chunks import Chunk, Part
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams


class Verdicts:
    """Judges every attempt: its part is whole, is tried again, is spoken in parts itself, or has failed.

    A chunk fails with the first of its parts that does; nobody wants the others then. `retries` are a
    part's own; `cancel_s` is how long a worker may take to let go of a job that nobody wants, in seconds.
    """

    def __init__(
        self,
        attempts: Attempts,
        fleet: Fleet,
        streams: Streams,
        ready: ReadyQueue,
        costs: Costs,
        retries: int,
        cancel_s: float,
    ) -> None:
        self._attempts, self._fleet, self._streams, self._ready = attempts, fleet, streams, ready
        self._costs, self._retries, self._cancel_s = costs, retries, cancel_s
        self._returned: list[Part] = []

    def take_returned(self) -> Iterator[Part]:
        """The parts that are to be made ready: again, or for the first time."""
        returned, self._returned = self._returned, []
        for part in returned:
            chunk = part.chunk  # it may have failed meanwhile, or its stream been cancelled
            if chunk.outcome is None and self._streams.get(chunk.job.stream) is chunk.stream:
                yield part

    def piece(self, event: msg.Piece, now: float) -> None:
        """A worker made audio."""
        attempt = self._attempts.get(event.token)
        if attempt is None or attempt.cancelled:
            return
        part = attempt.part
        if event.number != part.pieces:  # it came twice
            return
        part.receive(event.audio_s, event.payload, now)
        chunk = part.chunk
        if chunk.stream.live and chunk.job.index == chunk.stream.head:
            self._streams.touch(chunk.stream)

    def ended(self, event: msg.End, now: float) -> Iterator[msg.Command]:
        """A worker is through with an attempt: its slot is free again."""
        attempt = self._attempts.end(event.token)
        if attempt is None:
            return
        yield from self._fleet.freed_slot(attempt.worker)
        if isinstance(event, msg.Finished):
            self._fleet.proved(attempt.worker)
        if not attempt.cancelled:
            yield from self._judge(attempt, event, now)

    def lost(self, worker: Worker, why: str, now: float, *, blame: bool) -> Iterator[msg.Command]:
        """A worker is gone, and what it was speaking. Without `blame` the attempts do not count."""
        for part in self._attempts.end_all(worker, blame=blame):
            yield from self._failed(part, why, now)

    def withdraw(self, chunk: Chunk, now: float) -> Iterator[msg.Command]:
        """Nobody wants what is still to be spoken of a chunk."""
        if chunk.outcome is not None:  # nothing is
            return
        for part in chunk.parts:
            if part.token is not None:
                yield self._attempts.cancel(part.token, now + self._cancel_s)
            else:
                self._ready.take(part.job)

    def _judge(self, attempt: Attempt, event: msg.End, now: float) -> Iterable[msg.Command]:
        part = attempt.part
        if isinstance(event, msg.TooLong):
            return self._too_long(part, event.texts, now)
        if isinstance(event, msg.Failed):
            return self._failed(part, event.why, now, permanent=event.kind == "refused")
        if isinstance(event, msg.Cancelled):
            return self._failed(part, "the worker dropped it unasked", now)
        if not part.audio_s:
            return self._failed(part, "the backend made no audio", now)
        self._costs.observe(part.job, part.audio_s, now - attempt.started_s, attempt.worker.busy + 1)
        part.chunk.finish(part, event.flag, now)
        self._streams.touch(part.chunk.stream)
        return ()

    def _too_long(self, part: Part, texts: Sequence[str], now: float) -> Iterator[msg.Command]:
        chunk = part.chunk
        if part.job.part:  # one level only
            yield from self._failed(part, "it is too long for the model as well", now, permanent=True)
        elif part.pieces:
            why = "the backend found it too long for the model after it had made audio"
            yield from self._failed(part, why, now, permanent=True)
        else:
            self._returned += chunk.split(texts)
            yield msg.Notice(
                f"{_name(chunk)} is too long for the model and is spoken in {len(chunk.parts)} parts"
            )

    def _failed(self, part: Part, why: str, now: float, *, permanent: bool = False) -> Iterator[msg.Command]:
        chunk = part.chunk
        if chunk.outcome is not None:  # another part of it failed on the same worker
            return
        if part.job.part:
            why = f"{part.label}: {why}"
        if not permanent and self._may_retry(part):
            yield msg.Notice(f"{_name(chunk)} failed and is tried again: {why}")
            part.forget()
            self._returned.append(part)
        else:
            yield from self.withdraw(chunk, now)
            chunk.end("failed", now, why)
            self._streams.touch(chunk.stream)

    def _may_retry(self, part: Part) -> bool:
        """Whether a part may run again. What a listener has heard cannot be taken back."""
        return part.attempts <= self._retries and not part.sent_s


def _name(chunk: Chunk) -> str:
    return f"chunk {chunk.job.index} of {chunk.job.stream!r}"
