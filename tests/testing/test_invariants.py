"""The watch itself: a scheduler that breaks a promise is caught, promise by promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.scheduler.random_policies import RandomPolicy
from tests.testing.test_fault_tester import HARSH
from ttsflow import ChunkJob, Costs, View, WorkerView
from ttsflow.interface.jobs import Account, Doubt
from ttsflow.scheduler import core, policy_guard, supervisor
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.attempts import Attempt
from ttsflow.scheduler.chunks import Audio, Chunk, ChunkStage, Part, PartStage, Stream
from ttsflow.scheduler.core import DRAINED, Scheduler
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.hedges import Hedges
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams
from ttsflow.scheduler.supervisor import Supervisor
from ttsflow.scheduler.timers import Timers
from ttsflow.scheduler.verdicts import Fate, GiveUp, GoOn, Retry, decide
from ttsflow.testing.fault_tester import Faults, run_schedule
from ttsflow.testing.invariants import InvariantBroken
from ttsflow_plugins.sequential import Sequential

Patch = Callable[[Any, str, Any], None]


Emit = Callable[[msg.Command], object]


def tampered(method: Any, tamper: Callable[[msg.Command, Emit], object]) -> Any:
    """A method of `Streams`, with `tamper` between it and where its commands go."""

    def changed(self: Streams, *args: Any) -> Any:
        emit = self._emit
        self._emit = lambda command: tamper(command, emit)
        try:
            return method(self, *args)
        finally:
            self._emit = emit

    return changed


def rewritten(change: Callable[[msg.Deliver], msg.Command | None]) -> Any:
    """`Streams.advance` with every delivery changed, or left out."""

    def tamper(command: msg.Command, emit: Emit) -> None:
        if not isinstance(command, msg.Deliver):
            emit(command)
        elif (other := change(command)) is not None:
            emit(other)

    return tampered(Streams.advance, tamper)


Decision = Callable[..., Any]


def decided(patch: Patch, change: Callable[[Decision, Any, Fate, str], Any]) -> None:
    """Have the supervisor decide otherwise: `change` is given the real function, part, fate and why."""

    def other(part: Any, fate: Fate, why: str, limits: Any, **how: Any) -> Any:
        def real(fate: Fate = fate, **more: Any) -> Any:
            return decide(part, fate, why, limits, **{**how, **more})

        return change(real, part, fate, why)

    patch(supervisor, "decide", other)


def slot_freed_before_the_worker_answered(patch: Patch) -> None:
    patch(Worker, "free_slots", property(lambda self: self.slots if self.state == "ready" else 0))


def no_window(patch: Patch) -> None:
    patch(Streams, "_window", lambda self, slots: 1000)


def failed_chunks_leave_the_window_too_soon(patch: Patch) -> None:
    patch(Streams, "_window", lambda self, slots: 8 + 8 * slots + sum(s.failed for s in self))


def stale_generations_count(patch: Patch) -> None:
    patch(Fleet, "get", lambda self, name, generation: self._workers.get(name))


def token_used_twice(patch: Patch) -> None:
    start = Supervisor.start

    def forgetful(self: Supervisor, *args: Any, **how: Any) -> None:
        start(self, *args, **how)
        self.last_token = min(self.last_token, 5)

    patch(Supervisor, "start", forgetful)


def chunk_lost_on_the_way(patch: Patch) -> None:
    patch(Streams, "advance", rewritten(lambda c: None if c.index == 3 else c))


def audio_thrown_away(patch: Patch) -> None:
    patch(Streams, "advance", rewritten(lambda c: replace(c, payloads=[])))


def pieces_backwards(patch: Patch) -> None:
    patch(Streams, "advance", rewritten(lambda c: replace(c, payloads=c.payloads[::-1])))


def audio_of_another_chunk(patch: Patch) -> None:
    kept: list[Any] = [[]]

    def swap(command: msg.Deliver) -> msg.Command:
        kept.append(command.payloads)
        return replace(command, payloads=kept.pop(0))

    patch(Streams, "advance", rewritten(swap))


def audio_of_failed_attempts_kept(patch: Patch) -> None:
    begin = Part.begin

    def keep(self: Part, *args: Any) -> Any:
        payloads = self.audio.payloads
        audio = begin(self, *args)
        self.audio.payloads = payloads
        return audio

    patch(Part, "begin", keep)
    patch(Part, "forget", lambda self: None)


def pieces_that_come_twice_are_taken(patch: Patch) -> None:
    receive = Supervisor._receive

    def credulous(self: Supervisor, event: msg.Piece, now: float) -> None:
        attempt = self._running.get(event.token)
        receive(self, event if attempt is None else replace(event, number=len(attempt.audio.sums)), now)

    patch(Supervisor, "_receive", credulous)


FAILED = (Fate.ERROR, Fate.BAD_AUDIO, Fate.HUNG)


def failures_told_as_fine(patch: Patch) -> None:
    settle = Supervisor._settle

    def gloss_over(self: Supervisor, part: Part, fate: Fate, why: str, now: float, **how: Any) -> None:
        if fate in FAILED and part.wanted:
            part.move(PartStage.WHOLE)
            part.chunk.end("ok", now)
            self._streams.settled(part.chunk)
        else:
            settle(self, part, fate, why, now, **how)

    patch(Supervisor, "_settle", gloss_over)


def no_retries(patch: Patch) -> None:
    decided(patch, lambda real, part, fate, why: GiveUp(why) if fate in FAILED else real())


def retries_without_end(patch: Patch) -> None:
    decided(patch, lambda real, part, fate, why: Retry() if fate in FAILED else real())


def cancelling_ignored(patch: Patch) -> None:
    patch(Scheduler, "_cancel_stream", lambda self, event, now: None)


def drained_workers_left_behind(patch: Patch) -> None:
    def leave(self: Fleet, worker: Worker) -> None:
        if worker.state == "draining" and not worker.busy and self.holds(worker):
            del self._workers[worker.id]

    patch(Fleet, "_if_idle", leave)


def learnt_caps_ignored(patch: Patch) -> None:
    place = Fleet.place

    def generous(self: Fleet, specs: Any) -> None:
        place(self, specs)
        for worker in self.workers:
            worker.slots = worker.spec.slots
            self.free.update(worker)

    patch(Fleet, "place", generous)


def parts_out_of_order(patch: Patch) -> None:
    take_audio = Chunk.take_audio

    def backwards(self: Chunk) -> tuple[list[Any], float]:
        parts = self.parts
        self.parts = parts[::-1]
        audio = take_audio(self)
        self.parts = parts
        return audio

    patch(Chunk, "take_audio", backwards)


def parts_heard_before_their_turn(patch: Patch) -> None:
    def eager(self: Chunk) -> tuple[list[Any], float]:
        taken = [part.take_audio() for part in self.parts]
        payloads = [payload for fresh, _ in taken for payload in fresh]
        return payloads, sum(fresh_s for _, fresh_s in taken)

    patch(Chunk, "take_audio", eager)


def published_with_a_part_missing(patch: Patch) -> None:
    def hasty(self: Chunk, part: Part, doubts: Any, now: float) -> None:
        part.move(PartStage.WHOLE)
        if self.outcome is None:
            self.end("ok", now)

    patch(Chunk, "finish", hasty)


def published_without_the_last_part(patch: Patch) -> None:
    split = Chunk.split
    patch(Chunk, "split", lambda self, texts, *how, **more: split(self, texts[:-1], *how, **more))


def published_twice(patch: Patch) -> None:
    def twice(command: msg.Command, emit: Emit) -> None:
        emit(command)
        if isinstance(command, msg.Deliver) and command.outcome is not None:
            emit(command)

    patch(Streams, "advance", tampered(Streams.advance, twice))


def parts_published_one_by_one(patch: Patch) -> None:
    end = Chunk.end

    def as_the_first_part(self: Chunk, *args: Any) -> None:
        self.job = self.parts[0].job
        end(self, *args)

    patch(Chunk, "end", as_the_first_part)


def whole_spoken_on_after_a_split(patch: Patch) -> None:
    split = Chunk.split

    def keep(self: Chunk, *how: Any, **more: Any) -> Any:
        [whole] = self.parts
        split(self, *how, **more)
        whole.stage = PartStage.PENDING
        self.parts = [whole]
        return self.parts

    patch(Chunk, "split", keep)


def attempts_that_split_not_told(patch: Patch) -> None:
    split = Chunk.split

    def uncounted(self: Chunk, *how: Any, **more: Any) -> Any:
        parts = split(self, *how, **more)
        self.tried_whole -= 1
        return parts

    patch(Chunk, "split", uncounted)


def parts_split_again(patch: Patch) -> None:
    def again(real: Decision, part: Part, fate: Fate, why: str) -> Any:
        return Retry() if fate is Fate.TOO_LONG and part.is_stretch else real()

    decided(patch, again)


def parts_of_failed_chunks_left_ready(patch: Patch) -> None:
    take = ReadyQueue.take
    withdraw = Supervisor.withdraw

    def cancelling_only(self: Supervisor, chunk: Chunk, now: float) -> None:
        patch(ReadyQueue, "take", lambda queue, job: False)
        withdraw(self, chunk, now)
        patch(ReadyQueue, "take", take)
        for part in chunk.parts:
            part.stage = PartStage.READY

    patch(Supervisor, "withdraw", cancelling_only)


def parts_of_failed_chunks_left_running(patch: Patch) -> None:
    patch(Supervisor, "_cancel", lambda self, attempt, now: None)


def conviction_in_company(patch: Patch) -> None:
    def hasty(real: Decision, part: Part, fate: Fate, why: str) -> Any:
        return real(Fate.DIED_ALONE) if fate is Fate.DIED_IN_COMPANY else real()

    decided(patch, hasty)


def convicted_too_soon(patch: Patch) -> None:
    decided(patch, lambda real, part, fate, why: GiveUp(why) if fate in supervisor.DEATHS else real())


def spoken_on_after_conviction(patch: Patch) -> None:
    decided(patch, lambda real, part, fate, why: Retry() if fate in supervisor.DEATHS else real())


def own_kills_blamed(patch: Patch) -> None:
    def blaming(self: Supervisor, worker: Worker, why: str, now: float) -> None:
        attempts = self._forget_all(worker)
        fate = Fate.DIED_ALONE if len(attempts) == 1 else Fate.DIED_IN_COMPANY
        for attempt in attempts:
            if not attempt.cancelled:
                self._settle(attempt.part, fate, why, now)

    patch(Supervisor, "_interrupt", blaming)


def hung_in_company_is_counted(patch: Patch) -> None:
    settle = Supervisor._settle

    def counting(self: Supervisor, part: Part, fate: Fate, why: str, now: float, **how: Any) -> None:
        hung = fate is Fate.INTERRUPTED and part.isolate
        settle(self, part, Fate.HUNG if hung else fate, why, now, **how)

    patch(Supervisor, "_settle", counting)


def suspects_not_alone(patch: Patch) -> None:
    def trusting(self: Scheduler, part: Part) -> None:
        part.move(PartStage.READY)
        claim = self._streams.claim(part.chunk)
        self._ready.push(part.job, part.order, claim, self._policy.lane(part.job))

    patch(Scheduler, "_make_ready", trusting)


def company_for_suspects(patch: Patch) -> None:
    patch(Fleet, "reserve", lambda self, worker, reserved: None)


def another_seed_after_a_death(patch: Patch) -> None:
    def reseeded(real: Decision, part: Part, fate: Fate, why: str) -> Any:
        verdict = real()
        died = fate in supervisor.DEATHS and isinstance(verdict, Retry)
        return Retry(another_seed=True) if died else verdict

    decided(patch, reseeded)


def takes_without_end(patch: Patch) -> None:
    def tireless(real: Decision, part: Part, fate: Fate, why: str) -> Any:
        if fate is Fate.DOUBTFUL:
            part.doubted = 0
        return real()

    decided(patch, tireless)


def another_take_with_the_same_seed(patch: Patch) -> None:
    def stubborn(real: Decision, part: Part, fate: Fate, why: str) -> Any:
        verdict = real()
        return Retry() if fate is Fate.DOUBTFUL and isinstance(verdict, Retry) else verdict

    decided(patch, stubborn)


def takes_mixed_up(patch: Patch) -> None:
    restore = Part.restore

    def added(self: Part, take: Any) -> None:
        payloads = self.audio.payloads
        restore(self, take)
        self.audio.payloads = [*payloads, *self.audio.payloads]

    patch(Part, "restore", added)


def doubts_not_told(patch: Patch) -> None:
    finish = Chunk.finish
    patch(Chunk, "finish", lambda self, part, doubts, now: finish(self, part, (), now))


HUNCH = (Doubt("engine", "a hunch"),)


def doubts_made_up(patch: Patch) -> None:
    finish = Chunk.finish
    patch(Chunk, "finish", lambda self, part, doubts, now: finish(self, part, doubts or HUNCH, now))


def failed_without_a_reason(patch: Patch) -> None:
    end = Chunk.end
    patch(Chunk, "end", lambda self, status, now, why=None, doubts=(): end(self, status, now))


def heard_twice_after_a_retry(patch: Patch) -> None:
    take_audio = Part.take_audio

    def forgetful(self: Part) -> tuple[list[Any], float]:
        audio = take_audio(self)
        self.heard = []
        return audio

    patch(Part, "take_audio", forgetful)


def heard_and_spoken_again_another_way(patch: Patch) -> None:
    receive = Part.receive
    patch(Part, "receive", lambda self, *piece: receive(self, *piece) or True)
    patch(Part, "repeats", lambda self, audio: True)


def heard_and_not_told(patch: Patch) -> None:
    def silent(command: msg.Command, emit: Emit) -> None:
        if isinstance(command, msg.ChunkFailed):
            command = msg.ChunkFailed(replace(command.outcome, sent_s=0.0))
        emit(command)

    patch(Streams, "advance", tampered(Streams.advance, silent))


def committed_twice(patch: Patch) -> None:
    def twice(command: msg.Command, emit: Emit) -> None:
        emit(command)
        emit(command)

    patch(Streams, "commit", tampered(Streams.commit, twice))


def committed_without_its_audio(patch: Patch) -> None:
    def torn(command: msg.Command, emit: Emit) -> None:
        assert isinstance(command, msg.Commit)
        emit(replace(command, payloads=command.payloads[:-1]))

    patch(Streams, "commit", tampered(Streams.commit, torn))


def handed_over_before_it_was_committed(patch: Patch) -> None:
    settled = Streams.settled

    def hasty(self: Streams, chunk: Chunk) -> None:
        settled(self, chunk)
        if chunk.needs_store:
            chunk.move(ChunkStage.KEPT)

    patch(Streams, "settled", hasty)


def handed_over_and_never_committed(patch: Patch) -> None:
    patch(Streams, "commit", lambda self, stream: None)
    handed_over_before_it_was_committed(patch)


def stored_audio_goes_to_the_sink_too(patch: Patch) -> None:
    patch(Streams, "advance", rewritten(lambda c: replace(c, payloads=c.payloads or ["again"])))


def commits_leave_no_window(patch: Patch) -> None:
    committed = Streams.committed

    def hoarding(self: Streams, stream: Stream, index: int) -> None:
        before = stream.in_memory
        committed(self, stream, index)
        stream.in_memory = before

    patch(Streams, "committed", hoarding)


def chunks_leave_the_window_before_they_are_stored(patch: Patch) -> None:
    window = Streams._window

    def wide(self: Streams, slots: int) -> int:
        waiting = sum(chunk.needs_store for stream in self for chunk in stream.chunks.values())
        return window(self, slots) + waiting

    patch(Streams, "_window", wide)


def started_while_draining(patch: Patch) -> None:
    drain = Scheduler._drain

    def eager(self: Scheduler, event: msg.Drain, now: float) -> None:
        drain(self, event, now)
        self._draining = False

    patch(Scheduler, "_drain", eager)


def drained_for_ever(patch: Patch) -> None:
    patch(Scheduler, "_end_drained", lambda self, now: None)
    set_ = Timers.set
    patch(Timers, "set", lambda self, due, when: due == DRAINED or set_(self, due, when))


def started_on_a_lost_device(patch: Patch) -> None:
    retire = Fleet.retire

    def forget(self: Fleet, device: str, why: str) -> None:
        retire(self, device, why)
        self.lost.clear()

    patch(Fleet, "retire", forget)


def accounts_that_gloss_over(patch: Patch) -> None:
    account = Stream.account

    def rounded(self: Stream) -> Account:
        true = account(self)
        return replace(true, delivered=true.delivered + true.failed, failed=0)

    patch(Stream, "account", rounded)


def stopped_without_accounts(patch: Patch) -> None:
    stop = Scheduler._stop

    def abrupt(self: Scheduler, error: Any) -> None:
        self._streams = Streams(1, Costs(self._profile), self._emit)
        stop(self, error)

    patch(Scheduler, "_stop", abrupt)


def pauses_spoken(patch: Patch) -> None:
    admit = Streams.admit

    def literal(self: Streams, stream: Any, slots: int, now: float) -> Iterator[Chunk]:
        before = set(stream.chunks)
        yield from admit(self, stream, slots, now)
        for index, chunk in stream.chunks.items():
            if index not in before and chunk.outcome is not None:
                chunk.outcome, chunk.stage = None, ChunkStage.SPEAKING
                yield chunk

    patch(Streams, "admit", literal)


def losers_of_races_go_on(patch: Patch) -> None:
    patch(Supervisor, "_outrun", lambda self, attempt: None)


def losers_of_races_are_never_ended(patch: Patch) -> None:
    outrun = Supervisor._outrun

    def patient(self: Supervisor, attempt: Attempt) -> None:
        outrun(self, attempt)
        self._deadlines.forget(attempt)

    patch(Supervisor, "_outrun", patient)


def winners_of_races_thrown_away(patch: Patch) -> None:
    wins = Supervisor._wins

    def humble(self: Supervisor, attempt: Attempt, now: float) -> bool:
        if attempt.part.raced:
            self._go_on(attempt.part, now)
            return False
        return wins(self, attempt, now)

    patch(Supervisor, "_wins", humble)


def races_on_one_worker(patch: Patch) -> None:
    elsewhere = Hedges._elsewhere

    def here(self: Hedges, worker: Worker) -> Worker | None:
        return worker if worker.free_slots else elsewhere(self, worker)

    patch(Hedges, "_elsewhere", here)


def races_of_three(patch: Patch) -> None:
    def eager(self: Hedges, attempt: Attempt, worker: Worker, now: float, last: bool) -> bool:
        return self.may(attempt) and len(attempt.part.tokens) < 3 and not attempt.part.heard

    patch(Hedges, "_is_wise", eager)


def races_though_they_are_switched_off(patch: Patch) -> None:
    patch(Hedges, "_share_on", lambda self, worker: 1.0)


def races_of_suspects(patch: Patch) -> None:
    patch(Hedges, "may", lambda self, attempt: self._share_on(attempt.worker) > 0.0)
    patch(Hedges, "_is_wise", lambda self, attempt, worker, now, last: len(attempt.part.tokens) == 1)


def overlap_not_compared(patch: Patch) -> None:
    patch(Audio, "agrees", lambda self, sums: True)


def heard_again_from_the_start_of_the_other(patch: Patch) -> None:
    patch(Audio, "skip", lambda self, count: None)


def audio_of_both_in_a_race(patch: Patch) -> None:
    begin = Part.begin

    def shared(self: Part, token: int, now: float) -> Audio:
        before, raced = self.audio, self.raced
        audio = begin(self, token, now)
        return before if raced else audio

    patch(Part, "begin", shared)


def given_up_while_the_other_runs(patch: Patch) -> None:
    def hasty(real: Decision, part: Part, fate: Fate, why: str) -> Any:
        return GiveUp(why) if isinstance(real(), GoOn) else real()

    decided(patch, hasty)


def tried_again_while_the_other_runs(patch: Patch) -> None:
    def hasty(real: Decision, part: Part, fate: Fate, why: str) -> Any:
        return Retry() if isinstance(real(), GoOn) else real()

    decided(patch, hasty)


def hedges_not_told(patch: Patch) -> None:
    begin = Part.begin

    def uncounted(self: Part, token: int, now: float) -> Audio:
        raced = self.raced
        audio = begin(self, token, now)
        self.attempts -= raced
        return audio

    patch(Part, "begin", uncounted)


def hedged_while_draining(patch: Patch) -> None:
    end_drained = Scheduler._end_drained

    def eager(self: Scheduler, now: float) -> None:
        end_drained(self, now)
        self._supervisor.start_hedges(now, heads=False)

    patch(Scheduler, "_end_drained", eager)


def gone_on_though_all_fails_alike(patch: Patch) -> None:
    patch(core, "hopeless", lambda ends: False)


def given_up_though_some_was_spoken(patch: Patch) -> None:
    patch(core, "hopeless", lambda ends: ends.failed > 1)


CAUGHT = {
    gone_on_though_all_fails_alike: "fails alike and it goes on",
    given_up_though_some_was_spoken: "was given up, and some was spoken",
    losers_of_races_go_on: "another attempt at it goes on",
    losers_of_races_are_never_ended: "is left with a job",
    winners_of_races_thrown_away: "another attempt at it goes on",
    races_on_one_worker: "is hedged by itself",
    races_of_three: "is hedged while 2 attempts",
    races_though_they_are_switched_off: "which is switched off",
    races_of_suspects: "may have killed a worker and is hedged",
    overlap_not_compared: "differs from the first attempt, and wins",
    heard_again_from_the_start_of_the_other: "audio that is not its own",
    audio_of_both_in_a_race: "audio that is not its own",
    given_up_while_the_other_runs: "was given up after",
    tried_again_while_the_other_runs: "runs twice at a time",
    hedges_not_told: "attempts, and",
    hedged_while_draining: "started while the scheduler drains",
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
    failures_told_as_fine: "without all of its audio",
    no_retries: "was given up after 1 attempts",
    retries_without_end: "tried too often",
    cancelling_ignored: "was cancelled and goes on",
    drained_workers_left_behind: "left on a device that is gone",
    learnt_caps_ignored: "more jobs than slots",
    parts_out_of_order: "audio that is not its own",
    parts_heard_before_their_turn: "audio that is not its own",
    published_with_a_part_missing: "is told as ok",
    published_without_the_last_part: "without all of its audio",
    published_twice: "came where",
    parts_published_one_by_one: "is told as part",
    whole_spoken_on_after_a_split: "spoken on after it was split",
    attempts_that_split_not_told: "attempts, and",
    parts_split_again: "started after its chunk failed",
    parts_of_failed_chunks_left_ready: "started after its chunk failed",
    parts_of_failed_chunks_left_running: "a part of it is spoken on",
    conviction_in_company: "was given up after",
    convicted_too_soon: "was given up after",
    spoken_on_after_conviction: "spoken again after it was convicted",
    own_kills_blamed: "none of the jobs that its chunk is spoken by",
    hung_in_company_is_counted: "was given up after",
    suspects_not_alone: "may have killed a worker and is not alone",
    company_for_suspects: "is put beside what may have killed a worker",
    another_seed_after_a_death: "has another seed",
    takes_without_end: "has too many takes",
    another_take_with_the_same_seed: "is spoken again after it was whole",
    takes_mixed_up: "audio that is not its own",
    doubts_not_told: "is told as ok",
    doubts_made_up: "is told as flagged",
    failed_without_a_reason: "failed without a reason",
    heard_twice_after_a_retry: "audio that is not its own",
    heard_and_spoken_again_another_way: "audio that is not its own",
    heard_and_not_told: "what was heard of it is not told",
    committed_twice: "was committed twice",
    committed_without_its_audio: "without all of its audio",
    handed_over_before_it_was_committed: "before it was committed",
    handed_over_and_never_committed: "before it was committed",
    stored_audio_goes_to_the_sink_too: "goes to the sink and not to the store",
    commits_leave_no_window: "is not accounted for at the end",
    chunks_leave_the_window_before_they_are_stored: "chunks ahead",
    started_while_draining: "started while the scheduler drains",
    drained_for_ever: "is not accounted for at the end",
    started_on_a_lost_device: "starts on a lost device",
    accounts_that_gloss_over: "were delivered",
    stopped_without_accounts: "was accounted for",
    pauses_spoken: "has nothing to say",
}

TARDY = Faults(freeze=0.2, slow=0.2, deaf=0.3, fail=0.1)
"""worlds of many races"""

FREQUENT = {
    losers_of_races_go_on: TARDY,
    losers_of_races_are_never_ended: TARDY,
    winners_of_races_thrown_away: TARDY,
    races_on_one_worker: TARDY,
    races_of_three: TARDY,
    overlap_not_compared: replace(TARDY, differ=0.5),
    heard_again_from_the_start_of_the_other: TARDY,
    audio_of_both_in_a_race: Faults(freeze=0.5),
    given_up_while_the_other_runs: TARDY,
    tried_again_while_the_other_runs: TARDY,
    hedges_not_told: TARDY,
    hedged_while_draining: replace(TARDY, drain=0.5),
    no_window: Faults(),
    chunks_leave_the_window_before_they_are_stored: Faults(),
    failed_chunks_leave_the_window_too_soon: Faults(refuse=0.5),
    own_kills_blamed: Faults(lost=0.5),
    gone_on_though_all_fails_alike: Faults(refuse=1.0),
    given_up_though_some_was_spoken: Faults(refuse=0.5),
    heard_and_spoken_again_another_way: Faults(die=0.3, differ=1.0),
}
"""worlds for defects that show in few of the harsh ones"""


@pytest.mark.parametrize("defect", CAUGHT, ids=lambda defect: defect.__name__)
def test_a_broken_promise_is_noticed(
    defect: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    defect(monkeypatch.setattr)
    for seed in range(400):
        try:
            run_schedule(seed, RandomPolicy, FREQUENT.get(defect, HARSH))
        except InvariantBroken as broken:
            if CAUGHT[defect] in str(broken):
                return
        except (LookupError, AssertionError, RuntimeError):
            continue  # the scheduler trips over the defect itself
    pytest.fail("nothing was noticed in 400 schedules")


def test_a_run_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nodding(Sequential):
        name = "nodding"

        def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
            view.wake_at(view.now)
            return ()

    monkeypatch.setattr(policy_guard, "STARVED_AFTER_S", float("inf"))
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
