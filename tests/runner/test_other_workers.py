"""The runner with workers of another kind than processes: all that it needs of them is `Workers`."""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import numpy as np
import pytest

from tests.runner.doubles import CPU, QUICK, Memory, Notes, Some, chunks, until
from ttsflow.errors import WorkerError
from ttsflow.interface.jobs import Account, AudioPiece, ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.interface.profile import Profile
from ttsflow.report import WorkerInfo
from ttsflow.runner import Post, Runner, Workers
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.messages import (
    Cancelled,
    Died,
    Failed,
    Finished,
    LoadFailed,
    Piece,
    WorkerLoading,
)
from ttsflow.testing.invariants import Watched

RATE = 8000
PROFILE = Profile("threads", RATE, rtf=0.001)


def samples_of(index: int, number: int) -> np.ndarray:
    return np.full(100, 0.1 + (index * 10 + number) / 1e4, np.float32)


class Thread:
    """A worker that is a thread, and speaks each job in two pieces. The job's text says what happens.

    "wait" goes on until it is cancelled, "stuck" does not even hear that, "die" ends the worker once.
    """

    def __init__(self, name: str, generation: int, spec: WorkerSpec, post: Post, died: set[str]) -> None:
        self.name, self.generation, self.spec, self._post, self._died = name, generation, spec, post, died
        self.orders: SimpleQueue[tuple[int, ChunkJob] | None] = SimpleQueue()
        self.cancelled: set[int] = set()
        self.killed = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"{name}#{generation}")
        self.thread.start()

    def _run(self) -> None:
        self._post(WorkerLoading(self.name, self.generation, "the only thread"))
        self._post(WorkerInfo(self.name, self.generation, self.spec.device.id, 1, None, 0.0, os.getpid()))
        while not self.killed.is_set() and (order := self.orders.get()) is not None:
            self._speak(*order)
        self._post(Died(self.name, self.generation, "killed" if self.killed.is_set() else "closed"))

    def _speak(self, token: int, job: ChunkJob) -> None:
        if job.text == "die" and job.text not in self._died:
            self._died.add(job.text)
            self.killed.set()
        for number in range(2):
            while not self.killed.wait(0.001):
                if token in self.cancelled and job.text != "stuck":
                    self._post(Cancelled(token))
                    return
                if job.text not in ("wait", "stuck"):
                    break
            if self.killed.is_set():
                return
            samples = samples_of(job.index, number)
            piece = AudioPiece(samples, RATE)
            self._post(Piece(token, number, len(samples) / RATE, piece, zlib.crc32(samples)))
        if job.text == "fail":
            self._post(Failed(token, "this cannot be spoken", "refused"))
        else:
            self._post(Finished(token))


class Threads:
    """Workers that are threads; at most `room` of them can be started."""

    def __init__(self, post: Post, room: int = 100) -> None:
        self._post, self._room = post, room
        self._threads: dict[tuple[str, int], Thread] = {}
        self._dying: dict[tuple[str, int], str] = {}
        self._held_back: dict[tuple[str, int], WorkerSpec] = {}
        self._died: set[str] = set()

    def __len__(self) -> int:
        return len(self._threads)

    def start(self, worker: str, generation: int, spec: WorkerSpec) -> None:
        if spec.device.id in self._dying.values():
            self._held_back[worker, generation] = spec
        elif len(self._threads) >= self._room:
            self._post(LoadFailed(worker, generation, "there is no room for it", permanent=True))
        else:
            self._threads[worker, generation] = Thread(worker, generation, spec, self._post, self._died)

    def start_job(self, worker: str, generation: int, token: int, job: ChunkJob) -> None:
        if thread := self._threads.get((worker, generation)):
            thread.orders.put((token, job))

    def cancel_job(self, worker: str, generation: int, token: int) -> None:
        if thread := self._threads.get((worker, generation)):
            thread.cancelled.add(token)

    def kill(self, worker: str, generation: int) -> None:
        self._held_back.pop((worker, generation), None)
        if thread := self._threads.get((worker, generation)):
            self._dying[worker, generation] = thread.spec.device.id
            thread.killed.set()
            thread.orders.put(None)

    def forget(self, worker: str, generation: int) -> None:
        self._dying.pop((worker, generation), None)
        if thread := self._threads.pop((worker, generation), None):
            thread.thread.join()
        held_back, self._held_back = self._held_back, {}
        for (name, number), spec in held_back.items():
            self.start(name, number, spec)

    def close(self) -> None:
        self._held_back.clear()
        for thread in self._threads.values():
            thread.orders.put(None)

    def kill_all(self) -> None:
        self._held_back.clear()
        for thread in list(self._threads.values()):
            thread.killed.set()
            thread.orders.put(None)


