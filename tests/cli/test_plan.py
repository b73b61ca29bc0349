"""`ttsflow plan` as a person uses it, and what a report says of the prediction."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.program import Program, paragraphs, sim

COSTS = """
version: 1
profiles:
  - backend: sim
    device: cpu
    source: known
    costs: {rtf: 0.1, slowdown: [1, 1.2], chars_per_s: {en: 10}, load_s: 2}
  - backend: xtts
    device: cuda
    name: NVIDIA H100
    source: a guess
    costs: {rtf: 0.3}
"""
BROKEN = """
from ttsflow import Policy, WorkerSpec, hookimpl

class Broken(Policy):
    '''Chooses nothing that there is.'''
    name = "broken"
    def place(self, devices, profile):
        return [WorkerSpec(devices[0])]
    def dispatch(self, view):
        raise KeyError("my mistake")

@hookimpl
def ttsflow_policies():
    return [Broken]
"""


STUCK = """
from time import sleep
from ttsflow import Policy, WorkerSpec, hookimpl

class Stuck(Policy):
    '''Thinks for ever.'''
    name = "stuck"
    def place(self, devices, profile):
        return [WorkerSpec(devices[0])]
    def WHERE(self, *args):
        while True:
            sleep(0.1)

@hookimpl
def ttsflow_policies():
    return [Stuck]
"""

ONCE = """
from time import sleep
from ttsflow import Policy, WorkerSpec, hookimpl
from ttsflow_plugins.sequential import Sequential

class Once(Sequential):
    # gets through one run
    name = "once"
    placed = 0
    def place(self, devices, profile):
        Once.placed += 1
        while Once.placed > 1:
            sleep(0.1)
        return super().place(devices, profile)

@hookimpl
def ttsflow_policies():
    return [Once]
