"""The ready queue against a plain sorted list."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ttsflow import ChunkJob
from ttsflow.scheduler.ready import Order, ReadyQueue

LANES = [None, "a", "b"]


class ReadyQueueMachine(RuleBasedStateMachine):
    """Jobs of a few streams come in order, are taken from anywhere; some come back, whole or in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = ReadyQueue()
        self.model: list[tuple[Order, ChunkJob, str | None]] = []
        self.taken: list[tuple[Order, ChunkJob, str | None]] = []
        self.serial = 0
        self.stamp = {"s": 0.0, "t": 0.0, "u": 0.0}

    def _push(self, order: Order, job: ChunkJob, lane: str | None) -> None:
        self.queue.push(job, order, lane)
        self.model = sorted([*self.model, (order, job, lane)], key=lambda item: item[0])

    @rule(
        stream=st.sampled_from("stu"),
        step=st.sampled_from([0.0, 0.5, 3.0]),
        lane=st.sampled_from(LANES),
        count=st.sampled_from([1, 1, 5, 80]),
    )
    def submit(self, stream: str, step: float, lane: str | None, count: int) -> None:
        for _ in range(count):
            self.stamp[stream] += step
            self._push((self.stamp[stream], self.serial, 0), ChunkJob(stream, self.serial, "x"), lane)
            self.serial += 1

    @precondition(lambda self: self.model)
    @rule(data=st.data(), count=st.sampled_from([1, 1, 3, 60]))
    def take(self, data: st.DataObject, count: int) -> None:
        for _ in range(min(count, len(self.model))):
            item = self.model.pop(data.draw(st.integers(0, len(self.model) - 1)) if count == 1 else 0)
            assert self.queue.take(item[1])
            assert not self.queue.take(item[1])
            self.taken.append(item)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), lane=st.sampled_from(LANES))
    def come_back(self, data: st.DataObject, lane: str | None) -> None:
        order, job, _ = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        self._push(order, job, lane)

    @precondition(lambda self: any(not job.part for _, job, _ in self.taken))
    @rule(data=st.data(), lane=st.sampled_from(LANES), count=st.integers(2, 4))
    def come_back_in_parts(self, data: st.DataObject, lane: str | None, count: int) -> None:
        item = data.draw(st.sampled_from([item for item in self.taken if not item[1].part]))
        self.taken.remove(item)
        for number, part in enumerate(item[1].split("x" * count)):
            self._push((*item[0][:2], number), part, lane)

    @rule()
    def take_while_iterating(self) -> None:
        seen = []
        for number, job in enumerate(self.queue):
            seen.append(job)
            if number % 2:
                self.queue.take(job)
                self.queue.first()
        assert seen == [job for _, job, _ in self.model]
        self.taken += self.model[1::2]
        self.model = self.model[0::2]

    @rule()
    def relane(self) -> None:
        self.queue.relane(lambda job: LANES[job.index % 3])
        self.model = [(order, job, LANES[job.index % 3]) for order, job, _ in self.model]

    @invariant()
    def agrees(self) -> None:
        assert len(self.queue) == len(self.model)
        assert self.queue.first() == (self.model[0][1] if self.model else None)
        assert list(self.queue) == [job for _, job, _ in self.model]
        lanes = {lane for _, _, lane in self.model if lane is not None}
        assert set(self.queue.lanes()) == lanes
        for lane in lanes:
            assert self.queue.first(lane) == next(job for _, job, at in self.model if at == lane)
        assert self.queue.first("nowhere") is None
        both = next((job for _, job, lane in self.model if lane in ("a", "b")), None)
        assert self.queue.first("a", "nowhere", "b") == both


TestReadyQueue = ReadyQueueMachine.TestCase
TestReadyQueue.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_job_that_is_taken_before_its_turn_is_passed_over() -> None:
    queue = ReadyQueue()
    jobs = [ChunkJob(stream, 0, "x") for stream in "stu"]
    for number, job in enumerate(jobs):
        queue.push(job, (0.0, number, 0), None)
    reader = iter(queue)
    assert next(reader) == jobs[0]
    assert queue.take(jobs[1])
    assert list(reader) == jobs[2:]


def test_what_was_taken_is_forgotten_in_a_queue_that_is_never_empty() -> None:
    queue = ReadyQueue()
    waiting: list[ChunkJob] = []
    for number in range(10_000):
        queue.push(ChunkJob("s", number, "x"), (0.0, number, 0), None)
        waiting.append(ChunkJob("s", number, "x"))
        if number >= 200:
            first = queue.first()
            assert first == waiting.pop(0)
            assert queue.take(first)
            assert queue.first() == waiting[0]
    assert list(queue) == waiting
    assert len(queue._all.entries) == len(queue)
