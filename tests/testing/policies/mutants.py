"""Policies that are `Good` but for one thing, each with the rule that is about it."""

from __future__ import annotations

import datetime
import itertools
import os
import random
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from tests.testing.policies.good import Good
from ttsflow import ChunkJob, Device, PluginOptions, Policy, Profile, View, WorkerSpec, WorkerView, fill

BROKEN: list[tuple[str, type[Policy]]] = []
"""the rule, and the policy that breaks it"""

Pairs = Iterator[tuple[ChunkJob, WorkerView]]


def breaks(rule: str) -> Callable[[type[Good]], type[Good]]:
    """Note the rule that a policy breaks."""

    def note(cls: type[Good]) -> type[Good]:
        BROKEN.append((rule, cls))
        return cls

    return note


def placing(rule: str, what: str, place: Callable[[Sequence[Device], Profile], Any]) -> None:
    """A policy with another `place`."""
    methods = {"__doc__": "Good.", "place": lambda self, devices, profile: place(devices, profile)}
    BROKEN.append((rule, type(what, (Good,), methods)))


def laning(rule: str, what: str, lane: Callable[[ChunkJob], Any]) -> None:
    """A policy with other lanes."""
    methods = {"__doc__": "Good.", "lane": lambda self, job: lane(job)}
    BROKEN.append((rule, type(what, (Good,), methods)))


def dispatching(rule: str, what: str, dispatch: Callable[[Any, View], Any]) -> None:
    """A policy with another `dispatch`."""
    BROKEN.append((rule, type(what, (Good,), {"__doc__": "Good.", "dispatch": dispatch})))


def doing(rule: str, what: str, do: Callable[[], object]) -> None:
    """A policy that does something else before each decision, and does not heed it."""

    def dispatch(self: Good, view: View) -> Pairs:
        do()
        yield from Good.dispatch(self, view)

    dispatching(rule, what, dispatch)


numbers = itertools.count(1)


def raises(error: BaseException) -> Any:
    raise error


# ---------------------------------------------------------------- the class and its options

BROKEN.append(("described", type("HasNoDocstring", (Good,), {})))


@breaks("options")
class HasAnOptionThatIsNoJson(Good):
    """Good."""

    class Options(Good.Options):
        model: Any = Field(default_factory=object)


@breaks("options")
class CannotBeMade(Good):
    """Good."""

    def __init__(self, options: PluginOptions | None = None) -> None:
        raise KeyError("goal")


@breaks("options")
class ForgetsItsOptions(Good):
    """Good."""

    def __init__(self, options: PluginOptions | None = None) -> None:
        super().__init__(self.Options(ahead=1))


# ---------------------------------------------------------------- place

DEVICE = Device("cuda:9", "cuda")

placing("places", "PlacesNothing", lambda devices, profile: [])
placing("places", "ReturnsNothing", lambda devices, profile: None)
placing("places", "ReturnsANumber", lambda devices, profile: len(devices))
placing("places", "ReturnsOneSpec", lambda devices, profile: WorkerSpec(devices[0]))
placing("places", "ReturnsDevices", lambda devices, profile: devices)
placing("places", "ReturnsIds", lambda devices, profile: [device.id for device in devices])
placing("places", "ReturnsPairs", lambda devices, profile: [(device, 1) for device in devices])
placing("places", "PlacesOnADeviceOfItsOwn", lambda devices, profile: [WorkerSpec(DEVICE)])
placing("places", "PlacesOnAChangedDevice",
        lambda devices, profile: [WorkerSpec(replace(devices[0], free_bytes=1))])  # fmt: skip
