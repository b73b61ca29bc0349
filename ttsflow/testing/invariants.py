"""The promises of the scheduler, checked from outside: whatever drives it, whatever the policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ttsflow.interface.device import Device
from ttsflow.interface.jobs import Outcome
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.messages import Driven
from ttsflow.scheduler.streams import SLOTS_AHEAD
from ttsflow.scheduler.verdicts import Ends, hopeless
from ttsflow.testing.records import Attempt, Chunk, End, Stream, Worker
from ttsflow.testing.rules import InvariantBroken, Rules, expect

__all__ = ["InvariantBroken", "Watched"]


class Watched:
    """A scheduler whose every event and command is checked.

    Each chunk ends exactly once, with the audio of whole attempts and nothing else, in text order; one that
    is spoken in parts with that of one attempt at each, in the order of the parts. A stored chunk is
    committed once, and handed over after that; with gaps where its stream ends early. Failed chunks are
    named, not before some part of them has used up what it may, nor for what was beside them; none is
    started then. Two attempts at most race, on two workers; the first that is whole wins, unless it
    differs, and the other is cancelled at once; no attempt is left behind. A seed changes only after audio
    was refused. What a worker may have died of runs alone. A worker never has more jobs than slots, nor any
    before it is ready or on a device that is gone; what is in memory is bounded; nothing starts while the
    scheduler drains; a cancelled stream ends at once; submitted = delivered + failed + not reached. Raises
    InvariantBroken.
    """

    def __init__(
        self, scheduler: Driven, limits: Limits, turns: float = float("inf"), *, repeatable: bool = False
    ) -> None:
        """`turns` is how many calls of `feed` the whole run may take. `repeatable`: the backend says that it
        gives the same audio again."""
        self._scheduler, self._limits, self._turns = scheduler, limits, turns
        self._rules = Rules(limits, repeatable)
        self._streams: dict[str, Stream] = {}
        self._workers: dict[str, Worker] = {}
        self._running: dict[int, Attempt] = {}  # by token
        self._ended: dict[int, Attempt] = {}  # in this turn
        self._devices: dict[str, Device] | None = None  # as changed last; None before any change
        self._lost: set[str] = set()
        self._last_token = self._most_slots = 0
        self._draining = self._stopped = False

    @property
    def doing(self) -> str:
        return self._scheduler.doing

    def start(self, now: float) -> list[msg.Command]:
        return self._check(self._scheduler.start(now))

    def feed(self, events: Iterable[msg.Event], now: float) -> list[msg.Command]:
        self._turns -= 1
        expect(self._turns > 0, "it does not end")
        events = list(events)
        self._ended.clear()
        for event in events:
            self._take_note(event)
        return self._check(self._scheduler.feed(events, now))

    def check_end(self, *, closed: bool = False) -> None:
        """Nothing is left to happen: every stream must have ended, and no worker be left behind.

        `closed`: the driver has ended the workers, maybe in the middle of a job.
        """
        for name, stream in self._streams.items():
            expect(stream.done, f"stream {name!r} is not accounted for at the end")
        for name, worker in self._workers.items():
            gone = self._devices is not None and worker.spec.device.id not in self._devices
            expect(worker.tokens or not gone or self._stopped, f"{name} is left on a device that is gone")
            expect(not worker.tokens or closed or self._stopped, f"{name} is left with a job")

    # ------------------------------------------------------------ events

    def _take_note(self, event: msg.Event) -> None:
        match event:
            case msg.OpenStream(name):
                self._streams[name] = Stream(event.stored, ends=Ends(len(event.examples)))
            case msg.Submit(name, jobs) if not self._streams[name].done:
                self._streams[name].submitted += len(jobs)
            case msg.CancelStream(name):
                self._streams[name].cancelled = True
            case msg.Drain():
                self._draining = True
            case msg.WorkerReady(name, generation):
                if (worker := self._workers.get(name)) and worker.generation == generation:
                    worker.ready = True
            case msg.Piece(token, number, _, payload, checksum):
                if (attempt := self._running.get(token)) and number == len(attempt.pieces):
                    attempt.pieces.append(payload)
                    attempt.sums.append(checksum)
            case msg.Finished(token, doubts):
                if attempt := self._running.get(token):
                    attempt.flagged = bool(doubts)
                    self._release(token, "whole" if attempt.pieces else "bad")
            case msg.Failed(token, _, kind):
                self._take_note_of_failure(token, kind)
            case msg.TooLong(token, texts):
                if attempt := self._running.get(token):
                    late = attempt.pieces or attempt.job.part
                    self._release(token, "refused" if late else "split")
                    if attempt.end == "split" and not attempt.cancelled:
                        attempt.chunk.texts = list(texts)
            case msg.Cancelled(token):
                self._release(token, "failed")
            case msg.Died(name, generation) | msg.LoadFailed(name, generation):
                self._bury(name, generation, "died")
            case msg.DevicesChanged(devices):
                self._devices = {device.id: device for device in devices}
            case msg.Committed(name, index):
                if (chunk := self._streams[name].chunks.get(index)) and chunk.committed:
                    chunk.kept = True
                    self._streams[name].held.discard(index)
            case msg.Delivered(name, index):
                self._written(self._streams[name], index)

    def _take_note_of_failure(self, token: int, kind: msg.FailureKind) -> None:
        if not (attempt := self._running.get(token)):
            return
        worker = self._workers[attempt.worker]
        match kind:
            case "broken worker":
                self._bury(attempt.worker, worker.generation, "died")
            case "device lost":
                device = worker.spec.device.id
                self._lost.add(device)
                for name, other in list(self._workers.items()):
                    if other.spec.device.id == device:
                        self._bury(name, other.generation, "cut off")
            case "out of memory":
                attempt.alone = len(worker.tokens) == 1
                self._release(token, "cut off")
            case _:
                ends: dict[str, End] = {"refused": "refused", "bad audio": "bad"}
                self._release(token, ends.get(kind, "failed"))

    def _written(self, stream: Stream, index: int) -> None:
        if index in stream.waiting and not stream.done:
            stream.waiting.remove(index)
            stream.held.discard(index)
            chunk = stream.chunks.get(index)  # none for a pause
            stream.delivered += chunk is None or not chunk.given_up

    def _release(self, token: int, end: End) -> None:
        """An attempt is over, unless its token is stale."""
        attempt = self._running.pop(token, None)
        if attempt is None:
            return
        attempt.end = end
        self._workers[attempt.worker].tokens.discard(token)
        part = attempt.chunk.part(attempt.job.part)
        spoke = any(rival.pieces for rival in part.racing)
        if (end in ("failed", "bad") and part.racing) or (end in ("refused", "split") and spoke):
            attempt.end = "set aside"
        attempt.contradicts = any(not attempt.agrees(first) for first in part.racing if attempt.hedge)
        if not attempt.cancelled:
            part.ended.append(attempt)
            self._ended[token] = attempt

    def _cancel(self, token: int) -> None:
        """Nobody wants an attempt any more, though it may have ended in this very turn."""
        if (attempt := self._ended.pop(token, None)) is not None:
            attempt.chunk.part(attempt.job.part).ended.remove(attempt)
        elif (attempt := self._running.get(token)) is not None:
            attempt.cancelled = True

    def _bury(self, name: str, generation: int, end: End) -> None:
        worker = self._workers.get(name)
        if worker is not None and worker.generation == generation:
            for token in list(worker.tokens):
                self._running[token].alone = len(worker.tokens) == 1
            for token in list(worker.tokens):
                self._release(token, end)
            del self._workers[name]

    # ------------------------------------------------------------ commands

    def _check(self, commands: list[msg.Command]) -> list[msg.Command]:
        expect(not (self._stopped and commands), "commands after Stop")
        for command in commands:
            match command:
                case msg.StartWorker(name, generation, spec):
                    expect(spec.device.id not in self._lost, f"{name} starts on a lost device")
                    self._workers[name] = Worker(generation, spec)
                    slots = sum(worker.spec.slots for worker in self._workers.values())
                    self._most_slots = max(self._most_slots, slots)
                case msg.KillWorker(name, generation):
                    self._bury(name, generation, "cut off")
                case msg.StartJob():
                    self._check_start(command)
                case msg.CancelJob(token):
                    self._cancel(token)
                case msg.Commit(outcome, payloads):
                    self._check_commit(outcome, payloads)
                case msg.Deliver():
                    self._check_delivery(command)
                case msg.ChunkFailed(outcome):
                    self._check_failure(outcome)
                case msg.StreamFinished():
                    self._check_account(command)
                case msg.Stop():
                    self._stopped = True
                    for name, stream in self._streams.items():
                        expect(stream.done, f"Stop before {name!r} was accounted for")
        for attempt in self._ended.values():
            if attempt.end == "whole" and not self._streams[attempt.job.stream].done:
                self._rules.check_won(attempt, attempt.chunk.part(attempt.job.part))
        for name, stream in self._streams.items():
            expect(stream.done or not stream.cancelled, f"{name!r} was cancelled and goes on")
            expect(stream.done or not stream.gaps, f"a chunk of {name!r} was left out, and it goes on")
            expect(
                stream.done or not self._is_hopeless(stream), f"all of {name!r} fails alike and it goes on"
            )
        return commands

    @staticmethod
    def _is_hopeless(stream: Stream) -> bool:
        """Whether all that has ended of a stream shows that nothing of it can be spoken."""
        tried = [chunk for chunk in stream.chunks.values() if not chunk.given_up]
        others = any(attempt.end != "running" for chunk in tried for attempt in chunk.attempts)
        return hopeless(stream.ends) and not others

    def _check_start(self, command: msg.StartJob) -> None:
        job, name = command.job, command.worker
        stream = self._streams[job.stream]
        expect(name in self._workers, f"{job} started on {name}, which is dead")
        worker = self._workers[name]
        expect(worker.ready and worker.generation == command.generation, f"{name} is not ready")
        expect(len(worker.tokens) < self._slots(worker), f"{name} has more jobs than slots")
        expect(command.token > self._last_token, f"token {command.token} used twice")
        expect(not stream.done, f"{job} started after its stream ended")
        expect(not self._draining, f"{job} started while the scheduler drains")
        expect(job.speakable, f"{job} has nothing to say")
        expect(job.index >= stream.handed, f"{job} started after it was handed over")
        chunk = stream.chunks.setdefault(job.index, Chunk(job))
        part = chunk.part(job.part)
        self._rules.check_race(job, name, part, command.hedge)
        self._rules.check_try(job, chunk, part)
        others = [self._running[token] for token in worker.tokens]
        wanted = [other for other in others if not other.cancelled]  # the rest is about to be let go of
        self._rules.check_company(job, part, wanted)
        stream.held.add(job.index)
        window = max(self._limits.look_ahead, SLOTS_AHEAD * self._most_slots)
        far = len(stream.held) if stream.stored else job.index - stream.handed + len(stream.waiting) + 1
        expect(far <= window, f"{job} is more than {window} chunks ahead")
        self._last_token = command.token
        worker.tokens.add(command.token)
        attempt = self._running[command.token] = Attempt(chunk, job, name, command.hedge)
        part.tries.append(attempt)

    def _slots(self, worker: Worker) -> int:
        if self._devices is None:
            return worker.spec.slots
        device = self._devices.get(worker.spec.device.id)
        expect(device is not None, f"a job started on {worker.spec.device.id}, which is gone")
        cap = device.max_slots if device is not None else None
        return worker.spec.slots if cap is None else min(cap, worker.spec.slots)

    # ------------------------------------------------------------ what is handed over

    def _check_commit(self, outcome: Outcome, payloads: Any) -> None:
        job, stream = outcome.job, self._streams[outcome.job.stream]
        chunk = stream.chunks.get(job.index)
        if chunk is None:
            raise InvariantBroken(f"{job} was committed before it was spoken")
        expect(stream.stored and not chunk.committed, f"{job} was committed twice, or has no store")
        chunk.committed = True
        expect(chunk.hear(payloads), f"{job} was committed with audio that is not its own")
        self._check_outcome(outcome)

    def _check_delivery(self, command: msg.Deliver) -> None:
        """What the sink gets must be what whole attempts made."""
        name, index, payloads, outcome = command.stream, command.index, command.payloads, command.outcome
        stream = self._streams[name]
        self._check_order(stream, name, index)
        chunk = stream.chunks.get(index)
        if stream.stored:
            expect(not payloads, f"chunk {index} of {name!r} goes to the sink and not to the store")
            kept = outcome is not None and (chunk is None or chunk.kept)
            expect(kept, f"chunk {index} of {name!r} was handed over before it was committed")
        else:
            its_own = not payloads if chunk is None else chunk.hear(payloads)
            expect(its_own, f"chunk {index} of {name!r} was handed over with audio that is not its own")
        if outcome is not None:
            self._check_outcome(outcome)
            self._hand_over(stream, index)

    def _check_outcome(self, outcome: Outcome) -> None:
        job, chunk = outcome.job, self._streams[outcome.job.stream].chunks.get(outcome.job.index)
        if chunk is None:
            expect(outcome.status == "pause", f"{job} was not spoken, and is told as {outcome.status}")
            expect(not job.speakable, f"{job} is told as a pause")
            return
        expect(outcome.status in ("ok", "flagged"), f"{job} is told as {outcome.status}")
        self._streams[job.stream].ends.spoken += 1
        spoken = chunk.spoken()
        expect(spoken, f"{job} was handed over without all of its audio")
        flagged = any(attempt.flagged for attempt in spoken)
        told = outcome.status == "flagged"
        expect(told == bool(outcome.doubts), f"{job} is told as {outcome.status} with {outcome.doubts}")
        by_length = any(doubt.kind == "length" for doubt in outcome.doubts)  # only the scheduler can tell
        expect(told == flagged or (told and by_length), f"{job} is told as {outcome.status}")
        self._rules.check_told(outcome, chunk)

    def _check_failure(self, outcome: Outcome) -> None:
        job, stream = outcome.job, self._streams[outcome.job.stream]
        self._check_order(stream, job.stream, job.index)
        expect(outcome.status == "failed" and bool(outcome.why), f"{job} failed without a reason")
        expect(job.index in stream.chunks, f"{job} was given up before it was tried")
        chunk = stream.chunks[job.index]
        attempts = list(chunk.attempts)
        spent = any(self._rules.is_out(part) for part in chunk.parts.values())
        expect(spent or chunk.heard, f"{job} was given up after {len(attempts)} attempts")
        wanted = any(attempt.end == "running" and not attempt.cancelled for attempt in attempts)
        expect(not wanted, f"{job} was given up, and a part of it is spoken on")
        expect(bool(outcome.sent_s) == bool(chunk.heard), f"{job}: what was heard of it is not told")
        self._rules.check_told(outcome, chunk)
        stream.failed += 1
        stream.ends.add_failure(outcome.why or "")
        chunk.given_up = True
        if stream.stored:
            stream.held.discard(job.index)
        self._hand_over(stream, job.index)

    def _check_order(self, stream: Stream, name: str, index: int) -> None:
        expect(not stream.done, f"chunk {index} of {name!r} came after the stream's end")
        stream.gaps |= stream.stored and index > stream.handed
        in_turn = index >= stream.handed if stream.gaps else index == stream.handed
        expect(in_turn, f"chunk {index} of {name!r} came where {stream.handed} was due")

    def _hand_over(self, stream: Stream, index: int) -> None:
        stream.handed = index + 1
        stream.waiting.add(index)
        if stream.stored:  # nobody answers
            self._written(stream, index)

    def _check_account(self, command: msg.StreamFinished) -> None:
        stream, account = self._streams[command.stream], command.account
        expect(not stream.done, f"{command.stream!r} finished twice")
        expect(account.settled, f"{account} does not add up")
        expect(account.submitted == stream.submitted, f"{account}: {stream.submitted} were submitted")
        expect(account.delivered == stream.delivered, f"{account}: {stream.delivered} were delivered")
        expect(account.failed == stream.failed, f"{account}: {stream.failed} failed")
        expect(command.why is not None or not account.not_reached, f"{account}: not all was reached")
        given_up = command.error is not None
        expect(not (given_up and stream.ends.spoken), f"{command.stream!r} was given up, and some was spoken")
        stream.done = True
