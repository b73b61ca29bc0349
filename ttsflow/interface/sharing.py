"""Work shared by speed, for policies: who of unlike workers would be done with a job soonest."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from ttsflow.interface.paces import UNEVEN

if TYPE_CHECKING:
    from ttsflow.interface.jobs import ChunkJob
    from ttsflow.interface.policy import Running, View, WorkerView

NEARLY = 0.05
"""of a job's work that is left at the least; what takes longer than predicted by a time has as much left"""

AHEAD = 4
"""jobs per slot that are looked at"""


def soonest(
    view: View, worker: WorkerView, jobs: Iterable[ChunkJob], at_once: int | None = None
) -> ChunkJob | None:
    """The first of `jobs` that no other worker would have done sooner than `worker`, which has a free slot.

    Each job before it takes the worker that would be done with it soonest, also one that is busy now. So a
    slow worker gets what the quick ones would not come to in time, and nothing long near the end of a text;
    None: it had better stay idle for now. A worker that lags behind the prediction now is taken to go on so.
    Where all are as quick as each other this is the first job. `at_once` are the jobs at a time in a worker,
    all its slots if not given. (Earliest finish time first, as in HEFT: Topcuoglu, Hariri and Wu 2002.)
    """
    if not view.costs.uneven:
        return next(iter(jobs), None)
    mine, slots = _slots(view, worker, at_once)
    busy_s = [left_s for free in slots.values() for left_s in free if left_s]
    for job in islice(jobs, AHEAD * sum(map(len, slots.values()))):
        cost = view.costs.cost(job)
        done = {pace: free[0] + cost * math.exp(pace * UNEVEN) for pace, free in slots.items()}
        first = min(done, key=lambda pace: (done[pace], pace != mine))
        if first == mine:
            return job
        heapq.heapreplace(slots[first], done[first])
    if busy_s:
        view.wake_at(view.now + min(busy_s))
    return None


def _slots(view: View, asking: WorkerView, at_once: int | None) -> tuple[int, dict[int, list[float]]]:
    """In how many seconds each slot is free, as a heap for each pace; and the pace of the worker that asks.

    A pace is how much slower than all a worker is with so many jobs at once, in steps of UNEVEN.
    """
    running: dict[str, list[Running]] = {}
    for each in view.running:
        running.setdefault(each.worker.id, []).append(each)
    mine, slots = 0, dict[int, list[float]]()
    for worker in view.workers:
        jobs = running.get(worker.id, ())
        most = min(worker.slots, at_once or worker.slots)
        idle = min(worker.free_slots, max(0, most - len(jobs)))
        slower = view.costs.slower(worker)
        free, lag = [0.0] * idle, 1.0
        for each in jobs:
            whole_s = view.costs.cost(each.job) * slower * view.costs.slow(len(jobs))
            ran_s = view.now - each.started_s
            free.append(max(abs(whole_s - ran_s), NEARLY * whole_s))
            lag = max(lag, ran_s / max(whole_s, 1e-9))
        free = sorted(free)[:most]
        if not free:  # it takes no jobs
            continue
        pace = round(math.log(slower * lag * view.costs.slow(len(free))) / UNEVEN)
        slots.setdefault(pace, []).extend(free)
        if worker is asking:
            mine = pace
    for free in slots.values():
        heapq.heapify(free)
    return mine, slots
