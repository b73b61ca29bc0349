"""`ttsflow new` and `ttsflow check`: a plugin to start from, and whether it keeps the rules."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.cli.program import Program


@pytest.mark.usefixtures("quickly")
def test_a_new_backend_in_one_file_keeps_every_rule(program: Program) -> None:
    made = program("new", "backend", "deep-hum", "--file")
    assert made.text.startswith("deep_hum.py: the backend deep-hum, in one file.")
    checked = program("check", "backend", "deep_hum.py", "--json")
    verdicts = json.loads(checked.text)
    assert verdicts["good"] is True
    assert verdicts["counts"]["broken"] == verdicts["counts"]["not reached"] == 0
    assert {"light", "finite", "repeats-elsewhere"} <= {each["rule"] for each in verdicts["rules"]}


def test_a_broken_rule_says_what_was_seen_and_where_it_is_explained(program: Program) -> None:
    program("new", "backend", "mute", "--file")
    path = program.folder / "mute.py"
    path.write_text(path.read_text().replace("0.1 * np.sin", "2.5 * np.sin"))
    checked = program("check", "backend", "mute", "--plugins-dir", ".", "--only", "loudness", code=1)
    assert checked.text == (
        f"backend mute of {path}\n\n"
        "audio\n"
        "  BROKEN  loudness  Samples are in [-1, 1], and neither silent nor clipped throughout.\n"
        "          seen: piece 0 of job 'long' reaches 2.5\n"
        "          seen: piece 1 of job 'long' reaches 2.5\n"
        "          seen: piece 2 of job 'long' reaches 2.5\n"
        "          see docs/backends.md#jobs-pieces-and-errors\n\n"
        "1 rule: 1 broken\n"
    )


def test_what_cannot_be_checked_is_refused(program: Program) -> None:
    program.hide("espeakng_loader")
    refused = program("check", "backend", "espeak", code=2)
    assert "backend 'espeak' is not installed. Install it with: " in refused.err
    assert "did you mean 'espeak'?" in program("check", "backend", "espeek", code=2).err
    beside = program("check", "policy", "sequential", "--policy", "auto", code=2)
    assert "the policy that is checked is sequential; leave out --policy auto" in beside.err
    unknown = program("check", "backend", "sim", "--only", "finit", code=2)
    assert "unknown rule 'finit'; did you mean 'finite'?" in unknown.err


WILD = '''
import os, time
import ttsflow

class Wild(ttsflow.Backend):
    """Does something wrong."""
    name = "wild"
    @classmethod
    def describe(cls, options):
        {describe}
        return ttsflow.Profile(backend=cls.name, sample_rate=8000, deterministic=True)
    def load(self, device, slots): ...
    def synthesize(self, job):
        import numpy as np
        {speak}
        yield ttsflow.AudioPiece(np.full(len(job.text) * 500, 0.1, np.float32), 8000)
    def close(self):
        {close}

@ttsflow.hookimpl
def ttsflow_backends():
    return [Wild]
'''


ODD = """
import ttsflow

class Odd(ttsflow.Backend):
    name = "odd"
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(backend=cls.name, sample_rate=8000)
    def load(self, device, slots): ...
    {method}

@ttsflow.hookimpl
def ttsflow_backends():
    return [Odd]
