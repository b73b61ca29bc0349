"""The watch itself: a scheduler that breaks a promise is caught, promise by promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.scheduler.random_policies import RandomPolicy
from tests.test_fault_tester import HARSH
from ttsflow import ChunkJob, View, WorkerView
from ttsflow.fault_tester import Faults, run_schedule
from ttsflow.invariants import InvariantBroken
from ttsflow.scheduler import guard
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.attempts import Attempts
from ttsflow.scheduler.chunks import Chunk, Part
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams
from ttsflow.scheduler.verdicts import Verdicts
from ttsflow_plugins.sequential import Sequential

Patch = Callable[[Any, str, Any], None]


def rewritten(change: Callable[[msg.Deliver], msg.Command | None]) -> Callable[..., Iterator[msg.Command]]:
    """`Streams.advance` with every delivery changed, or left out."""
    advance = Streams.advance

    def changed(self: Streams, stream: Any) -> Iterator[msg.Command]:
        for command in advance(self, stream):
            if not isinstance(command, msg.Deliver):
                yield command
            elif (other := change(command)) is not None:
                yield other

    return changed


def slot_freed_before_the_worker_answered(patch: Patch) -> None:
    patch(Worker, "free_slots", property(lambda self: self.slots if self.state == "ready" else 0))


def no_window(patch: Patch) -> None:
    patch(Streams, "_window", lambda self, slots: 1000)


def failed_chunks_leave_the_window_too_soon(patch: Patch) -> None:
    patch(Streams, "_window", lambda self, slots: 8 + 8 * slots + sum(s.failed for s in self))


def stale_generations_count(patch: Patch) -> None:
    patch(Fleet, "get", lambda self, name, generation: self._workers.get(name))


def token_used_twice(patch: Patch) -> None:
    start = Attempts.start

    def forgetful(self: Attempts, *args: Any) -> Any:
        attempt = start(self, *args)
        self._last_token = min(self._last_token, 5)
        return attempt

    patch(Attempts, "start", forgetful)


def chunk_lost_on_the_way(patch: Patch) -> None:
    patch(Streams, "advance", rewritten(lambda c: None if c.index == 3 else c))


def audio_thrown_away(patch: Patch) -> None:
    patch(Streams, "advance", rewritten(lambda c: msg.Deliver(c.stream, c.index, [], c.outcome)))


def pieces_backwards(patch: Patch) -> None:
    backwards = rewritten(lambda c: msg.Deliver(c.stream, c.index, c.payloads[::-1], c.outcome))
    patch(Streams, "advance", backwards)


def audio_of_another_chunk(patch: Patch) -> None:
    kept: list[Any] = [[]]

    def swap(command: msg.Deliver) -> msg.Command:
        kept.append(command.payloads)
        return msg.Deliver(command.stream, command.index, kept.pop(0), command.outcome)

    patch(Streams, "advance", rewritten(swap))


def audio_of_failed_attempts_kept(patch: Patch) -> None:
    forget = Part.forget

    def keep(self: Part) -> None:
        payloads = getattr(self, "payloads", [])
        forget(self)
        self.payloads = payloads

    patch(Part, "forget", keep)


def pieces_that_come_twice_are_taken(patch: Patch) -> None:
    piece = Verdicts.piece

    def credulous(self: Verdicts, event: msg.Piece, now: float) -> None:
        attempt = self._attempts.get(event.token)
        number = event.number if attempt is None else attempt.part.pieces
        piece(self, msg.Piece(event.token, number, event.audio_s, event.payload), now)

    patch(Verdicts, "piece", credulous)


def failures_told_as_fine(patch: Patch) -> None:
    def gloss_over(self: Verdicts, part: Part, why: str, now: float, **how: bool) -> Iterable[msg.Command]:
        part.chunk.end("ok", now)
        self._streams.touch(part.chunk.stream)
        return ()

    patch(Verdicts, "_failed", gloss_over)


def heard_chunks_spoken_again(patch: Patch) -> None:
    patch(Verdicts, "_may_retry", lambda self, part: part.attempts <= self._retries)


def no_retries(patch: Patch) -> None:
    patch(Verdicts, "_may_retry", lambda self, part: False)


def retries_without_end(patch: Patch) -> None:
    patch(Verdicts, "_may_retry", lambda self, part: not part.sent_s)


def cancelling_ignored(patch: Patch) -> None:
    patch(Scheduler, "_cancel_stream", lambda self, event, now: None)


def drained_workers_left_behind(patch: Patch) -> None:
    def leave(self: Fleet, worker: Worker) -> Iterator[msg.Command]:
        if worker.state == "draining" and not worker.busy and self.holds(worker):
            del self._workers[worker.id]
        yield from ()

    patch(Fleet, "_retire_if_idle", leave)


def learnt_caps_ignored(patch: Patch) -> None:
    place = Fleet.place

    def generous(self: Fleet, specs: Any) -> Iterator[msg.Command]:
        yield from place(self, specs)
        for worker in self.workers:
            worker.slots = worker.spec.slots
            self.free.update(worker)

    patch(Fleet, "place", generous)


def parts_out_of_order(patch: Patch) -> None:
    take_audio = Chunk.take_audio

    def backwards(self: Chunk) -> list[Any]:
        parts = self.parts
        self.parts = parts[::-1]
        payloads = take_audio(self)
        self.parts = parts
        return payloads

    patch(Chunk, "take_audio", backwards)


def parts_heard_before_their_turn(patch: Patch) -> None:
    def eager(self: Chunk) -> list[Any]:
        payloads = []
        for part in self.parts:
            payloads += part.payloads
            part.payloads, part.sent_s = [], part.audio_s
        return payloads

    patch(Chunk, "take_audio", eager)


def published_with_a_part_missing(patch: Patch) -> None:
    def hasty(self: Chunk, part: Part, flag: str | None, now: float) -> None:
        part.whole = True
        if self.outcome is None:
            self.end("ok", now)

    patch(Chunk, "finish", hasty)


def published_without_the_last_part(patch: Patch) -> None:
    split = Chunk.split
    patch(Chunk, "split", lambda self, texts: split(self, texts[:-1]))


def published_twice(patch: Patch) -> None:
    advance = Streams.advance

    def twice(self: Streams, stream: Any) -> Iterator[msg.Command]:
        for command in advance(self, stream):
            yield command
            if isinstance(command, msg.Deliver) and command.outcome is not None:
                yield command

    patch(Streams, "advance", twice)


def parts_published_one_by_one(patch: Patch) -> None:
    end = Chunk.end

    def as_the_first_part(self: Chunk, *args: Any) -> None:
        self.job = self.parts[0].job
        end(self, *args)

    patch(Chunk, "end", as_the_first_part)


def whole_spoken_on_after_a_split(patch: Patch) -> None:
    split = Chunk.split

    def keep(self: Chunk, texts: Any) -> Any:
        [whole] = self.parts
        split(self, texts)
        self.parts = [whole]
        return self.parts

    patch(Chunk, "split", keep)


def splits_use_up_attempts(patch: Patch) -> None:
    split = Chunk.split

    def counted(self: Chunk, texts: Any) -> Any:
        parts = split(self, texts)
        self.tried_whole += 1
        return parts

    patch(Chunk, "split", counted)


def parts_split_again(patch: Patch) -> None:
    too_long = Verdicts._too_long

    def again(self: Verdicts, part: Part, texts: Any, now: float) -> Iterable[msg.Command]:
        if not part.job.part:
            return too_long(self, part, texts, now)
        part.attempts -= 1
        self._returned.append(part)
        return ()

    patch(Verdicts, "_too_long", again)


def parts_of_failed_chunks_left_ready(patch: Patch) -> None:
    take = ReadyQueue.take
    withdraw = Verdicts.withdraw

    def cancelling_only(self: Verdicts, chunk: Chunk, now: float) -> list[msg.Command]:
        patch(ReadyQueue, "take", lambda queue, job: False)
        commands = list(withdraw(self, chunk, now))
        patch(ReadyQueue, "take", take)
        return commands

    patch(Verdicts, "withdraw", cancelling_only)


def parts_of_failed_chunks_left_running(patch: Patch) -> None:
    patch(Attempts, "cancel", lambda self, token, deadline: msg.Notice("not cancelled"))


CAUGHT = {
    slot_freed_before_the_worker_answered: "more jobs than slots",
    no_window: "chunks ahead",
    failed_chunks_leave_the_window_too_soon: "chunks ahead",
    stale_generations_count: "",
    token_used_twice: "used twice",
    chunk_lost_on_the_way: "came where 3 was due",
    audio_thrown_away: "without all of its audio",
    pieces_backwards: "audio that is not its own",
    audio_of_another_chunk: "audio that is not its own",
    audio_of_failed_attempts_kept: "audio that is not its own",
    pieces_that_come_twice_are_taken: "audio that is not its own",
    failures_told_as_fine: "is told as ok",
    heard_chunks_spoken_again: "spoken again after it was heard",
    no_retries: "was given up after 1 attempts",
    retries_without_end: "tried too often",
    cancelling_ignored: "was cancelled and goes on",
    drained_workers_left_behind: "left on a device that is gone",
    learnt_caps_ignored: "more jobs than slots",
    parts_out_of_order: "audio that is not its own",
    parts_heard_before_their_turn: "audio that is not its own",
    published_with_a_part_missing: "is told as ok",
    published_without_the_last_part: "is told as ok",
    published_twice: "came where",
    parts_published_one_by_one: "is told as ChunkJob",
    whole_spoken_on_after_a_split: "none of the jobs that its chunk is spoken by",
    splits_use_up_attempts: "attempts, and",
    parts_split_again: "started after its chunk failed",
    parts_of_failed_chunks_left_ready: "started after its chunk failed",
    parts_of_failed_chunks_left_running: "a part of it is spoken on",
}


@pytest.mark.parametrize("defect", CAUGHT, ids=lambda defect: defect.__name__)
def test_a_broken_promise_is_noticed(
    defect: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    defect(monkeypatch.setattr)
    for seed in range(400):
        try:
            run_schedule(seed, RandomPolicy, HARSH)
        except InvariantBroken as broken:
            if CAUGHT[defect] in str(broken):
                return
    pytest.fail("nothing was noticed in 400 schedules")


def test_a_run_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nodding(Sequential):
        name = "nodding"

        def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
            view.wake_at(view.now)
            return ()

    monkeypatch.setattr(guard, "STARVED_AFTER_S", float("inf"))
    with pytest.raises(InvariantBroken, match="does not end"):
        run_schedule(first_with_work(), lambda _: Nodding(), Faults())


def test_the_seed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = first_with_work()
    audio_thrown_away(monkeypatch.setattr)
    with pytest.raises(InvariantBroken, match=f"^schedule {seed}, policy 'sequential': "):
        run_schedule(seed, lambda _: Sequential(), Faults())


def first_with_work() -> int:
    seeds = range(100)
    return next(seed for seed in seeds if run_schedule(seed, lambda _: Sequential(), Faults()).arrivals)
