"""The policy `adaptive`: as much at a time as no listener has to wait for."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from pydantic import Field

from ttsflow import (
    ChunkJob,
    Device,
    PluginOptions,
    Policy,
    Profile,
    Running,
    View,
    WorkerSpec,
    WorkerView,
    fill,
    hookimpl,
    soonest,
)
from ttsflow_plugins.adaptive.forecast import Load, Outlook, Plan, Task, forecast
from ttsflow_plugins.adaptive.trials import Trials, is_unclear

AHEAD = 16
"""ready chunks that a forecast looks at: a decision costs the same however long the text is"""

WORKERS = 8
"""most workers of a forecast; with more the chunk that is heard next has a worker for itself anyway"""

LONGEST_OF = 64
"""ready chunks of which the longest is taken first"""

NEW = -1.0
"""seconds in which a listener needs his first sound: sooner than whoever waits for more"""

RICH_S = 60.0
"""seconds of audio that a listener has not heard yet, from which others come before him in fair order"""

MARGIN = 1.2
"""times its predicted work that a chunk may take: it differs by a fifth and more from chunk to chunk"""

TOLERATED = 0.25
"""of a chunk's work: so much longer may listeners wait, by what is likely, for a plan that is safer"""

NEARLY = 0.05
"""of a chunk's work that is still left when it has taken longer than predicted"""


SPARE, FEWEST = 2, 4
"""slots that a worker gets: so many times those that the profile gains from, and so many at the least"""

BAD = 1.5
"""times k that a trial with k chunks at a time may slow them down: worse than one after the other"""

TRIED = 2
"""times k: chunks until a trial with k at a time is through"""

ANYWAY = 1.25
"""times as long as they wait anyway, with one chunk after the other, that listeners may wait for a trial"""


Due = dict[Hashable, float]
"""by stream, the seconds until it needs its next ready chunk"""