"""


def wild(
    program: Program, *args: str, describe: str = "pass", speak: str = "pass", close: str = "pass"
) -> dict[str, Any]:
    """The verdicts on a backend that does this, by rule."""
    program.write("plugins/wild.py", WILD.format(describe=describe, speak=speak, close=close))
    checked = program("check", "backend", "wild", "--plugins-dir", "plugins", "--json", *args, code=1)
    return {verdict["rule"]: verdict for verdict in json.loads(checked.text)["rules"]}


def test_a_backend_that_kills_its_worker_at_each_call(program: Program) -> None:
    verdicts = wild(program, speak="os._exit(7)")
    assert verdicts["describes"]["result"] == "kept"
    assert verdicts["speaks"]["seen"][0].endswith("died: exit code 7")
    assert verdicts["repeats"]["result"] == verdicts["closes"]["result"] == "not reached"


def test_a_backend_that_hangs_at_each_call_is_checked_within_the_budget(program: Program) -> None:
    verdicts = wild(program, "--budget", "6", speak="time.sleep(3600)")
    assert verdicts["speaks"]["result"] == "not reached"
    assert "the budget of 6 s was over before; give more: --budget 12" in verdicts["finite"]["seen"][0]


@pytest.mark.parametrize("code", [0, 5])
def test_a_backend_that_ends_the_program_when_it_is_described(program: Program, code: int) -> None:
    verdicts = wild(program, describe=f"os._exit({code})")
    assert verdicts["survives"]["seen"] == [f"describe: the process ended (exit code {code})"]
    assert verdicts["describes"]["result"] == "broken"
    assert verdicts["imports"]["result"] == "kept"
    assert "there is no profile: describe does not come back" in verdicts["finite"]["seen"][0]


def test_a_worker_that_does_not_end_well(program: Program) -> None:
    verdicts = wild(program, "--only", "ends", "--only", "closes", close="os._exit(3)")
    assert verdicts["ends"]["seen"] == ["the worker ended otherwise: exit code 3"]
    assert verdicts["closes"]["seen"][0].startswith("close: it did not come back, and the worker ended")


@pytest.mark.parametrize(
    ("method", "says"),
    [
        (
            "def synthesize(self, job): return None",
            "backend 'odd': synthesize gave NoneType, not AudioPieces one by one; is there a `yield` in it?",
        ),
        (
            "def start(self, job): pass\n    def step(self): return None",
            "backend 'odd': step gave NoneType, not Steps",
        ),
        (
            "def start(self, job): pass\n    def step(self): return [None]",
            "backend 'odd': step gave NoneType, not Steps",
        ),
    ],
)
def test_a_method_that_gives_something_else_is_named(program: Program, method: str, says: str) -> None:
    program.write("plugins/odd.py", ODD.format(method=method))
    odd = ("--backend", "odd", "--plugins-dir", "plugins")
    ended = program("run", "--text", "Hi.", *odd, "-o", "a.wav", code=1)
    assert says in ended.err
    assert ".py:" not in ended.err


def test_a_device_that_is_not_there(program: Program) -> None:
    program.gpus(1)
    refused = program("check", "backend", "sim", "--device", "cuda:7", code=2)
    known = "did you mean 'cuda:0'? known: cuda:0, cpu"
    assert refused.err == f"ttsflow: error: unknown device 'cuda:7'; {known}\n"


def test_limits_that_are_set_hold_in_a_check(program: Program) -> None:
    speaks = ("--only", "speaks", "--budget", "3600", "--set", "limits.timeouts.chunk_s=1.5")
    verdicts = wild(program, *speaks, speak="time.sleep(3600)")
    assert verdicts["speaks"]["result"] != "kept"
    assert "hung: said nothing for 2 s" in verdicts["speaks"]["seen"][0]


SLEEPING = """
import time
import ttsflow

class Sleeping(ttsflow.Policy):
    '''Sleeps.'''
    name = "sleeping"
    def place(self, devices, profile):
        return [ttsflow.WorkerSpec(device) for device in devices]
    def dispatch(self, view):
        open("deciding", "w").close()
        time.sleep(3600)

@ttsflow.hookimpl
def ttsflow_policies():
    return [Sleeping]
"""


def test_a_policy_is_checked_within_the_budget_and_what_was_not_reached_is_told(program: Program) -> None:
    program.write("sleeping.py", SLEEPING)
    checked = program("check", "policy", "sleeping.py", "--budget", "2", "--json", code=1)
    verdicts = {verdict["rule"]: verdict for verdict in json.loads(checked.text)["rules"]}
    late = "the budget of 2 s was over before; give more: --budget 4"
    for rule in ("delivers", "repeats", "repeats-elsewhere", "no-clock", "decides-quickly", "makespan"):
        assert (verdicts[rule]["result"], verdicts[rule]["seen"]) == ("not reached", [late]), rule
    assert verdicts["described"]["result"] == "kept"


@pytest.mark.parametrize("kind", ["backend", "policy"])
def test_ctrl_c_ends_a_check(program: Program, kind: str) -> None:
    hangs = 'open("deciding", "w"); time.sleep(3600)'
    program.write("wild.py", WILD.format(describe="pass", speak=hangs, close="pass"))
    program.write("sleeping.py", SLEEPING)
    file = {"backend": "wild.py", "policy": "sleeping.py"}[kind]
    process = program.start("check", kind, file, "--budget", "3600")
    program.until((program.folder / "deciding").exists)
    process.send_signal(signal.SIGINT)
    ended = program.finish(process)
    assert (ended.code, ended.err) == (130, "ttsflow: interrupted\n")
    program.await_end()


@pytest.mark.usefixtures("quickly")
def test_a_new_policy_keeps_every_rule_and_one_that_hangs_on_hashes_does_not(program: Program) -> None:
    program("new", "policy", "long-first", "--file")
    path = program.folder / "long_first.py"
    checked = json.loads(program("check", "policy", str(path), "--json").text)
    assert checked["good"] is True
    assert checked["counts"]["broken"] == checked["counts"]["not reached"] == 0

    source = path.read_text().replace("key=view.costs.cost", "key=lambda job: hash(job.text + job.stream)")
    path.write_text(source.replace("view.listener(first.stream) is not None", "False"))
    broken = program("check", "policy", "long_first.py", "--only", "repeats-elsewhere", code=1)
    assert "BROKEN  repeats-elsewhere" in broken.text
    assert ", and in another process" in broken.text


def test_options_belong_to_the_policy_that_is_checked(program: Program) -> None:
    option = "policy.options.max_concurrent="
    checked = program("check", "policy", "bounded-parallel", "--set", f"{option}2", "--only", "places")
    assert "1 rule: 1 kept" in checked.text
    refused = program("check", "policy", "bounded-parallel", "--set", f"{option}-2", code=2)
    assert "policy.options.max_concurrent is -2, but must be greater than 0" in refused.err
    assert program("policies", "bounded-parallel", "--set", f"{option}2").text.startswith("bounded-parallel:")