placing("places", "PlacesOnAnId", lambda devices, profile: [WorkerSpec(devices[0].id)])
placing("places", "PlacesNoSlots", lambda devices, profile: [WorkerSpec(devices[0], 0)])
placing("places", "PlacesAPartOfASlot", lambda devices, profile: [WorkerSpec(devices[0], 0.5)])
placing("places", "PlacesManySlotsAsAString", lambda devices, profile: [WorkerSpec(devices[0], "4")])
placing("places", "WantsTwoDevices", lambda devices, profile: [WorkerSpec(devices[1])])
placing("places", "RaisesWithoutMemory", lambda devices, profile: [
    WorkerSpec(device) for device in devices if device.free_bytes // 2 > 0])  # fmt: skip
placing("places", "LeavesCpusOut", lambda devices, profile: [
    WorkerSpec(device) for device in devices if device.kind == "cuda"])  # fmt: skip
placing("places-few", "PlacesForEver", lambda devices, profile: map(WorkerSpec, itertools.cycle(devices)))
placing("places-few", "PlacesAThousand", lambda devices, profile: [WorkerSpec(devices[0])] * 1000)
placing("places-few", "PlacesByMemory", lambda devices, profile: [
    WorkerSpec(devices[0]) for _ in range((devices[0].free_bytes or 0) // 10**8)])  # fmt: skip
placing("places-slots", "WantsEightSlots",
        lambda devices, profile: [WorkerSpec(device, 8) for device in devices])  # fmt: skip
placing("places-slots", "WantsASlotMore",
        lambda devices, profile: [WorkerSpec(device, profile.slots + 1) for device in devices])  # fmt: skip
placing("places-again", "PlacesInTurn",
        lambda devices, profile: [WorkerSpec(devices[next(numbers) % len(devices)])])  # fmt: skip
placing(
    "places-again",
    "PlacesMoreEachTime",
    lambda devices, profile: [WorkerSpec(devices[0])] * (1 + next(numbers) % 5),
)


@breaks("places-again")
class PlacesNewDevicesOnly(Good):
    """Good."""

    known: tuple[str, ...] = ()

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        new = [device for device in devices if device.id not in self.known]
        self.known += tuple(device.id for device in new)
        return list(fill(new, profile))


@breaks("places-after-loss")
class RemembersItsDevices(Good):
    """Good."""

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        self.devices = getattr(self, "devices", devices)
        return list(fill(self.devices, profile))


@breaks("places-after-loss")
class CountsOnAllDevices(Good):
    """Good."""

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        self.count = getattr(self, "count", len(devices))
        return [WorkerSpec(devices[number]) for number in range(self.count)]


@breaks("places-after-loss")
class GivesUpAfterALoss(Good):
    """Good."""

    most = 0

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        self.most = max(self.most, len(devices))
        return list(fill(devices, profile)) if len(devices) == self.most else []


placing("places-only", "SortsTheDevices", lambda devices, profile: [
    *fill((devices.sort(key=lambda device: device.id, reverse=True), devices)[1], profile)])  # fmt: skip
placing("places-only", "TakesTheLastDevice",
        lambda devices, profile: [
            WorkerSpec(devices.pop() if isinstance(devices, list) else devices[0])])  # fmt: skip

# ---------------------------------------------------------------- lane

laning("lanes", "HasLanesThatAreLists", lambda job: [job.voice])
laning("lanes", "HasLanesThatAreDicts", lambda job: {"voice": job.voice})
laning("lanes", "HasATupleWithAList", lambda job: (job.voice, list(job.references)))
laning("lanes", "HasALaneForEachCall", lambda job: next(numbers))
laning("lanes", "HasNewObjectsForLanes", lambda job: object())
laning("lanes", "KnowsTwoVoices", lambda job: {"anna": 1, "ben": 2}[job.voice])
laning("lanes", "WantsAVoice", lambda job: job.voice.lower())


@breaks("lanes-quickly")
class SearchesAllItKnows(Good):
    """Good."""

    def lane(self, job: ChunkJob) -> Hashable:
        self.known = getattr(self, "known", [])
        self.known.append(job.text)
        return sum(text == job.text for text in self.known) % 1


@breaks("lanes-quickly")
class SortsAllItKnows(Good):
    """Good."""

    def lane(self, job: ChunkJob) -> Hashable:
        self.known = [*getattr(self, "known", []), len(job.text)]
        return sorted(self.known)[0] * 0


# ---------------------------------------------------------------- dispatch


def given_twice(self: Good, view: View) -> Pairs:
    for worker in view.free:
        job = view.ready.first()
        if job is None:
            return
        yield job, worker
        yield job, worker


def to_one_worker(self: Good, view: View) -> Pairs:
    worker = next(iter(view.workers))
    for job in list(view.ready):
        yield job, worker


def of_another_job(self: Good, view: View) -> Pairs:
    for worker in view.free:
        if (job := view.ready.first()) is not None:
            yield replace(job, text=job.text.upper() + "!"), worker


def of_ids(self: Good, view: View) -> Any:
    return [(job.index, worker.id) for job, worker in zip(view.ready, view.free, strict=False)]


def turned_around(self: Good, view: View) -> Any:
    return [(worker, job) for job, worker in zip(view.ready, view.free, strict=False)]


def of_the_first_ten(self: Good, view: View) -> Pairs:
    for job, worker in Good.dispatch(self, view):
        if job.index < 10:
            yield job, worker


def of_one_voice(self: Good, view: View) -> Pairs:
    for worker in view.free:
        if (job := view.ready.first("a")) is not None:
            yield job, worker


def when_all_are_free(self: Good, view: View) -> Pairs:
    if len(view.running) == 0 and len(view.ready) >= 3:
        yield from Good.dispatch(self, view)


def later_and_later(self: Good, view: View) -> Any:
    view.wake_at(view.now + 1.0)
    return ()


def at_infinity(self: Good, view: View) -> Any:
    view.wake_at(float("inf"))
    return ()


def by_streams_that_are_there(self: Good, view: View) -> Pairs:
    for worker in view.free:
        job = view.ready.first()
        if job is not None and view.listener(job.stream) is None:
            yield job, worker


def by_what_was_heard(self: Good, view: View) -> Pairs:
    for job, worker in Good.dispatch(self, view):
        listener = view.listener(job.stream)
        if listener is None or listener.since is None or listener.until - view.now < 0.5:
            yield job, worker


def by_when_audio_began(self: Good, view: View) -> Pairs:
    for job, worker in Good.dispatch(self, view):
        listener = view.listener(job.stream)
        if listener is not None:
            assert view.now - listener.since >= 0  # type: ignore[operator]  # None before the first audio
        yield job, worker


def of_the_first_stream(self: Any, view: View) -> Pairs:
    self.stream = getattr(self, "stream", next(iter(view.streams), None))
    for job, worker in Good.dispatch(self, view):
        if job.stream == self.stream:
            yield job, worker


for rule, dispatch in (
    ("delivers", given_twice), ("delivers", to_one_worker), ("delivers", of_another_job),
    ("delivers", of_ids), ("delivers", turned_around), ("delivers", of_the_first_ten),
    ("delivers", of_one_voice),
    ("delivers", when_all_are_free), ("delivers", later_and_later), ("delivers", at_infinity),
    ("delivers", of_the_first_stream), ("listeners", by_streams_that_are_there),
    ("listeners", by_what_was_heard), ("listeners", by_when_audio_began),
):  # fmt: skip
    dispatching(rule, dispatch.__name__, dispatch)

dispatching("delivers", "RaisesInDispatch", lambda self, view: raises(ZeroDivisionError("no worker")))
dispatching("delivers", "ReturnsAJob", lambda self, view: view.ready.first())
dispatching("delivers", "NeverStartsAnything", lambda self, view: ())


@breaks("deaths")
class ExpectsToHaveStartedAllThatRuns(Good):
    """Good."""

    def dispatch(self, view: View) -> Pairs:
        self.given = getattr(self, "given", set())
        assert {running.job for running in view.running} <= self.given
        for job, worker in super().dispatch(view):
            self.given.add(job)
            yield job, worker


@breaks("failures")
class SpeaksNothingTwice(Good):
    """Good."""

    def dispatch(self, view: View) -> Pairs:
        self.given = getattr(self, "given", set())
        for job, worker in super().dispatch(view):
            if job not in self.given:
                self.given.add(job)
                yield job, worker


@breaks("failures")
class ExpectsNoOtherTake(Good):
    """Good."""

    def dispatch(self, view: View) -> Pairs:
        for job, worker in super().dispatch(view):
            assert job.take == 0
            yield job, worker


@breaks("failures")
class ExpectsNoParts(Good):
    """Good."""

    def lane(self, job: ChunkJob) -> Hashable:
        assert job.part == ()
        return job.voice


@breaks("losses")
class ExpectsItsFirstDevice(Good):
    """Good."""

    def dispatch(self, view: View) -> Pairs:
        self.first = getattr(self, "first", next(iter(view.workers)).device.id)
        assert self.first in {worker.device.id for worker in view.workers}
        yield from super().dispatch(view)


@breaks("cancellations")
class KeepsAQueueOfItsOwn(Good):
    """Good."""

    def dispatch(self, view: View) -> Pairs:
        self.known, self.queue = getattr(self, "known", set()), getattr(self, "queue", [])
        for job in view.ready:
            if job not in self.known:
                self.known.add(job)
                self.queue.append(job)
        for worker in view.free:
            if self.queue:
                yield self.queue.pop(0), worker


# ---------------------------------------------------------------- decisions


def choosing(rule: str, what: str, key: Callable[[Any, ChunkJob], Any]) -> None:
    """A policy that takes another of the next chunks first."""

    def dispatch(self: Good, view: View) -> Pairs:
        for worker in view.free:
            waiting = list(itertools.islice(view.ready, 16))
            if not waiting:
                return
            yield min(waiting, key=lambda job: key(self, job)), worker

    dispatching(rule, what, dispatch)


counted: list[int] = []

choosing("repeats", "ChoosesByChance", lambda self, job: random.random())
choosing("repeats", "ChoosesByTheClock", lambda self, job: time.perf_counter_ns() % 97)
choosing("repeats", "ChoosesById", lambda self, job: hash(uuid.uuid4()))
choosing("repeats", "CountsForAllOfItsKind", lambda self, job: (next(numbers) * 7919) % 101)
choosing("repeats", "RemembersOtherRuns", lambda self, job: (
    -job.index if (counted.append(1), len(counted) > 500)[1] else job.index))  # fmt: skip

doing("no-clock", "LooksAtTheClock", time.monotonic)
doing("no-clock", "LooksAtTheWall", datetime.datetime.now)
doing("no-clock", "Sleeps", lambda: time.sleep(0))
doing("no-clock", "CountsNanoseconds", time.perf_counter_ns)
doing("no-chance", "RollsADie", lambda: random.randint(1, 6))
doing("no-chance", "Shuffles", lambda: random.shuffle([1, 2, 3]))
doing("no-chance", "AsksTheSystemForChance", lambda: os.urandom(4))
doing("no-chance", "MakesAUniqueId", uuid.uuid4)
doing("no-input", "ReadsAFile", lambda: Path("/proc/loadavg").read_text())
doing("no-input", "LooksForAFile", lambda: Path("/tmp/policy.txt").exists())
doing("no-input", "PrintsADot", lambda: print(end=""))
doing("no-input", "LooksUpAHost", lambda: socket.gethostbyname("localhost"))
doing("no-threads", "StartsAThread", lambda: threading.Thread(target=int).start())
doing("no-threads", "StartsAProcess", lambda: subprocess.run(["true"], check=True))


def of_all_that_is_ready(self: Good, view: View) -> Pairs:
    for worker in view.free:
        if view.ready:
            yield min(view.ready, key=view.costs.cost), worker


def of_a_sorted_list(self: Good, view: View) -> Pairs:
    waiting = sorted(view.ready, key=lambda job: len(job.text))
    for worker in view.free:
        if waiting:
            yield waiting.pop(0), worker


def of_the_last(self: Good, view: View) -> Pairs:
    for worker in view.free:
        *_, job = view.ready
        yield job, worker


def of_all_for_uneven_workers(self: Good, view: View) -> Pairs:
    scans = view.costs.uneven and len(list(view.streams)) > 1
    return of_all_that_is_ready(self, view) if scans else Good.dispatch(self, view)


for dispatch in (of_all_that_is_ready, of_a_sorted_list, of_the_last, of_all_for_uneven_workers):
    dispatching("decides-quickly", dispatch.__name__, dispatch)


# ---------------------------------------------------------------- comparison


@breaks("makespan")
class ThinksFirst(Good):
    """Good."""

    def dispatch(self, view: View) -> Pairs:
        self.since = getattr(self, "since", {})
        for job, worker in super().dispatch(view):
            since = self.since.setdefault((job.stream, job.index), view.now)
            if view.now - since < 10.0:
                view.wake_at(since + 10.0)
                return
            yield job, worker


@breaks("waiting")
class SpeaksTheEndFirst(Good):
    """Good."""

    def dispatch(self, view: View) -> Pairs:
        for worker in view.free:
            if view.ready:
                yield max(view.ready, key=lambda job: job.index), worker
