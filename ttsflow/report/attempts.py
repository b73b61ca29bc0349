"""The attempts of a run, seen from outside: what a scheduler is fed and what it asks for tell them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from ttsflow.report.excerpt import excerpt
from ttsflow.report.observer import Observer
from ttsflow.scheduler import messages as msg

End = Literal["finished", "failed", "too long", "cancelled", "died", "killed"]
"""How an attempt ended. Too long: its backend asked for parts. Died: its worker did, with all it was doing;
killed: its worker was ended on purpose, because it hung, was broken or was out of memory."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A job on a worker: seconds on the driver's clock, None for what has not happened yet.

    `slot` counts from 0: the first that was free in the worker when the attempt began. `part` is the number
    of the part of the chunk that was spoken, counted from 0, None for the whole. `take` counts the seeds
    that were tried before. `text` is an excerpt of what was spoken, which has `chars` characters. `why` says
    in words why it failed, or what is doubtful about its audio. `hedge`: another attempt at the same, which
    was late, ran when it began; the one that was complete first was heard.
    """

    stream: str
    index: int
    part: int | None
    take: int
    text: str
    chars: int
    worker: str
    generation: int
    slot: int
    started_s: float
    first_audio_s: float | None = None
    ended_s: float | None = None
    end: End | None = None
    why: str | None = None
    hedge: bool = False


@dataclass(frozen=True, slots=True)
class Loss:
    """A worker that is no more: it died, was ended on purpose, or could not load its model.

    `quoted`: why is in the words of its engine, which may have words of a text.
    """

    worker: str
    generation: int
    device: str
    at_s: float
    why: str
    quoted: bool = False


class AttemptWatch:
    """A scheduler whose attempts, and beginnings and ends of workers, are told to an observer.

    It is driven as the scheduler is, and changes nothing. So every driver tells of its attempts in the
    same way: the runner, and the simulator.
    """

    def __init__(self, scheduler: msg.Driven, observer: Observer) -> None:
        self._scheduler, self._observer = scheduler, observer
        self._running: dict[int, Attempt] = {}
        self._devices: dict[tuple[str, int], str] = {}  # of the workers that live, by name and generation

    @property
    def doing(self) -> str:
        """What the scheduler is in the middle of."""
        return self._scheduler.doing

    def start(self, now: float) -> list[msg.Command]:
        return self._follow(self._scheduler.start(now), now)

    def feed(self, events: Iterable[msg.Event], now: float) -> list[msg.Command]:
        events = list(events)
        for event in events:
            self._happened(event, now)
        return self._follow(self._scheduler.feed(events, now), now)

    def _happened(self, event: msg.Event, now: float) -> None:
        match event:
            case msg.Piece(token, number=0) if attempt := self._running.get(token):
                self._running[token] = begun = replace(attempt, first_audio_s=now)
                self._observer.attempt(token, begun)
            case msg.Finished(token, doubts):
                self._ended(token, "finished", "; ".join(doubt.text for doubt in doubts) or None, now)
            case msg.Failed(token, why):
                self._ended(token, "failed", why, now)
            case msg.TooLong(token):
                self._ended(token, "too long", None, now)
            case msg.Cancelled(token):
                self._ended(token, "cancelled", None, now)
            case msg.Died(worker, generation, why) | msg.LoadFailed(worker, generation, why):
                self._lost(worker, generation, "died", why, now)

    def _follow(self, commands: list[msg.Command], now: float) -> list[msg.Command]:
        for command in commands:
            match command:
                case msg.StartWorker(worker, generation, spec):
                    self._devices[worker, generation] = spec.device.id
                    self._observer.worker_started(worker, generation, now)
                case msg.StartJob():
                    self._began(command, now)
                case msg.Learnt(slowdowns):
                    self._observer.learnt(slowdowns)
                case msg.KillWorker(worker, generation, why, quoted):
                    self._lost(worker, generation, "killed", why, now, quoted=quoted)
        return commands

    def _began(self, command: msg.StartJob, now: float) -> None:
        job, worker, generation = command.job, command.worker, command.generation
        taken = {
            other.slot
            for other in self._running.values()
            if (other.worker, other.generation) == (worker, generation)
        }
        slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)
        part = job.part[0] if job.part else None
        attempt = Attempt(
            stream=job.stream,
            index=job.index,
            part=part,
            take=job.take,
            text=excerpt(job.shown),
            chars=len(job.shown),
            worker=worker,
            generation=generation,
            slot=slot,
            started_s=now,
            hedge=command.hedge,
        )
        self._running[command.token] = attempt
        self._observer.attempt(command.token, attempt)

    def _ended(self, token: int, end: End, why: str | None, now: float) -> None:
        if (attempt := self._running.pop(token, None)) is not None:  # else it was over before: it is stale
            self._observer.attempt(token, replace(attempt, ended_s=now, end=end, why=why))

    def _lost(
        self, worker: str, generation: int, end: End, why: str, now: float, *, quoted: bool = False
    ) -> None:
        device = self._devices.pop((worker, generation), None)
        if device is None:  # that it is gone was told before
            return
        for token, attempt in list(self._running.items()):
            if (attempt.worker, attempt.generation) == (worker, generation):
                self._ended(token, end, why, now)
        self._observer.worker_lost(Loss(worker, generation, device, now, why, quoted))
