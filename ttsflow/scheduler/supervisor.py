"""Supervision: attempts from their start to their verdict, and the end of workers that can do no more."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ttsflow.interface.costs import Costs
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob, Doubt
from ttsflow.interface.profile import Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.chunks import Chunk, ChunkStage, Part, PartStage
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.lengths import Lengths
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.ready import Order, ReadyQueue
from ttsflow.scheduler.streams import Streams
from ttsflow.scheduler.timers import Due, Timers
from ttsflow.scheduler.verdicts import DEATHS, FAILURES, Accept, Fate, GiveUp, Retry, Split, decide
from ttsflow.text import halve

CHUNK_FACTOR = 10.0
"""An attempt that takes so many times its predicted work is hung: no cost model is off by so much."""

IDLE_FACTOR = 5.0
"""The same from one piece to the next: so many times the predicted work for the whole job."""

FAR, SURE_CHUNKS = 1.3, 8.0
"""times the profile's s(k), or a part of it, after so many chunks: a person should know"""


@dataclass(slots=True, eq=False)
class Attempt:
    """One job on one worker. It holds its slot until the worker answers or dies, cancelled or not."""

    token: int
    part: Part
    worker: Worker
    started_s: float
    mark: Sequence[float]  # of the worker's occupancy, when it started
    idle_s: float = 0.0  # that it may take from one piece to the next
    cancelled: bool = False

    @property
    def job(self) -> ChunkJob:
        """The job, as it was when the attempt began."""
        return self.part.job

    @property
    def delivered_s(self) -> float:
        """Seconds of its audio that were passed on already."""
        return self.part.sent_s


