"""Supervision: attempts from their start to their verdict, and the end of workers that can do no more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ttsflow.interface.costs import Costs
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob, Doubt
from ttsflow.interface.profile import Profile
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.attempts import Attempt
from ttsflow.scheduler.chunks import Audio, Chunk, ChunkStage, Part, PartStage
from ttsflow.scheduler.deadlines import Deadlines
from ttsflow.scheduler.fleet import Fleet, Worker
from ttsflow.scheduler.hedges import Hedges
from ttsflow.scheduler.lengths import Lengths
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.quarantine import Quarantine
from ttsflow.scheduler.ready import ReadyQueue
from ttsflow.scheduler.streams import Streams
from ttsflow.scheduler.timers import Due, Timers
from ttsflow.scheduler.verdicts import (
    COMPLETE,
    DEATHS,
    FAILURES,
    FINAL,
    Accept,
    Fate,
    GiveUp,
    GoOn,
    Retry,
    Split,
    decide,
)
from ttsflow.text import halve

FAR, SURE_CHUNKS = 1.3, 8.0
"""times the profile's s(k), or a part of it, after so many chunks: a person should know"""


@dataclass(frozen=True, slots=True)
class LastLoss:
    """How the last worker ended, in words; `quoted`: in those of its engine."""

    words: str
    quoted: bool = False


