"""What would become of a plan: when the next chunks would be done, and how long listeners would wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_NOTHING = 1e-9
"""seconds of work that are a rounding error"""


class Task(NamedTuple):
    """A chunk: `work_s` of work are left, alone on its worker; `audio_s` are left to be delivered."""

    stream: str
    place: int
    work_s: float
    audio_s: float


class Plan(NamedTuple):
    """How many chunks a worker speaks at a time: until the next chunks are done, and after that."""

    first: int
    later: int
    chunks: int = 1


class Outlook(NamedTuple):
    """What becomes of a plan, in seconds; the smaller is the better."""

    waits_s: float  # that listeners wait, all together
    done_s: float  # until the last chunk is done


@dataclass(slots=True)
class Load:
    """A worker with so many slots, what it speaks, and how many times slower than all workers it is."""

    slots: int
    tasks: list[Task] = field(default_factory=list)
    slower: float = 1.0


def forecast(
    plan: Plan,
    loads: Sequence[Load],
    waiting: Iterable[Task],
    slow: Callable[[int], float],
    heard: Mapping[str, float],
) -> Outlook:
    """Play a plan through: `waiting` comes in this order, each chunk to the worker with the least to do.

    With k chunks at a time in a worker each runs s(k) = `slow(k)` times slower. `heard` are the streams with
    a listener, each with the seconds of audio that are still to be heard of what was delivered.
    """
    queue = list(waiting)
    queue.reverse()
    busy = [(load.slots, list(load.tasks), load.slower) for load in loads]
    now, left = 0.0, plan.chunks
    finished: dict[str, list[tuple[int, float, float]]] = {stream: [] for stream in heard}
    while True:
        while queue:
            limit = plan.first if left > 0 else plan.later
            slots, tasks, slower = min(busy, key=lambda load: (len(load[1]), load[2]))
            if len(tasks) >= min(slots, limit):
                break
            task = queue.pop()
            tasks.append(task._replace(work_s=task.work_s * slower))
        paces = [(slow(len(tasks)), tasks) for _, tasks, _ in busy if tasks]
        if not paces:
            break
        step = min(pace * min(task.work_s for task in tasks) for pace, tasks in paces)
        now += step
        for pace, tasks in paces:
            done_s = step / pace
            going = [task._replace(work_s=task.work_s - done_s) for task in tasks]
            for task in going:
                if task.work_s <= _NOTHING and task.stream in finished:
                    finished[task.stream].append((task.place, now, task.audio_s))
            tasks[:] = [task for task in going if task.work_s > _NOTHING]
            left -= len(going) - len(tasks)
    waits_s = sum(_waits(heard[stream], chunks) for stream, chunks in finished.items())
    return Outlook(waits_s, now)


def _waits(until: float, chunks: list[tuple[int, float, float]]) -> float:
    """Seconds that a listener waits who has audio `until` then; chunks are (place, when done, audio in s)."""
    waits_s = 0.0
    for _, done, audio_s in sorted(chunks):
        waits_s += max(0.0, done - until)
        until = max(until, done) + audio_s
    return waits_s