class Adaptive(Policy):
    """Fills the devices for a file; for a listener only as far as he need not wait for it.

    Chunks that share a worker slow one another down. So before that, the next chunks are played through for
    each number of chunks at a time, with the costs that the run has shown so far; and the plan is taken with
    which listeners wait least, and of those the one that is done first.
    """

    name = "adaptive"

    class Options(PluginOptions):
        goal: Literal["auto", "realtime", "throughput"] = Field(
            "auto",
            description="realtime: nobody waits; throughput: done as soon as can be; auto: realtime for what "
            "somebody listens to, throughput for files",
        )
        margin: float = Field(
            1.3, ge=1.0, description="times the slow-down s(k) that is allowed for where somebody listens"
        )

    options: Options

    def __init__(self, options: PluginOptions | None = None) -> None:
        super().__init__(options)
        self._trials = Trials()
        self._batch: set[int] = set()  # identities of ready chunks

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return fill(devices, profile, max(FEWEST, SPARE * profile.knee))

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        self._trials.end(view)
        for job, worker in self._choose(view):
            yield job, worker
            self._trials.started(worker)

    def _choose(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        heard = self._heard(view)
        if not heard:
            yield from self._fill(view)
            return
        due = self._due(view, heard)
        for worker in view.free:
            if worker.free_slots == worker.slots and (job := _most_urgent(view, due, worker, 1)):
                yield job, worker
        at_once = self._at_once(view, heard, due) if view.ready else 0
        for worker in view.free:
            limit = self._trials.limit(worker, at_once)
            if worker.slots - worker.free_slots < limit and (job := _most_urgent(view, due, worker, limit)):
                yield job, worker

    def lane(self, job: ChunkJob) -> Hashable:
        return job.stream

    def _fill(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        """As many as gain, and the longest chunk first, so that no long one is left for the end."""
        best = _best(view)
        self._trials.consider(view, best)
        for worker in view.free:
            limit = self._trials.limit(worker, best)
            if worker.slots - worker.free_slots < limit and (job := self._longest(view, worker, limit)):
                yield job, worker

    def _longest(self, view: View, worker: WorkerView, at_once: int) -> ChunkJob | None:
        """The longest of the next chunks that no quicker worker would be done with sooner.

        Of several streams a batch is taken from the front of the fair order, and the next batch when nothing
        of it is left. So no stream is passed by, and each has its share. A batch is only a part of what is
        ready, since each stream has about as many ready chunks, whatever its weight.
        """
        if len(list(islice(view.streams, 2))) < 2:
            return _first(view, worker, islice(view.ready, LONGEST_OF), (), at_once)
        left = (job for job in islice(view.ready, LONGEST_OF) if id(job) in self._batch)
        batch = list(islice(left, len(self._batch))) or list(
            islice(view.ready, max(1, min(LONGEST_OF, len(view.ready)) // 4))
        )
        behind = (job for job in islice(view.ready, LONGEST_OF) if id(job) not in self._batch)
        job = _first(view, worker, batch, behind, at_once)
        self._batch = {id(other) for other in batch if other is not job}
        return job

    def _heard(self, view: View) -> dict[str, float]:
        """The streams that must not wait, each with the seconds of audio that are still to be heard."""
        goal = self.options.goal
        if goal == "throughput":
            return {}
        listeners = {stream: view.listener(stream) for stream in view.streams}
        return {
            stream: 0.0 if listener is None else max(0.0, listener.until - view.now)
            for stream, listener in listeners.items()
            if listener is not None or goal == "realtime"
        }

    def _due(self, view: View, heard: dict[str, float]) -> Due:
        """In how many seconds each stream needs its next ready chunk.

        Who has heard nothing yet comes first. What nobody hears comes last, and with it whoever has so much
        to hear that he need not be thought of.
        """
        due: Due = {stream: heard.get(stream, math.inf) for stream in view.streams}
        for stream in heard:
            listener = view.listener(stream)
            if listener is None or listener.since is None:
                due[stream] = NEW
        for running in view.running:
            if (stream := running.job.stream) in due:  # else it is being cancelled
                due[stream] += max(0.0, view.costs.audio(running.job) - running.delivered_s)
        return {stream: math.inf if seconds > RICH_S else seconds for stream, seconds in due.items()}

    def _at_once(self, view: View, heard: dict[str, float], due: Due) -> int:
        """How many chunks at a time in a worker are the best now."""
        most = _best(view)
        loads = list(self._loads(view))
        if len(loads) > WORKERS or len(heard) > AHEAD:
            self._trials.consider(view, most)
            return most
        waiting = [self._task(view, job) for job in _by_need(view, due)]
        slow, margin = view.costs.slow, self.options.margin
        stalling = len(heard) > 1 and any(_stalls(view, stream) for stream in heard)

        def likely(plan: Plan) -> Outlook:
            return forecast(plan, loads, waiting, slow, heard)

        def safe(plan: Plan) -> Outlook:
            pace = MARGIN * margin
            return forecast(plan, loads, waiting, lambda k: slow(k) * (pace if k > 1 else MARGIN), heard)

        def bearable(k: int) -> bool:
            if stalling and likely(Plan(most, most)).waits_s:  # they wait anyway; more at a time may help
                return True

            def bad(j: int) -> float:
                return (MARGIN * margin if j > 1 else MARGIN) * slow(j) if j <= most else BAD * j

            anyway = forecast(Plan(1, 1), loads, waiting, bad, heard).waits_s if most == 1 else 0.0
            tried = forecast(Plan(k, most, TRIED * k), loads, waiting, bad, heard).waits_s
            return tried <= ANYWAY * anyway

        if is_unclear(view.costs) and likely(Plan(most, most)).waits_s:
            return 1
        self._trials.consider(view, most, bearable)
        if most == 1 or (all(heard.values()) and not safe(Plan(most, most)).waits_s):
            return most
        least = min([most, *(len(load.tasks) for load in loads)])
        plans = [Plan(first, later) for later in range(max(1, least), most + 1) for first in (least, later)]
        # Where even the best plan makes listeners wait, what is safe may make them wait far longer.
        cautious, best = min(plans, key=safe), min(plans, key=likely)
        tolerated_s = TOLERATED * sum(task.work_s for task in waiting) / len(waiting)
        worse_s = likely(cautious).waits_s - likely(best).waits_s
        return best.first if worse_s > tolerated_s else cautious.first

    def _loads(self, view: View) -> Iterator[Load]:
        """The workers that take jobs now, each with what it speaks."""
        tasks: dict[str, list[Running]] = {}
        for running in view.running:
            tasks.setdefault(running.worker.id, []).append(running)
        for worker in view.workers:
            mine = tasks.get(worker.id, [])
            if mine or worker.free_slots:
                pace = view.costs.slow(len(mine))
                tasks_here = [self._rest(view, running, pace) for running in mine]
                yield Load(worker.slots, tasks_here, view.costs.slower(worker))

    def _rest(self, view: View, running: Running, pace: float) -> Task:
        """What is left of a chunk that runs; one that takes longer than predicted is nearly done."""
        whole = self._task(view, running.job, running.worker)
        left_s = whole.work_s - (view.now - running.started_s) / pace
        return whole._replace(
            work_s=max(left_s, NEARLY * whole.work_s),
            audio_s=max(0.0, whole.audio_s - running.delivered_s),
        )

    def _task(self, view: View, job: ChunkJob, worker: WorkerView | None = None) -> Task:
        work_s = view.costs.cost(job, worker)
        return Task(job.stream, job.index, work_s, view.costs.audio(job) + job.pause_s)


def _stalls(view: View, stream: str) -> bool:
    """Whether a listener has begun to listen, and waits now."""
    listener = view.listener(stream)
    return listener is not None and listener.since is not None and listener.until <= view.now


def _best(view: View) -> int:
    """How many chunks at a time in a worker give the most, by what is known of s(k)."""
    return view.costs.knee(max((worker.slots for worker in view.workers), default=1))


def _first(
    view: View, worker: WorkerView, jobs: Iterable[ChunkJob], behind: Iterable[ChunkJob], at_once: int
) -> ChunkJob | None:
    """The longest of `jobs`; a worker that is slower than others gets what they leave, also of `behind`."""
    if not view.costs.uneven:
        return max(jobs, key=view.costs.cost, default=None)
    return soonest(view, worker, [*sorted(jobs, key=view.costs.cost, reverse=True), *behind], at_once)


def _most_urgent(view: View, due: Due, worker: WorkerView, at_once: int) -> ChunkJob | None:
    """The next chunk of the stream that needs it soonest, in fair order where it is the same for several.

    A worker that is slower than others has what they leave to it.
    """
    if view.costs.uneven:
        job = soonest(view, worker, _by_need(view, due), at_once)
    else:
        lanes = view.ready.lanes()
        least = min((due[lane] for lane in lanes), default=0.0)
        job = view.ready.first(*(lane for lane in lanes if due[lane] == least))
    if job is not None:
        due[job.stream] += view.costs.audio(job) + job.pause_s
    return job


def _by_need(view: View, due: Due) -> list[ChunkJob]:
    """The ready chunks in the order in which they will be needed, as many as a forecast looks at."""
    when = dict(due)
    needed: list[tuple[float, ChunkJob]] = []
    for job in islice(view.ready, AHEAD * len(due)):
        needed.append((when[job.stream], job))
        when[job.stream] += view.costs.audio(job) + job.pause_s
    needed.sort(key=lambda each: each[0])
    return [job for _, job in needed[:AHEAD]]


@hookimpl
def ttsflow_policies() -> list[type[Policy]]:
    return [Adaptive]
