"""Streams: admission into a window, fair order, and delivery in text order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from ttsflow.costs import Costs
from ttsflow.jobs import Account, ChunkJob
from ttsflow.scheduler.chunks import Chunk
from ttsflow.scheduler.messages import Command, Deliver, GaveUp, StreamFinished, WantJobs

SLOTS_AHEAD = 8
"""Window per slot. With 8 workers and heavy-tailed texts a window of 8 chunks cost 2.75 times the
makespan bound, 64 chunks 1.10 times."""


class Stream:
    """One listener or file. `chunks` are admitted and not yet written; `head` is the next to pass on."""

    def __init__(self, name: str, live: bool, weight: float) -> None:
        self.name, self.live, self.weight = name, live, weight
        self.backlog: deque[ChunkJob] = deque()
        self.chunks: dict[int, Chunk] = {}
        self.head = 0
        self.asked = 0  # jobs asked for with WantJobs and not yet submitted
        self.complete = False  # the last job was submitted
        self.finish_tag = 0.0
        self.submitted = self.delivered = self.failed = 0

    @property
    def has_work(self) -> bool:
        """Whether any submitted chunk still waits to be spoken."""
        return bool(self.backlog) or any(chunk.outcome is None for chunk in self.chunks.values())

    def account(self) -> Account:
        not_reached = self.submitted - self.delivered - self.failed
        return Account(self.submitted, self.delivered, self.failed, not_reached)


class Streams:
    """All open streams.

    Fair order is start-time fair queueing (Goyal, Vin, Cheng 1996) on predicted cost: a chunk is
    stamped max(virtual time, finish tag of its stream's last chunk), the finish tag grows by
    cost / weight, and virtual time is the stamp of the chunk last started.
    """

    def __init__(self, look_ahead: int, costs: Costs) -> None:
        self._open: dict[str, Stream] = {}
        self._look_ahead = look_ahead
        self._costs = costs
        self._virtual_time = 0.0
        self._serial = 0
        self._touched: dict[str, Stream] = {}

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def get(self, name: str) -> Stream | None:
        return self._open.get(name)

    def open(self, name: str, live: bool, weight: float) -> Stream:
        if name in self._open:
            raise ValueError(f"stream {name!r} is open already")
        stream = self._open[name] = Stream(name, live, weight)
        return stream

    def touch(self, stream: Stream) -> None:
        """Something happened to a stream: in this turn it may admit, pass on, or end."""
        self._touched[stream.name] = stream

    def take_touched(self) -> Iterable[Stream]:
        """The streams that something happened to; they are looked after now."""
        touched, self._touched = self._touched, {}
        return touched.values()

    def submit(self, stream: Stream, jobs: Sequence[ChunkJob], last: bool) -> None:
        if stream.complete:
            raise ValueError(f"stream {stream.name!r} was complete already")
        for index, job in enumerate(jobs, start=stream.submitted):
            if job.index != index or job.stream != stream.name:
                raise ValueError(
                    f"stream {stream.name!r} expects chunk {index}, got {job.stream!r} {job.index}"
                )
        stream.backlog.extend(jobs)
        stream.submitted += len(jobs)
        stream.asked = max(0, stream.asked - len(jobs))
        stream.complete = last

    def admit(self, stream: Stream, slots: int, now: float) -> Iterator[Chunk]:
        """Let jobs into the stream's window; gives those that want to be spoken."""
        window = self._window(slots)
        while stream.backlog and len(stream.chunks) < window:
            job = stream.backlog.popleft()
            stamp = max(self._virtual_time, stream.finish_tag)
            chunk = stream.chunks[job.index] = Chunk(job, stream, (stamp, self._serial), now)
            self._serial += 1
            if job.speakable:
                stream.finish_tag = stamp + self._costs.cost(job) / stream.weight
                yield chunk
            else:
                chunk.end("pause", now)

    def want(self, stream: Stream, slots: int) -> Iterator[Command]:
        """Ask for as many jobs as the window has room for."""
        if stream.complete:
            return
        room = self._window(slots) - len(stream.chunks) - len(stream.backlog) - stream.asked
        if room > 0:
            stream.asked += room
            yield WantJobs(stream.name, room)

    def _window(self, slots: int) -> int:
        """Chunks of one stream that may be admitted and not yet written; at least one, the head."""
        return max(self._look_ahead, SLOTS_AHEAD * slots // max(1, len(self._open)))

    def started(self, chunk: Chunk) -> None:
        self._virtual_time = max(self._virtual_time, chunk.order[0])

    def advance(self, stream: Stream) -> Iterator[Command]:
        """Pass on, in text order, what is ready to be heard."""
        while (chunk := stream.chunks.get(stream.head)) is not None:
            outcome = chunk.outcome
            if outcome is None:
                if stream.live and (taken := chunk.take_audio())[0]:
                    yield Deliver(stream.name, stream.head, *taken)
                return
            if outcome.status == "failed":
                stream.failed += 1
                yield GaveUp(outcome)
            else:
                yield Deliver(stream.name, stream.head, *chunk.take_audio(), outcome)
            stream.head += 1
        if stream.complete and not stream.chunks and not stream.backlog:
            yield self._close(stream, None)

    def delivered(self, stream: Stream, index: int) -> None:
        """The sink is through with chunk `index`; answers that were never due are ignored."""
        chunk = stream.chunks.get(index)
        if chunk is not None and chunk.outcome is not None and index < stream.head:
            del stream.chunks[index]
            stream.delivered += chunk.outcome.status != "failed"

    def cancel(self, stream: Stream, why: str) -> Iterator[Command]:
        """Close the stream at once; what was not written is counted as not reached."""
        self._touched.pop(stream.name, None)
        yield self._close(stream, why)

    def _close(self, stream: Stream, why: str | None) -> Command:
        del self._open[stream.name]
        return StreamFinished(stream.name, stream.account(), why)

    def names(self) -> Iterable[str]:
        return self._open.keys()