class Supervisor:
    """Knows every attempt that runs, by its token. A message with another token is stale, and dropped.

    An attempt has a deadline for the whole, and after its first piece one for the next: from predicted
    costs, and never below the limits. One that missed its deadline doubles the next attempt's time. A
    worker that loads must show progress. What a worker ran when it died or hung is isolated: it runs next,
    alone on a worker, and only a part that dies again, alone, is a poison job. `last_loss` says in words
    how the last worker ended.
    """

    def __init__(
        self,
        fleet: Fleet,
        streams: Streams,
        ready: ReadyQueue,
        timers: Timers,
        costs: Costs,
        profile: Profile,
        limits: Limits,
        emit: Callable[[msg.Command], object],
        *,
        repeatable: bool,
    ) -> None:
        self._fleet, self._streams, self._ready, self._timers = fleet, streams, ready, timers
        self._costs, self._limits, self._emit, self._repeatable = costs, limits, emit, repeatable
        self._lengths = Lengths(profile)
        self._quarantine = Quarantine(fleet)
        self._running: dict[int, Attempt] = {}
        self._pending: list[Part] = []
        self._told_slow = False
        self.last_token = 0
        self.last_loss = ""

    @property
    def running(self) -> Collection[Attempt]:
        """Every attempt that holds a slot."""
        return self._running.values()

    def learn(self, examples: Iterable[tuple[ChunkJob, float]]) -> None:
        """Judge the length of audio by these jobs too: each with the seconds that it took to hear."""
        for job, audio_s in examples:
            self._lengths.observe(job, audio_s)

    # ------------------------------------------------------------ beginnings

    def take_pending(self) -> Iterator[Part]:
        """The parts that become ready, or are isolated, at the end of this turn."""
        pending, self._pending = self._pending, []
        return (part for part in pending if part.wanted)

    def isolate(self, part: Part) -> None:
        """Have a part run alone on a worker."""
        part.move(PartStage.ISOLATED)
        self._quarantine.add(part)

    def start_isolated(self, now: float) -> None:
        """Start the isolated parts that have a worker for themselves now."""
        for part, worker in self._quarantine.due():
            self.start(part, worker, now)

    def start(self, part: Part, worker: Worker, now: float) -> None:
        """Give a part to a worker."""
        self.last_token += 1
        token = self.last_token
        work_s = self._costs.cost(part.job) * self._costs.slow(worker.slots)
        patience, timeouts = 2.0**part.overruns, self._limits.timeouts
        idle_s = max(timeouts.idle_s, IDLE_FACTOR * work_s) * patience
        self._running[token] = Attempt(token, part, worker, now, worker.occupancy.mark(now), idle_s)
        chunk_s = max(timeouts.chunk_s, CHUNK_FACTOR * work_s) * patience
        self._timers.set(Due("chunk", token), now + chunk_s)
        part.begin(token, now)
        part.chunk.where = (worker.id, worker.device.id)
        self._streams.started(part.chunk)
        self._fleet.took_job(worker)
        self._emit(msg.StartJob(token, worker.id, worker.generation, part.job))

    # ------------------------------------------------------------ what workers report

    def process(self, event: msg.Event, now: float) -> None:
        """A worker reports something, or its end is reported."""
        match event:
            case msg.Piece():
                self._receive(event, now)
            case msg.Finished() | msg.Failed() | msg.TooLong() | msg.Cancelled():
                if attempt := self._running.get(event.token):
                    self._conclude(attempt, event, now)
            case msg.WorkerLoading(name, generation) if worker := self._fleet.get(name, generation):
                self._fleet.show_life(worker)
            case msg.WorkerReady(name, generation) if worker := self._fleet.get(name, generation):
                self._fleet.ready(worker)
            case msg.Died(name, generation, why) if worker := self._fleet.get(name, generation):
                self._lose(worker, why, now)
            case msg.LoadFailed(name, generation, why, permanent) if worker := self._fleet.get(
                name, generation
            ):
                self._lose(worker, why, now, permanent=permanent)

    def _receive(self, event: msg.Piece, now: float) -> None:
        attempt = self._running.get(event.token)
        if attempt is None or attempt.cancelled or event.number != attempt.part.pieces:
            return  # nobody waits for it, or it came twice
        part = attempt.part
        self._timers.set(Due("idle", attempt.token), now + attempt.idle_s)
        if not part.receive(event.audio_s, event.payload, event.checksum, now):
            self._settle(part, Fate.DIFFERS, "said again, it differs from what was heard of it", now)
        elif part.chunk.stream.live and part.chunk is part.chunk.stream.head:
            self._streams.touch(part.chunk.stream)

    def _conclude(self, attempt: Attempt, event: msg.End, now: float) -> None:
        """An attempt has ended on its worker: free its slot, and judge it."""
        worker = attempt.worker
        match event:
            case msg.Failed(_, why, "device lost"):
                self._retire(worker.device, why, now)
            case msg.Failed(_, why, "broken worker"):
                self._emit(msg.KillWorker(worker.id, worker.generation, why))
                self._lose(worker, why, now)
            case msg.Failed(_, why, "out of memory"):
                self._forget(attempt)
                self._ask_for_less(attempt, why, now)
                self._quarantine.release(worker)
            case _:
                self._forget(attempt)
                if isinstance(event, msg.Finished):
                    self._fleet.proved(worker, event.memory_bytes)
                self._fleet.freed_slot(worker)
                if not attempt.cancelled:
                    self._judge(attempt, event, now)
                self._quarantine.release(worker)

    def _judge(self, attempt: Attempt, event: msg.End, now: float) -> None:
        """Name the fate that a worker reports."""
        part = attempt.part
        match event:
            case msg.Finished() if not part.audio.audio_s:
                self._settle(part, Fate.BAD_AUDIO, "the backend made no audio", now)
            case msg.Finished(_, doubts):
                self._examine(attempt, doubts, now)
            case msg.TooLong(_, texts):
                self._settle(part, Fate.TOO_LONG, "", now, texts=texts)
            case msg.Cancelled():
                self._settle(part, Fate.ERROR, "the worker dropped it unasked", now)
            case msg.Failed(_, why, "refused"):
                self._settle(part, Fate.REFUSED, why, now)
            case msg.Failed(_, why, "bad audio"):
                self._settle(part, Fate.BAD_AUDIO, why, now)
            case msg.Failed(_, why):
                self._settle(part, Fate.ERROR, why, now)

    def _examine(self, attempt: Attempt, doubts: tuple[Doubt, ...], now: float) -> None:
        """An attempt has made all of its audio: compare it with what was expected and heard before."""
        part, job, audio_s = attempt.part, attempt.job, attempt.part.audio.audio_s
        if not part.repeats:
            fate, why = Fate.DIFFERS, "said again, it is shorter than what was heard of it"
        else:
            if length := self._length_doubt(part):
                doubts = (*doubts, length)
            if doubts and not part.heard:
                part.keep(doubts, self._lengths.expected_s(job) or self._costs.audio(job))
            self._lengths.observe(job, audio_s)
            fate = Fate.DOUBTFUL if doubts else Fate.WHOLE
            why = "; ".join(doubt.text for doubt in doubts)
        self._costs.observe_spent(job, audio_s, attempt.worker.occupancy.since(attempt.mark, now))
        self._compare_with_profile()
        self._settle(part, fate, why, now, doubts=doubts)

    def _compare_with_profile(self) -> None:
        """Say so, once, where s(k) is far from what the profile has."""
        for each in () if self._told_slow else self._costs.slowdowns():
            ratio = each.measured / each.profile
            if each.chunks >= SURE_CHUNKS and not 1.0 / FAR <= ratio <= FAR:
                self._told_slow = True
                self._emit(msg.Notice(
                    f"with {each.k} chunks at a time in a worker each takes {each.measured:.2f} times as "
                    f"long as alone, not {each.profile:.2f} times, as the profile has it; the run goes by "
                    f"what it measures. To measure it for the next one: ttsflow bench"
                ))  # fmt: skip
                return

    def _length_doubt(self, part: Part) -> Doubt | None:
        """What is implausible about the length of a part.

        With the last part of a chunk whose own takes were in doubt, it is all of them together: each may be
        too short to be judged.
        """
        chunk = part.chunk
        doubt = self._lengths.doubt(part.job, part.audio.audio_s)
        if doubt is None and part.last_chance and chunk.whole_but(part):
            doubt = self._lengths.doubt(chunk.job, sum(each.audio.audio_s for each in chunk.parts))
        return doubt

    def _ask_for_less(self, attempt: Attempt, why: str, now: float) -> None:
        """The device is out of memory: fewer at a time, or a fresh worker where that is the least."""
        worker = attempt.worker
        if self._fleet.squeeze(worker, attempt.token, self.last_token):
            self._fleet.freed_slot(worker)
            self._settle(attempt.part, Fate.INTERRUPTED, why, now)
        else:
            self._fleet.kill(worker, "out of memory")
            self._settle(attempt.part, Fate.ERROR, why, now)

    # ------------------------------------------------------------ the end of workers

    def due(self, due: Due, now: float) -> None:
        """A deadline has passed."""
        match due:
            case Due("cancel", int(token)) if attempt := self._running.get(token):
                why = "a cancelled job was not let go of in time"
                self._interrupt(attempt.worker, why, now)
                self._fleet.kill(attempt.worker, why)
                self._quarantine.release(attempt.worker)
            case Due("chunk" | "idle", int(token)) if attempt := self._running.get(token):
                self._end_hung(attempt, due.kind, now)
            case Due("load", (str(name), int(generation))) if worker := self._fleet.get(name, generation):
                why = f"no sign of progress in loading for {self._limits.timeouts.load_s:g} s"
                self._emit(msg.KillWorker(name, generation, why))
                self._lose(worker, why, now)
            case Due("backoff", (str(name), int(generation))) if worker := self._fleet.get(name, generation):
                self._fleet.backed_off(worker)

    def _lose(self, worker: Worker, why: str, now: float, *, permanent: bool = False) -> None:
        """A worker can do no more: what it was speaking may be the cause, and is isolated."""
        self.last_loss = f"{worker.id} on {worker.device.id}: {why}"
        died = f"worker {worker.id} died: {why}"
        attempts = self._forget_all(worker)
        fate = Fate.DIED_ALONE if len(attempts) == 1 else Fate.DIED_IN_COMPANY
        for attempt in attempts:
            if not attempt.cancelled:
                self._settle(attempt.part, fate, died, now)
        self._fleet.died(worker, why, permanent=permanent)
        self._quarantine.release(worker)

    def _end_hung(self, late: Attempt, kind: str, now: float) -> None:
        """An attempt missed a deadline. In company nobody knows which of them hangs: each runs alone next."""
        worker, ran_s = late.worker, now - late.started_s
        silent = f"not done after {ran_s:.0f} s" if kind == "chunk" else f"silent for {late.idle_s:.0f} s"
        why = f"worker {worker.id} hangs and is ended: {silent}"
        self._costs.overran(late.job, ran_s, worker.busy)
        late.part.overruns += 1
        attempts = self._forget_all(worker)
        fate = Fate.HUNG if len(attempts) == 1 else Fate.INTERRUPTED
        for attempt in attempts:
            if not attempt.cancelled:
                attempt.part.isolate = True
                self._settle(attempt.part, fate, why, now)
        self._fleet.kill(worker, why)
        self._quarantine.release(worker)

    def _retire(self, device: Device, why: str, now: float) -> None:
        """A device is lost, and every worker on it."""
        self.last_loss = f"the last on {device.id}: {why}"
        for worker in [worker for worker in self._fleet.workers if worker.device.id == device.id]:
            self._interrupt(worker, f"{device.id} is lost: {why}", now)
            self._quarantine.release(worker)
        self._fleet.retire(device.id, why)

    def _interrupt(self, worker: Worker, why: str, now: float) -> None:
        """What a worker was speaking ends, through no fault of its own."""
        for attempt in self._forget_all(worker):
            if not attempt.cancelled:
                self._settle(attempt.part, Fate.INTERRUPTED, why, now)

    def _forget_all(self, worker: Worker) -> list[Attempt]:
        attempts = [attempt for attempt in self._running.values() if attempt.worker is worker]
        for attempt in attempts:
            self._forget(attempt)
        return attempts

    def _forget(self, attempt: Attempt) -> None:
        """The attempt does not run any more."""
        del self._running[attempt.token]
        attempt.part.tokens.discard(attempt.token)
        if attempt.cancelled:
            self._timers.clear(Due("cancel", attempt.token))
        else:
            self._clear_deadlines(attempt.token)

    def _clear_deadlines(self, token: int) -> None:
        self._timers.clear(Due("chunk", token))
        self._timers.clear(Due("idle", token))

    # ------------------------------------------------------------ verdicts

    def _settle(
        self,
        part: Part,
        fate: Fate,
        why: str,
        now: float,
        *,
        texts: Sequence[str] = (),
        doubts: tuple[Doubt, ...] = (),
    ) -> None:
        """An attempt at a part has ended: count it, decide, and do what was decided."""
        if not part.wanted:
            return
        part.failures += fate in FAILURES
        part.doubted += fate is Fate.DOUBTFUL
        part.deaths += fate in DEATHS
        part.isolate |= fate in DEATHS
        if fate in (Fate.DOUBTFUL, Fate.DIED_ALONE):
            texts = halve(part.job.text, part.job.language)
        verdict = decide(part, fate, why, self._limits, repeatable=self._repeatable, texts=texts)
        match verdict:
            case Accept():
                part.chunk.finish(part, doubts, now)
                self._streams.settled(part.chunk)
            case Retry(another_seed):
                another_take = "is spoken again, with another seed"
                how = another_take if fate is Fate.DOUBTFUL else "failed and is tried again"
                self._emit(msg.Notice(f"{part.chunk.name} {how}: {_located(part, why)}"))
                self._retry(part, another_seed)
            case Split(texts, why):
                self._emit(msg.Notice(f"{part.chunk.name} is spoken in {len(texts)} parts: {why}"))
                self._pending += part.chunk.split(
                    texts, part.isolate, deaths=min(part.deaths, self._limits.deaths - 1)
                )
            case GiveUp(why):
                self._give_up(part, why, now)

    def _retry(self, part: Part, another_seed: bool) -> None:
        if another_seed:
            part.job = part.job.retake()
        part.forget()
        part.move(PartStage.PENDING)
        self._pending.append(part)

    def _give_up(self, part: Part, why: str, now: float) -> None:
        """The part will not come out right: the best take is heard, or else its chunk has failed."""
        chunk = part.chunk
        if chunk.whole_take is not None and not any(each.heard for each in chunk.parts):
            self.withdraw(chunk, now)
            whole = chunk.join()
            whole.restore(chunk.whole_take)
            chunk.finish(whole, chunk.whole_take.doubts, now)
        elif part.best is not None and not part.heard:
            part.restore(part.best)
            chunk.finish(part, part.best.doubts, now)
        else:
            self.withdraw(chunk, now)
            chunk.end("failed", now, _located(part, why))
        self._streams.settled(chunk)

    def withdraw(self, chunk: Chunk, now: float) -> None:
        """Nobody wants what is still to be spoken of a chunk."""
        if chunk.stage is not ChunkStage.SPEAKING:  # nothing is
            return
        for part in chunk.parts:
            if part.tokens:
                for token in part.tokens:
                    self._cancel(self._running[token], now)
            elif part.stage is PartStage.READY:
                self._ready.take(part.job)
            part.move(PartStage.WITHDRAWN)

    def _cancel(self, attempt: Attempt, now: float) -> None:
        """Nobody wants the result any more; the slot stays taken until the worker answers."""
        attempt.cancelled = True
        self._clear_deadlines(attempt.token)
        self._timers.set(Due("cancel", attempt.token), now + self._limits.timeouts.cancel_s)
        self._emit(msg.CancelJob(attempt.token, attempt.worker.id, attempt.worker.generation))

    @property
    def isolating(self) -> bool:
        """Whether any part waits to run alone, or runs alone."""
        return len(self._quarantine) > 0