"""


def _plans(program: Program, *args: str, code: int = 0) -> dict[str, Any]:
    return dict(json.loads(program("plan", *args, "--json", code=code).text))


@pytest.fixture(autouse=True)
def text(program: Program) -> None:
    program.write("book.txt", paragraphs(30))


def test_all_policies_side_by_side(program: Program) -> None:
    shown = program("plan", "book.txt", "--backend", "espeak").text
    assert "book.txt: 30 chunks; espeak (RTF" in shown
    for name in ("default: sequential", "sequential", "bounded-parallel", "gpu-affinity", "100%"):
        assert name in shown
    assert "Traceback" not in shown


def test_a_gpu_that_is_not_there_and_an_engine_that_is_not_installed(program: Program) -> None:
    program.hide("TTS", "torch")
    program.write("costs.yaml", COSTS)
    plans = _plans(program, "book.txt", "--backend", "xtts", "--gpus", "4", "--profile", "costs.yaml")
    assert plans["devices"] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert plans["costs"]["rtf"] == 0.3
    assert "costs.yaml (a guess)" in plans["costs"]["source"]
    spans = {plan["policy"]: plan["summary"]["makespan_s"] for plan in plans["plans"]}
    assert spans["adaptive"] < spans["sequential"] / 4


def test_more_gpus_take_no_longer(program: Program) -> None:
    spans = [
        _plans(program, "book.txt", "--backend", "xtts", "--gpus", gpus, "--policy", "auto")["plans"][0]
        ["summary"]["makespan_s"]
        for gpus in ("1", "2", "5", "10000")
    ]  # fmt: skip
    assert spans == sorted(spans, reverse=True)


def test_the_costs_of_a_profile_are_what_is_planned_with(program: Program) -> None:
    program.write("costs.yaml", COSTS)
    args = ("book.txt", *sim(), "--profile", "costs.yaml", "--policy", "sequential")
    plans = _plans(program, *args)
    summary = plans["plans"][0]["summary"]
    characters = sum(len(part) for part in paragraphs(30).split("\n\n"))
    assert summary["audio_s"] == pytest.approx(characters / 10, rel=0.01)
    assert summary["makespan_s"] == pytest.approx(2.0 + characters / 10 * 0.1, rel=0.01)


def test_a_listener_and_a_file_are_planned_apart(program: Program) -> None:
    file = _plans(program, "book.txt", "--backend", "xtts", "--gpus", "1", "--policy", "adaptive")
    heard = _plans(
        program, "book.txt", "--backend", "xtts", "--gpus", "1", "--policy", "adaptive", "--listening"
    )
    assert heard["plans"][0]["summary"]["wait_s"] < file["plans"][0]["summary"]["wait_s"]
    assert (file["listening"], heard["listening"]) == (False, True)


def test_a_policy_that_breaks_is_named_and_the_others_are_shown(program: Program) -> None:
    program.write("mine/broken.py", BROKEN)
    shown = program("plan", "book.txt", "--backend", "espeak", "--plugins-dir", "mine", code=1)
    assert "sequential" in shown.text
    assert "policy broken" in shown.err
    assert "my mistake" in shown.err
    plans = _plans(program, "book.txt", "--backend", "espeak", "--plugins-dir", "mine", code=1)
    assert [plan["asked"] for plan in plans["plans"] if plan["error"]] == ["broken"]


@pytest.mark.parametrize("where", ["__init__", "place", "dispatch"])
@pytest.mark.parametrize("crowd", [[], ["--listeners", "2"]], ids=["a text", "a crowd"])
def test_a_policy_that_never_returns_is_named_and_the_others_are_shown(
    program: Program, where: str, crowd: list[str]
) -> None:
    program.write("mine/stuck.py", STUCK.replace("WHERE", where))
    args = ("book.txt", "--backend", "espeak", "--plugins-dir", "mine", *crowd)
    limit = ("--set", "limits.timeouts.policy_s=1")
    asked = [flag for name in ("stuck", "sequential") for flag in ("--policy", name)]
    shown = program("plan", *args, *limit, *asked, code=1)
    assert "sequential" in shown.text
    assert "policy stuck: " in shown.err
    assert "does not come back: it is stuck in" in shown.err
    assert "stuck.py:" in shown.err


@pytest.mark.parametrize("chosen", ["policy.use=gpu-affinity", "policy={use: gpu-affinity}"])
def test_a_named_policy_is_planned_whatever_is_set(program: Program, chosen: str) -> None:
    args = ("book.txt", "--backend", "xtts", "--gpus", "2", "--set", chosen)
    two = _plans(program, *args, "--policy", "sequential", "--policy", "adaptive")
    assert [plan["policy"] for plan in two["plans"]] == ["sequential", "adaptive"]
    every = {plan["asked"]: plan["policy"] for plan in _plans(program, *args)["plans"]}
    assert every.pop(None) == "gpu-affinity"
    assert all(asked == policy for asked, policy in every.items())
    assert "sequential" in every


def test_options_belong_to_the_policy_that_is_named(program: Program) -> None:
    args = ("book.txt", "--backend", "xtts", "--gpus", "4", "--policy", "bounded-parallel")
    busy = [
        len(_plans(program, *args, "--set", f"policy.options.max_concurrent={count}")["plans"][0]["busy"])
        for count in (1, 2)
    ]
    assert busy == [1, 2]


def test_a_policy_file_that_is_not_there_is_named_and_the_others_are_shown(program: Program) -> None:
    asked = ("--policy", "./none.yaml", "--policy", "sequential")
    shown = program("plan", "book.txt", "--backend", "espeak", *asked, code=1)
    assert "none.yaml" in shown.err
    assert "sequential" in shown.text


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--backend", "xtts", "--gpus", "0"), "--gpus is 0, but must be from 1 to 10,000"),
        (("--backend", "xtts", "--gpus", "1000000"), "--gpus is 1,000,000"),
        (("--backend", "espeak", "--gpus", "2"), "backend espeak uses no GPU"),
        (("--backend", "nothing"), "nothing"),
        (("--policy", "nothing"), "nothing"),
        (("--profile", "nothing.yaml"), "there is no such file"),
        (("--report", "x.json"), "give one --policy"),
        (("--replay", "x.json"), "give either INPUT, or --replay with the report of a run"),
    ],
)
def test_what_cannot_be_planned_is_refused(program: Program, args: tuple[str, ...], says: str) -> None:
    code = 1 if args[0] == "--policy" else 2
    assert says in program("plan", "book.txt", *args, code=code).err


def test_a_run_is_played_again_under_another_policy(program: Program) -> None:
    """Its decisions were traced; under the same policy it takes as long, under a slower one longer."""
    program.write("book.txt", paragraphs(8))
    program.gpus(2)
    engine = sim(device="cuda", chunk_s=0.2, audio_s=0.5)
    where = ("-o", "book.wav", "--report", "run.json", "--trace-policy", "trace.jsonl")
    program("run", "-q", "book.txt", "--policy", "bounded-parallel", *engine, *where)
    run = json.loads((program.folder / "run.json").read_text())
    lines = (program.folder / "trace.jsonl").read_text().splitlines()
    traced = [json.loads(line) for line in lines[1:]]
    assert json.loads(lines[0])["policy"] == "bounded-parallel"
    started = [one["index"] for each in traced for one in each.get("chosen", ())]
    assert sorted(started) == list(range(8))
    assert [each for each in run["decisions"] if "chosen" in each] == [
        each for each in traced if "chosen" in each
    ]

    asked = ("--policy", "bounded-parallel", "--policy", "sequential")
    planned = json.loads(program("plan", "--replay", "run.json", *asked, "--json").text)
    same_s, slower_s = (each["summary"]["makespan_s"] for each in planned["plans"])
    assert slower_s > 1.1 * same_s
    table = program("plan", "--replay", "run.json", *asked).text
    assert "as it was: bounded-parallel" in table
    refused = program("plan", "--replay", "run.json", "--gpus", "4", code=2)
    assert "--replay has devices, costs and text of the run" in refused.err


def test_a_text_without_words(program: Program) -> None:
    program.write("empty.txt", "***\n\n...\n")
    assert "no word to speak" in program("plan", "empty.txt", code=2).err


def test_a_text_shorter_than_a_chunk(program: Program) -> None:
    program.write("short.txt", "Oh.")
    assert _plans(program, "short.txt", "--backend", "espeak")["plans"][0]["summary"]["delivered"] == 1


def test_a_report_of_a_plan_has_every_chunk(program: Program) -> None:
    program("plan", "book.txt", "--backend", "espeak", "--policy", "auto", "--report", "plan.json")
    report = json.loads((program.folder / "plan.json").read_bytes())
    assert [chunk["index"] for chunk in report["chunks"]] == list(range(30))
    assert report["summary"]["delivered"] == 30


def test_a_report_tells_what_was_expected(program: Program) -> None:
    report = program.report("book.txt", "--backend", "espeak", "-o", "x.wav")
    predicted = report["predicted"]
    off = report["summary"]["makespan_s"] / predicted["makespan_s"]["predicted"] - 1.0
    assert predicted["makespan_s"]["off"] == pytest.approx(off)
    again = program.resumed("book.txt", "--backend", "espeak", "-o", "x.wav", "--set", "text.seed=0")
    assert again.get("predicted") is None


def test_a_policy_that_does_not_come_back_after_the_run_means_no_prediction(program: Program) -> None:
    program.write("mine/once.py", ONCE)
    args = ("book.txt", "--backend", "espeak", "--plugins-dir", "mine", "--policy", "once", "-o", "x.wav")
    report = program.report(*args, "--set", "limits.timeouts.policy_s=1")
    assert report["summary"]["delivered"] == 30
    assert report.get("predicted") is None


@pytest.mark.usefixtures("quickly")
def test_many_listeners_at_a_time(program: Program) -> None:
    program.write("costs.yaml", COSTS)
    args = ("book.txt", "--backend", "xtts", "--gpus", "1", "--profile", "costs.yaml", "--policy", "realtime")
    plans = _plans(program, *args, "--listeners", "2")
    assert plans["plans"][0]["listeners"] == 2
    assert plans["plans"][0]["unheard"] == 0
    assert 0.0 < plans["plans"][0]["first_s"]["p50"] <= plans["plans"][0]["first_s"]["p95"]
    shown = program("plan", *args[:-1], "parallel", "--listeners", "most").text
    assert "parallel: bounded-parallel" in shown
    assert "unheard" in shown
    assert "content" in shown


@pytest.mark.parametrize("count", ["0", "-1", "many", "100000"])
def test_a_number_of_listeners_that_cannot_be(program: Program, count: str) -> None:
    assert (
        "must be a number from 1 to 10,000, or `most`"
        in program("plan", "book.txt", "--listeners", count, code=2).err
    )


def test_a_cluster_is_planned_for(program: Program) -> None:
    program.write("book.txt", paragraphs(40))
    engine = sim(device="cuda")
    told = program("plan", "book.txt", *engine, "--nodes", "3", "--gpus", "2", "--policy", "adaptive").text
    assert "on 6 GPUs of 3 nodes, a file" in told
    assert "adaptive: the coordinator has " in told
    made = program("plan", "book.txt", *engine, "--nodes", "3", "--gpus", "2", "--json").text
    assert json.loads(made)["devices"][-1] == "node2/cuda:1"
    assert json.loads(made)["plans"][0]["coordinator"]["workers"] == 6
    for nodes in ("0", "6000"):
        refused = program("plan", "book.txt", *engine, "--nodes", nodes, "--gpus", "2", code=2).err
        assert f"--nodes is {int(nodes):,}, and must be from 1 to 5,000 with 2 GPUs each" in refused