class Running:
    """A runner with such workers, every promise of its scheduler watched."""

    def __init__(self, workers: int = 2, room: int = 100) -> None:
        self.watched = Watched(Scheduler(Some(workers), [CPU], PROFILE, QUICK), QUICK)
        self.notes = Notes()
        self._room = room
        self.runner = Runner(self.watched, self.make, QUICK, self.notes)

    def make(self, post: Post) -> Workers:
        self.workers = Threads(post, self._room)
        return self.workers


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    """Starts runners; afterwards every stream is accounted for, and no thread is left."""
    threads = set(threading.enumerate())
    made: list[Running] = []

    def begin(**arguments: int) -> Running:
        made.append(Running(**arguments))
        made[-1].runner.start()
        return made[-1]

    yield begin
    for each in made:
        each.runner.close()
        each.watched.check_end(closed=True)
        assert len(each.workers) == 0
    assert set(threading.enumerate()) <= threads


def test_every_chunk_arrives_in_order_byte_for_byte(running: Callable[..., Running]) -> None:
    it, sink = running(), Memory()
    it.runner.wait_ready(60)
    account = it.runner.open("s", chunks(["hello"] * 40), sink).wait(60)
    assert account == Account(submitted=40, delivered=40)
    expected = [samples_of(index, number) for index in range(40) for number in range(2)]
    assert np.concatenate(sink.audio).tobytes() == np.concatenate(expected).tobytes()
    assert {outcome.worker for outcome in sink.outcomes} == {"w0", "w1"}
    assert {info.worker for info in it.notes.workers} == {"w0", "w1"}
    assert ("w0", "the only thread") in it.notes.loads


def test_a_worker_that_dies_is_replaced_and_its_chunk_spoken_again(running: Callable[..., Running]) -> None:
    it, sink = running(), Memory()
    account = it.runner.open("s", chunks(["hello", "die", "fail", "hello"]), sink).wait(60)
    assert account == Account(submitted=4, delivered=3, failed=1)
    assert [outcome.attempts for outcome in sink.outcomes] == [1, 2, 1, 1]
    assert sorted(info.generation for info in it.notes.workers) == [1, 1, 2]


def test_a_cancelled_job_is_let_go_of(running: Callable[..., Running]) -> None:
    it = running(workers=1)
    it.runner.wait_ready(60)
    handle = it.runner.open("gone", chunks(["wait"] * 3, "gone"), Memory())
    handle.cancel()
    assert handle.wait(60).delivered == 0
    assert it.runner.open("s", chunks(["hello"]), Memory()).wait(60).delivered == 1


def test_a_worker_that_does_not_let_go_is_killed_and_replaced(running: Callable[..., Running]) -> None:
    it, sink = running(workers=1), Memory()
    stuck = it.runner.open("s", chunks(["hello", "stuck"]), sink)
    until(lambda: sink.outcomes)
    time.sleep(0.1)  # now it is stuck, or will be
    stuck.cancel()
    assert stuck.wait(60) == Account(submitted=2, delivered=1, not_reached=1)
    assert it.runner.open("s", chunks(["hello"]), Memory()).wait(60).delivered == 1


def test_where_none_can_be_started_the_run_ends(running: Callable[..., Running]) -> None:
    it = running(room=0)
    with pytest.raises(WorkerError, match="there is no room for it"):
        it.runner.wait_ready(60)


def test_a_busy_worker_is_ended_by_close(running: Callable[..., Running]) -> None:
    it = running(workers=1)
    it.runner.open("s", chunks(["stuck"]), Memory())
    it.runner.wait_ready(60)
    it.runner.close(now=True)