class Supervisor:
    """Knows every attempt that runs, by its token. A message with another token is stale, and dropped.

    An attempt that misses one of its `Deadlines` hangs, and ends with its worker. A worker that loads must
    show progress. An attempt that is late, or whose worker is silent, may be hedged: two attempts race, the
    first that is complete wins, and the other is cancelled, however long that takes. What a worker ran when
    it died or hung goes into `Quarantine`: it runs next, alone on a worker, and only a part that dies again,
    alone, is a poison job. `last_loss` tells how the last worker ended.
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
        self._fleet, self._streams, self._ready = fleet, streams, ready
        self._costs, self._limits, self._emit, self._repeatable = costs, limits, emit, repeatable
        self._lengths = Lengths(profile)
        self._hedges = Hedges(fleet, costs, profile, limits)
        self._deadlines = Deadlines(timers, costs, self._hedges, limits.timeouts)
        self._quarantine = Quarantine(fleet)
        self._running: dict[int, Attempt] = {}
        self._pending: list[Part] = []
        self._told_slow = False
        self.last_token = 0
        self.last_loss: LastLoss | None = None

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

    def start_hedges(self, now: float, *, heads: bool) -> None:
        """Start second attempts on free slots; with `heads`, only where a listener waits for the first."""
        if not self._hedges:
            return
        last = not self._ready and sum(not attempt.cancelled for attempt in self._running.values()) == 1
        for late, worker in self._hedges.due(now, heads=heads, last=last):
            self.start(late.part, worker, now, hedge=True)

    def start(self, part: Part, worker: Worker, now: float, *, hedge: bool = False) -> None:
        """Give a part to a worker; with `hedge`, while another attempt at it runs."""
        self.last_token += 1
        token = self.last_token
        audio, mark = part.begin(token, now), worker.occupancy.mark(now)
        attempt = Attempt(token, part, part.job, worker, audio, now, mark, hedge)
        self._running[token] = attempt
        self._hedges.began(attempt)
        self._deadlines.set(attempt)
        if not hedge:
            self._deadlines.watch(attempt, now)
            part.chunk.where = (worker.id, worker.device.id)
        self._streams.started(part.chunk)
        self._fleet.took_job(worker)
        self._emit(msg.StartJob(token, worker.id, worker.generation, part.job, hedge))

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
            case msg.Silent(name, generation, silent_s) if worker := self._fleet.get(name, generation):
                self._suspect(worker, silent_s, now)
            case msg.Alive(name, generation) if worker := self._fleet.get(name, generation):
                self._trust(worker, now)
            case msg.Paused():
                for attempt in self._running.values():
                    attempt.disturbed = True
            case msg.Died(name, generation, why) if worker := self._fleet.get(name, generation):
                self._lose(worker, why, now)
            case msg.LoadFailed(name, generation, why, permanent, may_pass) if worker := self._fleet.get(
                name, generation
            ):
                useless = permanent or (not may_pass and self._fleet.fails_again(worker, why))
                self._lose(worker, why, now, permanent=useless)

    def _receive(self, event: msg.Piece, now: float) -> None:
        attempt = self._running.get(event.token)
        if attempt is None or attempt.cancelled or event.number != len(attempt.audio.sums):
            return  # nobody waits for it, or it came twice
        part, audio = attempt.part, attempt.audio
        self._deadlines.heard(attempt, now)
        same = part.receive(audio, event.audio_s, event.payload, event.checksum, now)
        if same and audio is not part.audio:
            if len(audio.sums) <= part.pieces:
                return
            same = audio.agrees(part.heard) and not self._contradicts(audio, part.audio)
            if same:
                part.follow(audio)
        if not same:
            self._differ(attempt, now)
        elif part.chunk.stream.live and part.chunk is part.chunk.stream.head:
            self._streams.touch(part.chunk.stream)

    # ------------------------------------------------------------ races

    def _wins(self, attempt: Attempt, now: float) -> bool:
        """Whether an attempt that is complete is what its part goes by; else the other one goes on."""
        part, audio = attempt.part, attempt.audio
        if part.raced:
            [rival] = self._rivals(part)
            differs = self._contradicts(audio, rival.audio)
            if differs:
                self._distrust(part)
            first_goes_on = differs and attempt.token > rival.token and rival.audio.agrees(part.heard)
            if not part.repeats(audio) or first_goes_on:
                self._go_on(part, now)
                return False
        if attempt.hedge:
            part.chunk.where = (attempt.worker.id, attempt.worker.device.id)
        part.follow(audio)
        return True

    def _differ(self, attempt: Attempt, now: float) -> None:
        """An attempt that runs does not say what was heard, or said, of its part before."""
        part = attempt.part
        if len(part.tokens) > 1:
            self._outrun(attempt)
            if self._repeatable:
                self._distrust(part)
            self._go_on(part, now)
        else:
            self._cancel(attempt, now)
            self._settle(part, Fate.DIFFERS, "said again, it differs from what was heard of it", now)

    def _contradicts(self, one: Audio, other: Audio) -> bool:
        """Whether two attempts show that the engine does not give the same audio again, as it says."""
        return self._repeatable and not one.agrees(other.sums)

    def _distrust(self, part: Part) -> None:
        """Two attempts at a part differ: name it, and hedge no more."""
        if not self._hedges.distrusted:
            self._hedges.distrusted = True
            self._emit(msg.Notice(
                f"{part.chunk.name}: a second attempt differs from the first, which goes on. The backend "
                f"does not give the same audio again, though it says so; no further chunk is hedged"
            ))  # fmt: skip

    def _go_on(self, part: Part, now: float) -> None:
        """One of two attempts at a part is over, and the other goes on."""
        [rival] = self._rivals(part)
        if not rival.audio.agrees(part.heard):
            self._differ(rival, now)
            return
        if rival.audio is not part.audio:
            part.follow(rival.audio)
            self._streams.touch(part.chunk.stream)
        self._deadlines.watch(rival, now)

    def _rivals(self, part: Part) -> list[Attempt]:
        """The attempts at a part that run."""
        return [self._running[token] for token in part.tokens]

    def _outrun(self, attempt: Attempt) -> None:
        """Nobody wants the result any more. It holds its slot until the worker answers, or the deadline."""
        attempt.cancelled = True
        attempt.part.tokens.discard(attempt.token)
        self._hedges.forget(attempt)
        self._deadlines.unwanted(attempt)
        self._emit(msg.CancelJob(attempt.token, attempt.worker.id, attempt.worker.generation))

    # ------------------------------------------------------------ the ends of attempts

    def _conclude(self, attempt: Attempt, event: msg.End, now: float) -> None:
        """An attempt has ended on its worker: free its slot, and judge it."""
        worker = attempt.worker
        match event:
            case msg.Failed(_, why, "device lost"):
                self._retire(worker.device, why, now)
            case msg.Failed(_, why, "broken worker"):
                self._emit(msg.KillWorker(worker.id, worker.generation, why, quoted=True))
                self._lose(worker, why, now, quoted=True)
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
            case msg.Finished() if not attempt.audio.audio_s:
                self._settle(part, Fate.BAD_AUDIO, "the backend made no audio", now)
            case msg.Finished(_, doubts):
                if self._wins(attempt, now):
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
        part, job, audio_s = attempt.part, attempt.job, attempt.audio.audio_s
        if not part.repeats(attempt.audio):
            fate, why = Fate.DIFFERS, "said again, it is shorter than what was heard of it"
        else:
            if length := self._length_doubt(part):
                doubts = (*doubts, length)
            if doubts and not part.heard:
                part.keep(doubts, self._lengths.expected_s(job) or self._costs.audio(job))
            self._lengths.observe(job, audio_s)
            fate = Fate.DOUBTFUL if doubts else Fate.WHOLE
            why = "; ".join(doubt.text for doubt in doubts)
        self._deadlines.learn(attempt, audio_s, now, self._running.values())
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
            fate = Fate.INTERRUPTED
        else:
            self._fleet.kill(worker, "out of memory")
            fate = Fate.ERROR
        if not attempt.cancelled:
            self._settle(attempt.part, fate, why, now)

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
                if (how := self._deadlines.missed(due, attempt, now)) is not None:
                    self._end_hung(attempt, how, now)
            case Due("late", int(token)) if attempt := self._running.get(token):
                self._deadlines.watch(attempt, now)
            case Due("silence", (str(name), int(generation))) if worker := self._fleet.get(name, generation):
                self._end_silent(worker, now)
            case Due("load", (str(name), int(generation))) if worker := self._fleet.get(name, generation):
                why = f"no sign of progress in loading for {self._limits.timeouts.load_s:g} s"
                self._emit(msg.KillWorker(name, generation, why))
                self._lose(worker, why, now)
            case Due("backoff", (str(name), int(generation))) if worker := self._fleet.get(name, generation):
                self._fleet.backed_off(worker)

    def _lose(
        self, worker: Worker, why: str, now: float, *, permanent: bool = False, quoted: bool = False
    ) -> None:
        """A worker can do no more: what it was speaking may be the cause, and is isolated."""
        self.last_loss = LastLoss(f"{worker.id} on {worker.device.id}: {why}", quoted)
        died = f"worker {worker.id} died: {why}"
        attempts = self._forget_all(worker)
        fate = Fate.DIED_ALONE if len(attempts) == 1 else Fate.DIED_IN_COMPANY
        for attempt in attempts:
            if not attempt.cancelled:
                self._settle(attempt.part, fate, died, now)
        self._fleet.died(worker, why, permanent=permanent)
        self._quarantine.release(worker)

    def _end_hung(self, late: Attempt, how: str, now: float) -> None:
        """An attempt missed a deadline. In company nobody knows which of them hangs: each runs alone next."""
        worker = late.worker
        why = f"worker {worker.id} hangs and is ended: {how}"
        self._deadlines.overran(late)
        attempts = self._forget_all(worker)
        fate = Fate.HUNG if len(attempts) == 1 else Fate.INTERRUPTED
        for attempt in attempts:
            if not attempt.cancelled:
                attempt.part.isolate = True
                self._settle(attempt.part, fate, why, now)
        self._fleet.kill(worker, why)
        self._quarantine.release(worker)

    def _suspect(self, worker: Worker, silent_s: float, now: float) -> None:
        """A worker is silent: it gets no new job, and what it speaks is hedged."""
        if worker.suspected:
            return
        self._emit(msg.Notice(
            f"worker {worker.id} on {worker.device.id} has shown no sign of life for {silent_s:.0f} s: it "
            f"gets no chunk until it does"
        ))  # fmt: skip
        self._fleet.suspect(worker, now + self._deadlines.silence_s)
        for attempt in self._on(worker):
            attempt.disturbed = True
            self._deadlines.watch(attempt, now)

    def _trust(self, worker: Worker, now: float) -> None:
        """A worker that was silent shows life."""
        if worker.suspected:
            self._fleet.trust(worker)
            for attempt in self._on(worker):
                self._hedges.forget(attempt)
                self._deadlines.watch(attempt, now)

    def _end_silent(self, worker: Worker, now: float) -> None:
        """A worker was silent for as long as a short chunk may take. What is wanted has its own deadline."""
        if any(not attempt.cancelled for attempt in self._on(worker)):
            self._fleet.suspect(worker, now + self._deadlines.silence_s)
            return
        why = "no sign of life"
        self.last_loss = LastLoss(f"{worker.id} on {worker.device.id}: {why}")
        self._interrupt(worker, why, now)
        self._fleet.kill(worker, why)
        self._quarantine.release(worker)

    def _retire(self, device: Device, why: str, now: float) -> None:
        """A device is lost, and every worker on it."""
        self.last_loss = LastLoss(f"the last on {device.id}: {why}", quoted=True)
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
        attempts = self._on(worker)
        for attempt in attempts:
            self._forget(attempt)
        return attempts

    def _on(self, worker: Worker) -> list[Attempt]:
        """The attempts that hold a slot of the worker."""
        return [attempt for attempt in self._running.values() if attempt.worker is worker]

    def _forget(self, attempt: Attempt) -> None:
        """The attempt does not run any more."""
        del self._running[attempt.token]
        attempt.part.tokens.discard(attempt.token)
        self._hedges.forget(attempt)
        self._deadlines.forget(attempt)

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
        part.failures += fate in FAILURES and not part.raced  # a race costs one retry at most
        part.doubted += fate is Fate.DOUBTFUL
        part.deaths += fate in DEATHS
        part.isolate |= fate in DEATHS
        for rival in self._rivals(part):
            over = fate in COMPLETE or (fate in FINAL and not rival.audio.sums)
            may_kill_others = fate in DEATHS and rival.worker.spec.slots > 1
            if over or may_kill_others:
                self._outrun(rival)
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
                if part.chunk.stream.ends.is_news(why):
                    self._emit(msg.Notice(f"{part.chunk.name} {how}: {_located(part, why)}"))
                self._retry(part, another_seed)
            case Split(texts, why):
                self._emit(msg.Notice(f"{part.chunk.name} is spoken in {len(texts)} parts: {why}"))
                self._pending += part.chunk.split(
                    texts, part.isolate, deaths=min(part.deaths, self._limits.deaths - 1)
                )
            case GiveUp(why):
                self._give_up(part, why, now)
            case GoOn():
                self._go_on(part, now)

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
                for attempt in self._rivals(part):
                    self._cancel(attempt, now)
            elif part.stage is PartStage.READY:
                self._ready.take(part.job)
            part.move(PartStage.WITHDRAWN)

    def _cancel(self, attempt: Attempt, now: float) -> None:
        """Nobody wants the result any more, and the slot is soon to be free."""
        self._outrun(attempt)
        self._deadlines.free_soon(attempt, now)

    @property
    def isolating(self) -> bool:
        """Whether any part waits to run alone, or runs alone."""
        return len(self._quarantine) > 0


def _located(part: Part, why: str) -> str:
    """Why, with the part that it is about; nothing is added for a whole chunk."""
    return f"{part.label}: {why}" if part.is_stretch else why
