"""Streams: admission into a window, fair order, and delivery in text order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ttsflow.errors import RunError
from ttsflow.interface.costs import Costs
from ttsflow.interface.jobs import ChunkJob, Outcome
from ttsflow.scheduler.chunks import HEARD, Chunk, ChunkStage, Group, Stream
from ttsflow.scheduler.messages import ChunkFailed, Command, Commit, Deliver, RequestJobs, StreamFinished
from ttsflow.scheduler.ready import Claim
from ttsflow.scheduler.virtual_time import VirtualTime

SLOTS_AHEAD = 8
"""Window per slot. With 8 workers and heavy-tailed texts a window of 8 chunks cost 2.75 times the
makespan bound, 64 chunks 1.10 times."""


class Streams:
    """All open streams.

    Fair order is fair queueing by start times (Goyal, Vin, Cheng 1996) on predicted cost, in two levels. Each
    stream belongs to a group, of others or of its own. The next chunk is of the group with the least tag,
    which grows by cost / weight when one of its chunks starts; the tag of a group that had nothing to start
    is at least virtual time. So what is predicted when a chunk starts counts, not what was predicted when it
    came; and who opens many streams does not come before all others, at once or in sequence: a group lasts
    until virtual time has reached its tag.

    In a group the chunks are stamped as they come: with max(virtual time of the group, finish tag of the
    stream's last chunk), and the finish tag grows by cost / weight.
    """

    def __init__(self, look_ahead: int, costs: Costs, emit: Callable[[Command], object]) -> None:
        self._emit = emit
        self._open: dict[str, Stream] = {}
        self._groups: dict[str, Group] = {}
        self._look_ahead = look_ahead
        self._costs = costs
        self._time = VirtualTime()  # of the groups
        self._serial = 0
        self._touched: dict[str, Stream] = {}

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def get(self, name: str) -> Stream | None:
        return self._open.get(name)

    def open(self, name: str, live: bool, weight: float, stored: bool, group: str | None = None) -> Stream:
        if name in self._open:
            raise ValueError(f"stream {name!r} is open already")
        shared = Group() if group is None else self._groups.setdefault(group, Group(name=group))
        stream = self._open[name] = Stream(name, live, weight, stored, shared)
        shared.streams.add(stream)
        return stream

    def touch(self, stream: Stream) -> None:
        """Something happened to a stream: in this turn it may admit chunks, deliver audio, or end."""
        self._touched[stream.name] = stream

    def take_touched(self) -> Iterable[Stream]:
        """The streams that something happened to; they are processed now."""
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
        """Let jobs into the stream's window; yields the chunks that are to be spoken."""
        window = self._window(slots)
        while stream.backlog and stream.in_memory < window:
            job = stream.backlog.popleft()
            group = stream.group
            stamp = max(group.time.now, stream.finish_tag)
            chunk = stream.chunks[job.index] = Chunk(job, stream, (stamp, self._serial), now)
            self._serial += 1
            stream.line.append(chunk)
            if job.speakable:
                if not group.waits:
                    group.tag = max(self._time.now, group.tag)
                    self._time.join(group, group.weight)
                if not stream.unstarted:
                    group.time.join(stream, stream.weight)
                stream.unstarted.add(job.index)
                stream.finish_tag = stamp + self._work(chunk)
                yield chunk
            else:
                chunk.end("pause", now)
                self.settled(chunk)

    def want(self, stream: Stream, slots: int) -> None:
        """Ask for as many jobs as the window has room for."""
        if stream.complete:
            return
        room = self._window(slots) - stream.in_memory - len(stream.backlog) - stream.asked
        if room > 0:
            stream.asked += room
            self._emit(RequestJobs(stream.name, room))

    def _window(self, slots: int) -> int:
        """Chunks of one stream whose audio may be in memory; at least one, the head."""
        return max(self._look_ahead, SLOTS_AHEAD * slots // max(1, len(self._open)))

    def claim(self, chunk: Chunk) -> Claim:
        """What a chunk takes of the share of its group."""
        return Claim(chunk.stream.group, chunk.stream.weight, chunk.paid)

    def _work(self, chunk: Chunk) -> float:
        return self._costs.cost(chunk.job) / chunk.stream.weight

    def started(self, chunk: Chunk) -> None:
        """A chunk, or a part of it, was given to a worker: the first time it is paid for."""
        if chunk.paid < math.inf:
            return
        stream, group, cost = chunk.stream, chunk.stream.group, self._costs.cost(chunk.job)
        chunk.paid = group.tag
        self._time.start(group, group.tag, cost)
        group.time.start(stream, chunk.order[0], cost)
        group.tag += self._work(chunk)
        stream.unstarted.discard(chunk.job.index)
        self._look_after(stream)

    def _look_after(self, stream: Stream) -> None:
        """Who has nothing to start any more takes no turns."""
        if not stream.unstarted:
            stream.group.time.leave(stream)
            if not stream.group.waits:
                self._time.leave(stream.group)

    def settled(self, chunk: Chunk) -> None:
        """A chunk, or a part of it, has ended."""
        self.touch(chunk.stream)
        if (outcome := chunk.outcome) is not None:
            chunk.stream.ends.spoken += outcome.status in HEARD
            if outcome.status == "failed":
                chunk.stream.ends.add_failure(outcome.why or "")
        if chunk.needs_store:
            chunk.stream.to_commit.append(chunk)

    def commit(self, stream: Stream) -> None:
        """Commit the chunks that have ended to the store, in the order in which they ended."""
        ended, stream.to_commit = stream.to_commit, []
        for chunk in ended:
            assert chunk.outcome is not None
            self._emit(Commit(chunk.outcome, chunk.take_audio()[0]))

    def committed(self, stream: Stream, index: int) -> None:
        """The store holds chunk `index`; an answer that is not due is ignored."""
        chunk = stream.chunks.get(index)
        if chunk is not None and chunk.needs_store:
            chunk.move(ChunkStage.KEPT)

    def advance(self, stream: Stream, now: float) -> bool:
        """Deliver, in text order, what is ready; returns whether that made room in the window."""
        before = stream.in_memory
        while (chunk := stream.head) is not None:
            if chunk.outcome is None:
                if stream.listener and (taken := chunk.take_audio())[0]:
                    stream.listener.given(taken[1], now)
                    self._emit(Deliver(stream.name, chunk.job.index, *taken))
                break
            if chunk.needs_store:
                break
            stream.line.popleft()
            self._hand_over(stream, chunk, chunk.outcome, now)
        if stream.complete and not stream.chunks and not stream.backlog:
            self._close(stream, None)
            return False
        return stream.in_memory < before

    def _hand_over(self, stream: Stream, chunk: Chunk, outcome: Outcome, now: float) -> None:
        """Deliver a chunk that has ended. A stored stream has no sink that would answer."""
        audio: tuple[Sequence[Any], float] = ((), outcome.audio_s)
        if stream.stored:
            self._account_for(stream, chunk)
        else:
            chunk.move(ChunkStage.HANDED)
            audio = chunk.take_audio()
        if stream.listener:
            stream.listener.given(audio[1] + chunk.job.pause_s, now)
        self._tell(stream, outcome, *audio)

    def _tell(
        self, stream: Stream, outcome: Outcome, payloads: Sequence[Any] = (), audio_s: float = 0.0
    ) -> None:
        """Say how a chunk has ended, whose turn it is."""
        if outcome.status == "failed":
            stream.failed += 1
            self._emit(ChunkFailed(outcome))
        else:
            self._emit(Deliver(stream.name, outcome.job.index, payloads, audio_s, outcome))

    def delivered(self, stream: Stream, index: int) -> None:
        """The sink has written chunk `index`; an answer that is not due is ignored."""
        chunk = stream.chunks.get(index)
        if chunk is not None and chunk.stage is ChunkStage.HANDED:
            self._account_for(stream, chunk)

    def _account_for(self, stream: Stream, chunk: Chunk) -> None:
        chunk.move(ChunkStage.DONE)
        del stream.chunks[chunk.job.index]
        stream.delivered += chunk.outcome is not None and chunk.outcome.status != "failed"

    def cancel(self, stream: Stream, why: str, error: RunError | None = None) -> None:
        """Close the stream at once; what was not written is counted as not reached.

        What a store holds is there, though chunks before it are not: it is handed over with gaps.
        """
        if stream.stored:
            for chunk in stream.line:
                if chunk.outcome is not None and not chunk.needs_store:
                    self._account_for(stream, chunk)
                    self._tell(stream, chunk.outcome)
        self._close(stream, why, error)

    def _close(self, stream: Stream, why: str | None, error: RunError | None = None) -> None:
        del self._open[stream.name]
        stream.unstarted.clear()
        self._look_after(stream)
        stream.group.streams.discard(stream)
        self._groups = {
            name: group for name, group in self._groups.items() if group.streams or group.tag > self._time.now
        }
        self._touched.pop(stream.name, None)
        self._emit(StreamFinished(stream.name, stream.account(), why, error))

    def names(self) -> Iterable[str]:
        return self._open.keys()
