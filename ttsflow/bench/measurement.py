"""A measurement from its first worker to its last round: what is tried, in which order, and for how long."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from ttsflow.bench.arms import ALONE, Arm, Wish, ladder, most_slots, most_workers, room
from ttsflow.bench.chunks import candidates, mixed, typical
from ttsflow.bench.crew import Crew, OutOfTime
from ttsflow.bench.load import Load, Pass, Trouble
from ttsflow.bench.memory import taken_bytes
from ttsflow.bench.shelf import Shelf
from ttsflow.errors import RunError, WorkerError
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.profile import ENOUGH, Profile
from ttsflow.report.units import duration
from ttsflow.runner.workers import WorkersFactory
from ttsflow.scheduler.limits import Timeouts

MOST_CHUNKS, FEWEST_CHUNKS = 12, 3
"""of the mix that every arm speaks: enough for short, middle and long ones"""

MOST_ROUNDS, ENOUGH_ROUNDS = 10, 5
"""how often each arm is measured at most, and how often so that two can be compared"""

PASS_S = 0.5
"""seconds that a pass takes at least, so that its start and end do not count: its chunks are repeated"""

BUSY = 0.5
"""load for each core from which other programs disturb what is measured on a CPU"""

SLACK = 1.2
"""times what the longest round took, for which there must be time so that one may be the longest"""

TRIALS = 2
"""rounds that speaking the mix once, trying the arms and loading workers take about"""

LATE = 10.0
"""times what a pass is expected to take, after which a worker hangs"""

LATE_S = 10.0
"""seconds that it may take in any case"""

SHORTEST_S = 1e-4
"""seconds that a chunk takes at least, for an engine that takes no time"""

LOADING_SHARE = 1 / 3
"""of the time that is left, which loading more workers may take"""


@dataclass(frozen=True, slots=True)
class Round:
    """The passes of one round, by arm; the arms were measured one after the other, with the same chunks."""

    passes: dict[Arm, Pass] = field(default_factory=dict)


@dataclass(slots=True)
class Measured:
    """What was measured.

    `climb` has the first pass of each arm with one worker, which counts only for the memory: `taken_bytes`
    of a GPU (None on other devices), before the first worker and after each of these passes. `notes` say in
    words what was left out, and why; `most_slots` is the most chunks at a time that one worker was seen to
    speak.
    """

    device: Device
    profile: Profile
    jobs: list[ChunkJob] = field(default_factory=list)
    load_s: list[float] = field(default_factory=list)
    climb: dict[Arm, Pass] = field(default_factory=dict)
    before_bytes: int | None = None
    taken_bytes: dict[Arm, int | None] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    most_slots: int = 1


def measure(
    make: WorkersFactory,
    device: Device,
    profile: Profile,
    jobs: Sequence[ChunkJob],
    wish: Wish,
    timeouts: Timeouts,
    tell: Callable[[str], None] = lambda text: None,
) -> Measured:
    """Measure an engine with the chunks of a text, within the budget; `tell` is told how it goes on.

    All workers have ended when it returns or raises. Raises InputError for a text with nothing to speak,
    RunError for a budget in which nothing can be measured, WorkerError for an engine that does not load or
    cannot speak even one chunk at a time.
    """
    chunks = candidates(jobs)
    began = time.monotonic()
    with (
        Crew(make, device, timeouts.load_s, began + wish.budget_s) as crew,
        closing(Shelf()) as shelf,
    ):
        measurement = _Measurement(crew, device, profile, Load(crew, chunks, shelf), wish, tell)
        try:
            measurement.run()
        except OutOfTime:
            measurement.out_of_time()
        measurement.note_rounds()
    return measurement.measured


class _Measurement:
    """One call of `measure`."""

    def __init__(
        self,
        crew: Crew,
        device: Device,
        profile: Profile,
        load: Load,
        wish: Wish,
        tell: Callable[[str], None],
    ) -> None:
        self.measured = Measured(device, profile, before_bytes=taken_bytes(device))
        self._crew, self._wish, self._tell = crew, wish, tell
        self._load = load
        self._chunk_s = 0.0  # what a chunk takes alone, 0 before that is known
        self._expected_s: dict[Arm, float] = {}  # what a pass takes
        self._arms = [ALONE]

    @property
    def _left_s(self) -> float:
        return max(0.0, self._crew.deadline - time.monotonic())

    def run(self) -> None:
        self._note_others()
        self._load_first()
        self._warm_up()
        self._climb()
        self._load_others()
        self._measure_rounds()

    def out_of_time(self) -> None:
        """The budget has ended something before it was done. Raises RunError where nothing is measured."""
        budget = f"{self._wish.budget_s:g} s"
        if not self._crew.load_s:
            raise RunError(
                f"the budget of {budget} was over before a worker had loaded; "
                f"give more: --budget {_whole(4 * self._wish.budget_s)}"
            )
        if self._pairs():
            return
        if self._chunk_s:
            chunk, needs_s = f"a chunk takes about {duration(self._chunk_s)}", self._needed_s([1, 2])
        else:
            chunk, needs_s = "no chunk was done in what was left", 4 * self._wish.budget_s
        raise RunError(
            f"a budget of {budget} is too small to measure anything: a worker loads in "
            f"{duration(self._crew.load_s[0])}, and {chunk}; give more: --budget {_whole(needs_s)}"
        )

    def _pairs(self) -> int:
        """How many rounds have something to compare with."""
        return sum(ALONE in one.passes for one in self.measured.rounds)

    def _note_others(self) -> None:
        """Other programs take part of the machine, and a run in quieter times will find more of it."""
        busy, cores = os.getloadavg()[0], self.measured.device.cores
        if cores is not None and busy > BUSY * cores:
            self._note(
                f"other programs keep this machine busy (load {busy:.1f}, {_counted(cores, 'core')}): in a "
                f"quiet hour more at a time may gain more"
            )

    # ------------------------------------------------------------ the first worker

    def _load_first(self) -> None:
        measured = self.measured
        slots = most_slots(measured.device, measured.profile)
        if slots < measured.profile.slots:
            self._note(f"more than {slots} slots do not fit into the free memory of {measured.device.id}")
        while True:
            self._tell(f"loading a worker with {_counted(slots, 'slot')} ...")
            failed = self._crew.load([0], slots)
            if not failed:
                break
            if slots == 1:
                raise WorkerError(f"no worker can be loaded: {failed[0]}")
            self._note(f"a worker with {slots} slots cannot be loaded: {failed[0]}")
            slots //= 2
        measured.most_slots = slots
        measured.load_s = self._crew.load_s[:1]

    def _warm_up(self) -> None:
        """Speak a chunk twice, as the first one after loading is slower, and then each of the mix once."""
        while True:
            number = self._load.jobs.index(typical(self._load.jobs))
            try:
                self._load.keep(ALONE, [number], 1, math.inf)
                again = self._load.keep(ALONE, [number], 1, math.inf)
                break
            except Trouble as trouble:
                self._leave_out(trouble)
        self._chunk_s = again.spoken[0].work_s
        self._choose_mix()
        while ALONE not in self.measured.climb:
            mix = range(len(self._load.jobs))
            try:
                spoken = self._load.keep(ALONE, mix, len(mix), math.inf)
            except Trouble as trouble:
                self._leave_out(trouble)
            else:
                self._chunk_s = sum(one.work_s for one in spoken.spoken) / len(mix)
                self._remember(ALONE, spoken)
        self._expected_s[ALONE] = self._chunk_s * self._count(ALONE)

    def _leave_out(self, trouble: Trouble) -> None:
        """A chunk that cannot be spoken even alone is not measured; the others start from the beginning."""
        job = self._load.jobs[trouble.chunk]
        if 0 not in self._crew:
            raise WorkerError(f"a worker cannot speak {_quoted(job.text)}: {trouble.why}")
        rest = [other for other in self._load.jobs if other != job]
        if not rest:
            raise WorkerError(f"no chunk can be spoken; the last one was {_quoted(job.text)}: {trouble.why}")
        self._note(f"{_quoted(job.text)} is left out, as it cannot be spoken: {trouble.why}")
        self._load.jobs = self.measured.jobs = rest
        self.measured.rounds.clear()

    def _choose_mix(self) -> None:
        """As many chunks as the arms can speak in the time, in enough rounds; at least a few."""
        measured = self.measured
        workers = most_workers(measured.device, measured.profile, self._wish.workers)
        arms = len(ladder(measured.most_slots)) + len(ladder(workers)) - 1
        pass_s = self._left_s / arms / (ENOUGH_ROUNDS + TRIALS)
        count = max(FEWEST_CHUNKS, min(MOST_CHUNKS, int(pass_s / max(self._chunk_s, SHORTEST_S))))
        if len(self._load.jobs) < FEWEST_CHUNKS:
            has = _counted(len(self._load.jobs), "chunk")
            self._note(f"the text has only {has}, spoken again and again: it says little about lengths")
        self._load.jobs = self.measured.jobs = mixed(self._load.jobs, count)

    def _count(self, arm: Arm) -> int:
        """Chunks that a pass of an arm records: each of the mix, one for each slot, and not too few."""
        return max(len(self._load.jobs), arm.at_once, math.ceil(PASS_S / max(self._chunk_s, SHORTEST_S)))

    def _remember(self, arm: Arm, first: Pass) -> None:
        """The memory that an arm with one worker takes."""
        self.measured.climb[arm] = first
        self.measured.taken_bytes[arm] = taken_bytes(self.measured.device)

    # ------------------------------------------------------------ more and more at a time

    def _climb(self) -> None:
        """Try each number of slots once: what fails is found, memory grows, and it warms up."""
        steps = ladder(self.measured.most_slots)
        self.measured.most_slots = 1
        for slots in steps[1:]:
            arm, below = Arm(1, slots), self._arms[-1]
            # By what is known so far: as if another slot gave nothing more.
            self._expected_s[arm] = self._expected_s[below] * self._count(arm) / self._count(below)
            if not self._affordable(arm):
                left_out = [step for step in steps if step >= slots]
                budget = _whole(self._needed_s(steps))
                self._note(f"the budget left out {_listed(left_out)} slots; --budget {budget} has room")
                return
            if not self._try(arm):
                return
            self.measured.most_slots = slots

    def _try(self, arm: Arm) -> bool:
        """Speak a chunk in each slot of an arm, which is one of the arms if that goes well."""
        self._tell(f"trying {arm} ...")
        began = time.monotonic()
        try:
            first = self._keep(arm, arm.at_once, 0, refill=False)
        except Trouble as trouble:
            self._give_up(arm, trouble)
            return False
        self._expected_s[arm] = (time.monotonic() - began) * self._count(arm) / arm.at_once
        if arm.workers == 1:
            self._remember(arm, first)
        self._arms.append(arm)
        return True

    def _affordable(self, arm: Arm) -> bool:
        """Whether there is time for a trial of an arm, and for enough rounds with it; for two arms one is."""
        rounds = ENOUGH_ROUNDS if len(self._arms) > 1 else 1
        round_s = sum(self._expected_s[other] for other in (*self._arms, arm))
        return self._chunk_s * arm.at_once + rounds * round_s <= self._left_s

    def _needed_s(self, slots: Sequence[int]) -> float:
        """Seconds in which these arms of one worker have room, if more at a time gain nothing."""
        chunks = sum(k + ENOUGH_ROUNDS * self._count(Arm(1, k)) for k in slots)
        return self._crew.load_s[0] + self._chunk_s * (2 + len(self._load.jobs) + chunks)

    # ------------------------------------------------------------ more workers

    def _load_others(self) -> None:
        measured = self.measured
        wanted = most_workers(measured.device, measured.profile, self._wish.workers)
        wanted = min(wanted, 1 + self._workers_with_room())
        if wanted < 2:
            return
        share_s = self._left_s * LOADING_SHARE
        if self._crew.load_s[0] > share_s:
            self._note(
                f"the budget left out more workers: loading one takes {duration(self._crew.load_s[0])}, and "
                f"{duration(self._left_s)} were left"
            )
            return
        slots = self._slots_of_two()
        self._tell(f"loading {_counted(wanted - 1, 'more worker')} ...")
        failed = self._crew.load([1], slots)
        if not failed and wanted > 2:
            failed = self._crew.load(range(2, wanted), 1)
        if failed:
            seat = min(failed)
            self._note(f"worker {seat + 1} cannot be loaded beside the others: {failed[seat]}")
            wanted = seat
        for workers in ladder(wanted)[1:]:
            arm = Arm(workers, 1)
            self._expected_s[arm] = self._chunk_s * self._count(arm)
            if not self._affordable(arm):
                self._note(f"the budget left out {workers} workers and more; give more with --budget")
                break
            if not self._try(arm):
                break
        if slots > 1 and Arm(2, 1) in self._arms:
            self._try_both(Arm(2, slots))

    def _slots_of_two(self) -> int:
        """How many slots each of two workers has when both are measured together; 1 where they are not.

        As many as seem enough for one worker by its first passes, if the memory holds a second one like it.
        """
        tried = [arm for arm in self._arms if arm.workers == 1]
        each_s = {arm: self._expected_s[arm] / self._count(arm) for arm in tried}
        best = ALONE
        for arm in tried:
            if each_s[arm] * ENOUGH < each_s[best]:
                best = arm
        free = room(self.measured.device)
        first = max(self._first_bytes(), self.measured.profile.memory(best.slots))
        if best.slots > 1 and free is not None and free - first < first:
            self._note(f"a second worker with {best.slots} slots does not fit into the memory that is free")
            return 1
        return best.slots

    def _try_both(self, arm: Arm) -> None:
        """Try several workers with several slots each: whether the two gains add up cannot be foreseen."""
        self._expected_s[arm] = self._expected_s[Arm(1, arm.slots)] * self._count(arm)
        self._expected_s[arm] /= self._count(Arm(1, arm.slots))
        if self._affordable(arm):
            self._try(arm)
        else:
            self._note(f"the budget left out {arm}; give more with --budget")

    def _workers_with_room(self) -> int:
        """How many more workers the memory that is free holds, by what the first one has taken."""
        measured = self.measured
        free = room(measured.device)
        alone = measured.climb.get(ALONE)
        each = alone.memory_bytes if alone else 0
        if measured.device.kind == "cuda" and measured.before_bytes is not None:
            each = max(0, (measured.taken_bytes.get(ALONE) or 0) - measured.before_bytes)
        each = each or measured.profile.memory(1)
        if free is None or not each:
            return 10_000
        first = max(self._first_bytes(), each)
        held = max(0, int((free - first) // each))
        if held + 1 < most_workers(measured.device, measured.profile, self._wish.workers):
            self._note(f"more than {_counted(held + 1, 'worker')} do not fit into the memory that is free")
        return held

    def _first_bytes(self) -> int:
        """What the first worker takes with the most chunks at a time, 0 where unknown."""
        measured = self.measured
        if measured.before_bytes is not None:
            return max((taken or 0) - measured.before_bytes for taken in measured.taken_bytes.values())
        return max((one.memory_bytes for one in measured.climb.values()), default=0)

    # ------------------------------------------------------------ rounds

    def _measure_rounds(self) -> None:
        """All arms, and then all arms the other way round: what drifts hits them alike.

        What is left of the budget at the end goes to a round from the front, as far as it comes: one chunk
        alone, with which all others are compared, is the first there.
        """
        longest_s = 0.0
        for number in range(MOST_ROUNDS):
            if self._left_s < 2 * self._expected_s[ALONE] and number:
                break
            self._tell(f"round {number + 1}, {duration(self._left_s)} left ...")
            began = time.monotonic()
            self.measured.rounds.append(Round())
            self._arms.sort(key=lambda arm: (arm.at_once, arm.workers))
            backwards = number % 2 == 1 and self._left_s > SLACK * longest_s
            self._measure_round(self._arms[:: -1 if backwards else 1], number)
            longest_s = max(longest_s, time.monotonic() - began)

    def note_rounds(self) -> None:
        """Say so where the rounds were too few."""
        done = self._pairs()
        if done < ENOUGH_ROUNDS:
            self._note(
                f"measured {_times(done)} only, and it takes {ENOUGH_ROUNDS} to be sure of a gain; "
                f"give more with --budget"
            )

    def _measure_round(self, arms: Sequence[Arm], number: int) -> None:
        for arm in arms:
            if arm not in self._arms:  # given up meanwhile
                continue
            try:
                self.measured.rounds[-1].passes[arm] = self._keep(arm, self._count(arm), number)
            except Trouble as trouble:
                if arm == ALONE:
                    self._leave_out(trouble)
                    return
                self._give_up(arm, trouble)

    def _keep(self, arm: Arm, count: int, number: int, *, refill: bool = True) -> Pass:
        """A pass of an arm; after an error that may be a chance it is tried once more."""
        chunks = len(self._load.jobs)
        order = [(number * 5 + place) % chunks for place in range(chunks)]
        limit_s = max(LATE_S, LATE * (self._expected_s[arm] + arm.at_once * self._chunk_s))
        try:
            return self._load.keep(arm, order, count, limit_s, refill=refill)
        except Trouble as trouble:
            if trouble.kind not in ("error", "bad audio"):
                raise
        return self._load.keep(arm, order, count, limit_s, refill=refill)

    def _give_up(self, arm: Arm, trouble: Trouble) -> None:
        """An arm failed: it and those above it are out, and what had died is started anew for the others."""
        measured = self.measured
        if arm.workers > 1 and arm.slots > 1:
            self._arms = [other for other in self._arms if other != arm]
            self._note(f"{arm} do not work: {trouble.why}")
        elif arm.workers > 1:
            self._arms = [other for other in self._arms if other.workers < arm.workers]
            self._note(f"{arm} do not work: {trouble.why}; {arm.workers - 1} were the most")
        else:
            self._arms = [other for other in self._arms if other.slots < arm.slots]
            measured.most_slots = max((other.slots for other in self._arms if other.workers == 1), default=1)
            what = "out of memory" if trouble.kind == "out of memory" else trouble.why
            self._note(
                f"with {arm.slots} chunks at a time in a worker: {what}; "
                f"{measured.most_slots} were the most that were spoken"
            )
        for one in measured.rounds:
            for other in [other for other in one.passes if other not in self._arms]:
                del one.passes[other]
        self._replace_dead(arm)

    def _replace_dead(self, arm: Arm) -> None:
        """Start the first worker again where it has died; the arms that need another one that has are out."""
        dead = next((seat for seat in range(1, arm.workers) if seat not in self._crew), None)
        if dead is not None:
            self._arms = [other for other in self._arms if other.workers <= dead]
        if 0 in self._crew:
            return
        if self._crew.load_s[0] > self._left_s:
            raise OutOfTime
        self._tell("starting the worker again ...")
        failed = self._crew.load([0], self.measured.most_slots)
        if failed:
            self._note(f"the worker that had died does not load again: {failed[0]}")
            raise OutOfTime
        self._keep(ALONE, 1, 0)

    def _note(self, text: str) -> None:
        self.measured.notes.append(text)


def _whole(seconds: float) -> int:
    """Seconds for a person to type: rounded up to tens."""
    return max(10, math.ceil(seconds / 10) * 10)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
