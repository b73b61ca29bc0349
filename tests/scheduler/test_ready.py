"""The ready queue against a plain list that is searched."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ttsflow import ChunkJob
from ttsflow.scheduler.ready import Claim, Order, ReadyQueue, Share

LANES = [None, "a", "b"]

Item = tuple[Order, ChunkJob, str | None, Claim]


def in_turn(items: list[Item]) -> list[Item]:
    """One after the other the first of the share whose tag is least, which then grows by the work."""
    left, came = sorted(items, key=lambda item: (item[3].paid, item[0])), []
    tags = {item[3].share: item[3].share.tag for item in items}
    while left:
        firsts = {claim.share: item for item in reversed(left) for claim in [item[3]]}.values()
        least = min(firsts, key=lambda item: (min(tags[item[3].share], item[3].paid), item[3].paid, item[0]))
        left.remove(least)
        came.append(least)
        if least[3].paid == math.inf:
            tags[least[3].share] += 1.0 / least[3].weight
    return came


class ReadyQueueMachine(RuleBasedStateMachine):
    """Jobs of a few shares come in order, are taken from anywhere; some come back, whole or in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = ReadyQueue(lambda job: 1.0)
        self.items: list[Item] = []
        self.taken: list[Item] = []
        self.serial = 0
        self.stamp = {"s": 0.0, "t": 0.0, "u": 0.0}
        self.shares = {"s": Share(), "t": Share(), "u": Share(1.0)}

    @property
    def model(self) -> list[Item]:
        return in_turn(self.items)

    def _push(self, order: Order, job: ChunkJob, lane: str | None, claim: Claim) -> None:
        self.queue.push(job, order, claim, lane)
        self.items.append((order, job, lane, claim))

    @rule(
        stream=st.sampled_from("stu"),
        step=st.sampled_from([0.0, 0.5, 3.0]),
        weight=st.sampled_from([0.25, 1.0, 8.0]),
        lane=st.sampled_from(LANES),
        count=st.sampled_from([1, 1, 5, 80]),
    )
    def submit(self, stream: str, step: float, weight: float, lane: str | None, count: int) -> None:
        for _ in range(count):
            self.stamp[stream] += step
            job = ChunkJob(stream, self.serial, "x")
            self._push((self.stamp[stream], self.serial, 0), job, lane, Claim(self.shares[stream], weight))
            self.serial += 1

    @rule(stream=st.sampled_from("stu"), work=st.sampled_from([0.5, 2.0]))
    def pay(self, stream: str, work: float) -> None:
        self.shares[stream].tag += work

    @precondition(lambda self: self.items)
    @rule(data=st.data(), count=st.sampled_from([1, 1, 3, 60]))
    def take(self, data: st.DataObject, count: int) -> None:
        for _ in range(min(count, len(self.items))):
            item = self.items.pop(data.draw(st.integers(0, len(self.items) - 1)) if count == 1 else 0)
            assert self.queue.take(item[1])
            assert not self.queue.take(item[1])
            self.taken.append(item)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), lane=st.sampled_from(LANES))
    def come_back(self, data: st.DataObject, lane: str | None) -> None:
        order, job, _, claim = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        self._push(order, job, lane, claim._replace(paid=claim.share.tag))

    @precondition(lambda self: any(not job.part for _, job, *_ in self.taken))
    @rule(data=st.data(), lane=st.sampled_from(LANES), count=st.integers(2, 4))
    def come_back_in_parts(self, data: st.DataObject, lane: str | None, count: int) -> None:
        item = data.draw(st.sampled_from([item for item in self.taken if not item[1].part]))
        self.taken.remove(item)
        for number, part in enumerate(item[1].split("x" * count)):
            self._push((*item[0][:2], number), part, lane, item[3]._replace(paid=item[3].share.tag))

    @rule()
    def take_while_iterating(self) -> None:
        model, seen = self.model, []
        for number, job in enumerate(self.queue):
            seen.append(job)
            if number % 2:
                self.queue.take(job)
                self.queue.first()
        assert seen == [job for _, job, *_ in model]
        self.taken += model[1::2]
        self.items = model[0::2]

    @rule()
    def relane(self) -> None:
        self.queue.relane(lambda job: LANES[job.index % 3])
        self.items = [(order, job, LANES[job.index % 3], claim) for order, job, _, claim in self.items]

    @invariant()
    def agrees(self) -> None:
        assert len(self.queue) == len(self.items)
        assert list(self.queue) == [job for _, job, *_ in self.model]
        assert set(self.queue.lanes()) == {lane for _, _, lane, _ in self.items if lane is not None}
        for lanes in ((), ("a",), ("b",), ("a", "nowhere", "b"), ("nowhere",)):
            here = in_turn([item for item in self.items if not lanes or item[2] in lanes])
            assert self.queue.first(*lanes) == (here[0][1] if here else None)


TestReadyQueue = ReadyQueueMachine.TestCase
TestReadyQueue.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_job_that_is_taken_before_its_turn_is_passed_over() -> None:
    queue = ReadyQueue(lambda job: 1.0)
    jobs = [ChunkJob(stream, 0, "x") for stream in "stu"]
    for number, job in enumerate(jobs):
        queue.push(job, (0.0, number, 0), Claim(Share()), None)
    reader = iter(queue)
    assert next(reader) == jobs[0]
    assert queue.take(jobs[1])
    assert list(reader) == jobs[2:]


def test_what_was_taken_is_forgotten_in_a_queue_that_is_never_empty() -> None:
    queue, share = ReadyQueue(lambda job: 1.0), Share()
    waiting: list[ChunkJob] = []
    for number in range(10_000):
        queue.push(ChunkJob("s", number, "x"), (0.0, number, 0), Claim(share), None)
        waiting.append(ChunkJob("s", number, "x"))
        if number >= 200:
            first = queue.first()
            assert first == waiting.pop(0)
            assert queue.take(first)
            assert queue.first() == waiting[0]
    assert list(queue) == waiting
    assert sum(map(len, queue._all.shares.values())) == len(queue)


def test_shares_that_have_nothing_are_forgotten_though_only_lanes_are_asked_for() -> None:
    queue = ReadyQueue(lambda job: 1.0)
    for number in range(1_000):
        job = ChunkJob(f"s{number}", 0, "x")
        queue.push(job, (0.0, number, 0), Claim(Share()), job.stream)
        assert queue.first(job.stream) == job
        queue.take(job)
    assert len(queue._all._heap) < 100
    assert not queue._all._turns


def test_the_first_of_many_costs_as_much_as_the_first_of_few() -> None:
    """Iteration asks for the cost of what it gives, and of nothing else."""
    asked: list[ChunkJob] = []

    def cost(job: ChunkJob) -> float:
        asked.append(job)
        return 1.0

    queue = ReadyQueue(cost)
    shares = [Share() for _ in range(50)]
    for number in range(5_000):
        job = ChunkJob(str(number % 50), number, "x")
        queue.push(job, (0.0, number, 0), Claim(shares[number % 50]), None)
    assert [job.index for job, _ in zip(queue, range(3), strict=False)] == [0, 1, 2]
    assert len(asked) <= 4