def _located(part: Part, why: str) -> str:
    """Why, with the part that it is about; nothing is added for a whole chunk."""
    return f"{part.label}: {why}" if part.is_stretch else why


@dataclass(slots=True)
class _Cell:
    """A worker that is reserved for an isolated part, in this generation of the worker."""

    worker: Worker
    generation: int
    part: Part
    started: bool = False


class Quarantine:
    """The isolated parts that wait, and the workers that are reserved for them.

    An isolated part takes the worker with the least to do. The policy gets no slot of that worker until the
    part is through; it starts as soon as the others on the worker are done.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._waiting: list[tuple[Order, int, Part]] = []
        self._serial = 0
        self._cells: dict[str, _Cell] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._cells)

    def add(self, part: Part) -> None:
        """The part is to run alone."""
        self._serial += 1
        heapq.heappush(self._waiting, (part.order, self._serial, part))

    def due(self) -> Iterator[tuple[Part, Worker]]:
        """The parts that may start now, each with its worker; the caller must start them."""
        for cell in list(self._cells.values()):
            if not cell.started and not (self._holds(cell) and cell.part.wanted):
                self._open(cell)
                self.add(cell.part)
        while self._waiting and (worker := self._least_busy()) is not None:
            part = heapq.heappop(self._waiting)[2]
            if part.wanted:
                self._fleet.reserve(worker, True)
                self._cells[worker.id] = _Cell(worker, worker.generation, part)
        for cell in list(self._cells.values()):
            if not cell.started and not cell.worker.busy:
                cell.started = True
                yield cell.part, cell.worker

    def release(self, worker: Worker) -> None:
        """The worker's jobs have ended: if one was an isolated part, the policy gets the worker back."""
        cell = self._cells.get(worker.id)
        if cell is not None and cell.started:
            self._open(cell)

    def _open(self, cell: _Cell) -> None:
        del self._cells[cell.worker.id]
        if self._fleet.holds(cell.worker):
            self._fleet.reserve(cell.worker, False)

    def _holds(self, cell: _Cell) -> bool:
        worker = cell.worker
        return self._fleet.holds(worker) and worker.generation == cell.generation and worker.usable

    def _least_busy(self) -> Worker | None:
        free = (worker for worker in self._fleet.workers if worker.usable and not worker.reserved)
        return min(free, key=lambda worker: worker.busy, default=None)
