"""Streams: admission into a window, fair order, and delivery in text order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from ttsflow.interface.costs import Costs
from ttsflow.interface.jobs import Account, ChunkJob
from ttsflow.scheduler.chunks import Chunk
from ttsflow.scheduler.messages import ChunkFailed, Command, Commit, Deliver, RequestJobs, StreamFinished

SLOTS_AHEAD = 8
"""Window per slot. With 8 workers and heavy-tailed texts a window of 8 chunks cost 2.75 times the
makespan bound, 64 chunks 1.10 times."""


class Stream:
    """One listener or file. `chunks` are admitted and not yet written, `line` those not yet passed on."""

    def __init__(self, name: str, live: bool, weight: float, stored: bool) -> None:
        self.name, self.live, self.weight, self.stored = name, live, weight, stored
        self.backlog: deque[ChunkJob] = deque()
        self.chunks: dict[int, Chunk] = {}
        self.line: deque[Chunk] = deque()
        self.ended: list[Chunk] = []  # and not yet committed
        self.held = 0  # chunks whose audio is in memory, or will be
        self.last_index = -1
        self.asked = 0  # jobs asked for with RequestJobs and not yet submitted
        self.complete = False  # the last job was submitted
        self.finish_tag = 0.0
        self.submitted = self.delivered = self.failed = 0

    @property
    def head(self) -> Chunk | None:
        """The chunk that is passed on next."""
        return self.line[0] if self.line else None

    @property
    def has_work(self) -> bool:
        """Whether any submitted chunk still waits to be spoken."""
        return bool(self.backlog) or any(chunk.outcome is None for chunk in self.chunks.values())

    @property
    def busy(self) -> bool:
        """Whether any chunk is on its way into the store or the sink."""
        return any(
            chunk.handed or (self.stored and chunk.outcome is not None and not chunk.committed)
            for chunk in self.chunks.values()
        )

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

    def open(self, name: str, live: bool, weight: float, stored: bool) -> Stream:
        if name in self._open:
            raise ValueError(f"stream {name!r} is open already")
        stream = self._open[name] = Stream(name, live, weight, stored)
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
        for job in jobs:
            if job.index <= stream.last_index or job.stream != stream.name:
                raise ValueError(
                    f"stream {stream.name!r} expects a chunk after {stream.last_index}, "
                    f"got {job.stream!r} {job.index}"
                )
            stream.last_index = job.index
        stream.backlog.extend(jobs)
        stream.submitted += len(jobs)
        stream.asked = max(0, stream.asked - len(jobs))
        stream.complete = last

    def admit(self, stream: Stream, slots: int, now: float) -> Iterator[Chunk]:
        """Let jobs into the stream's window; gives those that want to be spoken."""
        window = self._window(slots)
        while stream.backlog and stream.held < window:
            job = stream.backlog.popleft()
            stamp = max(self._virtual_time, stream.finish_tag)
            chunk = stream.chunks[job.index] = Chunk(job, stream, (stamp, self._serial), now)
            self._serial += 1
            stream.line.append(chunk)
            stream.held += 1
            if job.speakable:
                stream.finish_tag = stamp + self._costs.cost(job) / stream.weight
                yield chunk
            else:
                chunk.end("pause", now)
                self.settled(chunk)

    def want(self, stream: Stream, slots: int) -> Iterator[Command]:
        """Ask for as many jobs as the window has room for."""
        if stream.complete:
            return
        room = self._window(slots) - stream.held - len(stream.backlog) - stream.asked
        if room > 0:
            stream.asked += room
            yield RequestJobs(stream.name, room)

    def _window(self, slots: int) -> int:
        """Chunks of one stream whose audio may be in memory; at least one, the head."""
        return max(self._look_ahead, SLOTS_AHEAD * slots // max(1, len(self._open)))

    def started(self, chunk: Chunk) -> None:
        self._virtual_time = max(self._virtual_time, chunk.order[0])

    def settled(self, chunk: Chunk) -> None:
        """A chunk, or a part of it, has ended."""
        stream = chunk.stream
        self.touch(stream)
        if stream.stored and chunk.outcome is not None:
            if chunk.outcome.status in ("ok", "flagged"):
                stream.ended.append(chunk)
            else:
                chunk.committed = True  # there is no audio to keep

    def commit(self, stream: Stream) -> Iterator[Command]:
        """Have what has ended put into the store, in whatever order it ended."""
        ended, stream.ended = stream.ended, []
        for chunk in ended:
            assert chunk.outcome is not None
            yield Commit(chunk.outcome, chunk.take_audio()[0])

    def committed(self, stream: Stream, index: int) -> None:
        """The store holds chunk `index`."""
        chunk = stream.chunks.get(index)
        if chunk is not None and chunk.outcome is not None and not chunk.committed:
            chunk.committed = True
            self._let_go(chunk)

    def advance(self, stream: Stream) -> Iterator[Command]:
        """Pass on, in text order, what is ready to be heard."""
        while (chunk := stream.head) is not None:
            outcome = chunk.outcome
            if outcome is None:
                if stream.live and (taken := chunk.take_audio())[0]:
                    yield Deliver(stream.name, chunk.job.index, *taken)
                return
            if stream.stored and not chunk.committed:
                return
            stream.line.popleft()
            if stream.stored:  # it has no sink that would answer
                del stream.chunks[chunk.job.index]
                self._let_go(chunk)
                stream.delivered += outcome.status != "failed"
            else:
                chunk.handed = True
            if outcome.status == "failed":
                stream.failed += 1
                yield ChunkFailed(outcome)
            elif stream.stored:
                yield Deliver(stream.name, chunk.job.index, (), outcome.audio_s, outcome)
            else:
                yield Deliver(stream.name, chunk.job.index, *chunk.take_audio(), outcome)
        if stream.complete and not stream.chunks and not stream.backlog:
            yield self._close(stream, None)

    def delivered(self, stream: Stream, index: int) -> None:
        """The sink is through with chunk `index`; answers that were never due are ignored."""
        chunk = stream.chunks.get(index)
        if chunk is not None and chunk.outcome is not None and chunk.handed:
            del stream.chunks[index]
            self._let_go(chunk)
            stream.delivered += chunk.outcome.status != "failed"

    def _let_go(self, chunk: Chunk) -> None:
        chunk.stream.held -= chunk.held
        chunk.held = False

    def cancel(self, stream: Stream, why: str) -> Iterator[Command]:
        """Close the stream at once; what was not written is counted as not reached."""
        yield self._close(stream, why)

    def _close(self, stream: Stream, why: str | None) -> Command:
        del self._open[stream.name]
        self._touched.pop(stream.name, None)
        return StreamFinished(stream.name, stream.account(), why)

    def names(self) -> Iterable[str]:
        return self._open.keys()
