"""A policy that is traced decides as it does otherwise, and each decision is told whole."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from ttsflow import ChunkJob, Device, OutputError, Policy, PolicyError, Profile, View, WorkerSpec, WorkerView
from ttsflow.report.decisions import Decision, DecisionFile, TracedPolicy
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator
from ttsflow.testing.fault_tester import Faults, run_schedule
from ttsflow.testing.shrinking import History
from ttsflow_plugins.adaptive import Adaptive


class Explaining(Policy):
    """One chunk after the other, half a second apart; says why."""

    name = "explaining"

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        self.note = f"{len(devices)} devices"
        return [WorkerSpec(devices[0])]

    def dispatch(self, view: View) -> Iterator[tuple[ChunkJob, WorkerView]]:
        if view.now < 0.5:
            view.wake_at(0.5)
            view.place_again()
            return
        for worker in view.free:
            if (job := view.ready.first()) is not None:
                self.note = f"{job.index} is next"
                yield job, worker


def test_each_decision_is_told_whole() -> None:
    told: list[Decision] = []
    profile = Profile("engine", 24_000, ("cuda",), rtf=0.5, chars_per_s=10.0)
    scheduler = Scheduler(TracedPolicy(Explaining(), told.append), [Device("cuda:0", "cuda")], profile)
    jobs = [ChunkJob("s", index, "ten chars ") for index in range(2)]
    Simulator(scheduler, CostModel.of(profile)).run({"s": jobs}, stored=True)
    placed, waited, first, *_ = told
    assert placed == Decision("place", workers=(("cuda:0", 1),), note="1 devices")
    assert (waited.wake_s, waited.placed_again, waited.chosen, waited.note) == (0.5, True, (), None)
    assert (first.at_s, first.ready, first.free) == (0.5, 2, {"w0": 1})
    assert [each.index for each in first.first] == [0, 1]
    assert first.record(t0=0.25) == {
        "asked": "dispatch",
        "at_s": 0.25,
        "ready": 2,
        "first": [{"stream": "s", "index": 0}, {"stream": "s", "index": 1}],
        "free": {"w0": 1},
        "chosen": [{"stream": "s", "index": 0, "worker": "w0"}],
        "note": "0 is next",
    }
    last = told[-1]
    assert (last.ready, [each.index for each in last.chosen]) == (1, [1])


@pytest.mark.parametrize("seed", range(20))
def test_tracing_changes_no_decision(seed: int) -> None:
    histories: list[History] = []

    def watch(scheduler: object) -> History:
        histories.append(History(scheduler))  # type: ignore[arg-type]
        return histories[-1]

    def traced(rng: random.Random) -> Policy:
        return TracedPolicy(Adaptive(), lambda decision: None)

    run_schedule(seed, lambda rng: Adaptive(), Faults(die=0.05, devices=0.3), watch=watch)
    run_schedule(seed, traced, Faults(die=0.05, devices=0.3), watch=watch)
    assert histories[0].lines == histories[1].lines


class Endless(Explaining):
    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return repeat(WorkerSpec(devices[0]))


class Numbers(Explaining):
    def dispatch(self, view: View) -> Any:
        return 7


class Nothing(Explaining):
    def dispatch(self, view: View) -> Any:
        return 0


@pytest.mark.parametrize("policy", [Endless, Numbers, Nothing])
def test_tracing_changes_no_complaint(policy: type[Policy]) -> None:
    """Also not of a placement without an end, of which only so much is taken."""
    profile, told = Profile("engine", 24_000, ("cuda",)), list[Decision]()
    complaints = []
    for made in (policy(), TracedPolicy(policy(), told.append)):
        simulator = Simulator(Scheduler(made, [Device("cuda:0", "cuda")], profile), CostModel.of(profile))
        error = simulator.run({"s": [ChunkJob("s", 0, "ten chars ")]}, stored=True).error
        assert isinstance(error, PolicyError)
        complaints.append(str(error))
    assert complaints[0] == complaints[1]
    assert [each.asked for each in told] == ([] if policy is Endless else ["place", "dispatch"])


class TestFile:
    def test_it_has_a_line_for_each_decision(self, tmp_path: Path) -> None:
        path = tmp_path / "trace.jsonl"
        for _ in range(2):  # one of ours is written over
            file = DecisionFile(path, t0=10.0)
            file.open("mine", {"ahead": 3})
            file.write(Decision("dispatch", 12.5, note="half a character: \ud83d"))
            assert file.close() is None
        head, decision = map(json.loads, path.read_text("utf-8").splitlines())
        assert (head["policy"], head["options"]) == ("mine", {"ahead": 3})
        assert decision == {"asked": "dispatch", "at_s": 2.5, "note": "half a character: \ud83d"}

    def test_it_stays_where_nothing_is_decided(self, tmp_path: Path) -> None:
        path = tmp_path / "trace.jsonl"
        for decisions in ([Decision("place")], []):
            file = DecisionFile(path, 0.0)
            file.open("mine", {})
            for decision in decisions:
                file.write(decision)
            assert file.close() is None
        assert len(path.read_text().splitlines()) == 2

    def test_another_file_is_not_written_over(self, tmp_path: Path) -> None:
        path = tmp_path / "book.txt"
        path.write_text("words")
        with pytest.raises(OutputError, match="is no trace of a policy"):
            DecisionFile(path, 0.0).open("mine", {})
        assert path.read_text() == "words"
        with pytest.raises(OutputError, match="No such file or directory; choose another --trace-policy"):
            DecisionFile(tmp_path / "nowhere" / "trace", 0.0).open("mine", {})

    def test_a_full_disk_is_told_at_the_end(self) -> None:
        file = DecisionFile(Path("/dev/full"), 0.0)
        file.open("mine", {})
        for _ in range(1000):
            file.write(Decision("place"))
        assert file.close() == (
            "the trace /dev/full is not complete: No space left on device; the audio is not affected"
        )
