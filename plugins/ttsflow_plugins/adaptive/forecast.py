"""What would become of a plan: when the next chunks would be done, and how long listeners would wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
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
    busy = [_Busy(load) for load in loads]
    now, left = 0.0, plan.chunks
    finished: dict[str, list[tuple[int, float, float]]] = {stream: [] for stream in heard}
    while True:
        while queue:
            worker = min(busy, key=_least)
            if len(worker.ends) >= min(worker.slots, plan.first if left > 0 else plan.later):
                break
            task = queue.pop()
            worker.begin(task, task.work_s * worker.slower)
        paces = [(slow(len(worker.ends)), worker) for worker in busy if worker.ends]
        if not paces:
            break
        step = min(pace * (worker.ends[0][0] - worker.done_s) for pace, worker in paces)
        now += step
        for pace, worker in paces:
            for place, stream, audio_s in worker.go_on(step / pace):
                if stream in finished:
                    finished[stream].append((place, now, audio_s))
                left -= 1
    waits_s = sum(_waits(heard[stream], chunks) for stream, chunks in finished.items())
    return Outlook(waits_s, now)


class _Busy:
    """A worker at work. All of its tasks go on alike, so that one figure says how far, and each task ends at
    a figure that stays."""

    __slots__ = ("done_s", "ends", "slots", "slower")

    def __init__(self, load: Load) -> None:
        self.slots, self.slower = load.slots, load.slower
        self.done_s = 0.0
        self.ends: list[tuple[float, int, str, float]] = []  # a heap: end, place, stream, audio in seconds
        for task in load.tasks:
            self.begin(task, task.work_s)

    def begin(self, task: Task, work_s: float) -> None:
        heappush(self.ends, (self.done_s + work_s, task.place, task.stream, task.audio_s))

    def go_on(self, work_s: float) -> Iterator[tuple[int, str, float]]:
        """Do so much of each task; place, stream and audio of those that are done."""
        self.done_s += work_s
        while self.ends and self.ends[0][0] - self.done_s <= _NOTHING:
            yield heappop(self.ends)[1:]


def _least(worker: _Busy) -> tuple[int, float]:
    return len(worker.ends), worker.slower


def _waits(until: float, chunks: list[tuple[int, float, float]]) -> float:
    """Seconds that a listener waits who has audio `until` then; chunks are (place, when done, audio in s)."""
    waits_s = 0.0
    for _, done, audio_s in sorted(chunks):
        waits_s += max(0.0, done - until)
        until = max(until, done) + audio_s
    return waits_s
