"""`ttsflow bench` from end to end: real workers, and all that can go wrong with them.

What the figures are is not tested here, as a busy machine may give any; see test_figures.
"""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.cli.program import NEVER_LOADS, Program, sim
from ttsflow.bench.passages import languages, passage
from ttsflow.profiles import read_profiles

QUICK = {"chunk_s": 0.02, "audio_s": 0.2, "tone": "false"}
LONG = ("--budget", "600", "--workers", "1")

BREAKS_AT_THREE = """
import os
import ttsflow

class Fragile(ttsflow.Backend):
    name = "fragile"

    class Options(ttsflow.PluginOptions):
        how: str = "raises"

    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(backend=cls.name, sample_rate=8000, slots=4)

    def load(self, device, slots):
        self.jobs = []

    def start(self, job):
        self.jobs.append(job)

    def step(self):
        import numpy as np
        if len(self.jobs) > 2:
            if self.options.how == "dies":
                os._exit(7)
            self.jobs.clear()
            raise RuntimeError("three are a crowd")
        job = self.jobs.pop(0)
        audio = ttsflow.AudioPiece(np.full(800, 0.1, np.float32), 8000)
        return [ttsflow.Step(job, piece=audio, done=True)]

    def cancel(self, job):
        self.jobs = [other for other in self.jobs if other != job]

@ttsflow.hookimpl
def ttsflow_backends():
    return [Fragile]
"""


def bench(program: Program, *args: str) -> dict[str, Any]:
    return dict(json.loads(program("bench", "--json", *args).out))


@pytest.mark.parametrize("language", languages())
def test_there_are_passages(language: str) -> None:
    text = passage(f"{language}-XX")
    assert text is not None
    assert 1_900 < len(text) < 2_200


def test_figures_a_table_and_a_file(program: Program) -> None:
    engine = sim(**QUICK, slots=2, slowdown="[1, 1.2]", pieces=4)
    ended = program("bench", *engine, "--budget", "600", "--workers", "2", "-o", "costs.yaml")
    for said in (
        "short",
        "middle",
        "long",
        "1 worker, 2 slots",
        "2 workers, 1 slot each",
        "2 workers, 2 slots each",
        "<- knee",
    ):
        assert said in ended.text
    assert "profile: costs.yaml" in ended.text
    [entry] = read_profiles(program.folder / "costs.yaml").profiles
    assert (entry.backend, entry.device, entry.costs.slots) == ("sim", "cpu", 2)
    assert entry.costs.slowdown is not None
    assert entry.costs.workers is not None
    assert (len(entry.costs.slowdown), len(entry.costs.workers)) == (2, 2)
    program("run", "--text", "It is used.", *engine, "--set", "profile=costs.yaml", "-o", "out.wav")
    program.await_end()


def test_a_file_keeps_what_it_has_of_others_and_no_other_file_is_overwritten(program: Program) -> None:
    other = "version: 1\nprofiles:\n- {backend: made, device: cuda, source: x, costs: {rtf: 1}}\n"
    path = program.write("costs.yaml", other)
    program("bench", *sim(**QUICK), *LONG, "-o", path)
    program("bench", *sim(**QUICK), *LONG, "-o", path)
    assert [entry.backend for entry in read_profiles(path).profiles] == ["made", "sim"]
    book = program.write("book.txt", "Call me Ishmael.")
    assert "book.txt" in program("bench", *sim(), "-o", book, code=2).err
    assert book.read_text() == "Call me Ishmael."
    assert "no folder" in program("bench", *sim(), "-o", "no/costs.yaml", code=2).err
    assert "is a folder" in program("bench", *sim(), "-o", ".", code=2).err


def test_nothing_is_written_unasked(program: Program) -> None:
    program.write("book.txt", "One chunk alone.")
    before = set(program.folder.rglob("*"))
    data = bench(program, "book.txt", *sim(**QUICK), *LONG)
    assert set(program.folder.rglob("*")) == before
    assert data["chunks"] == 1
    assert any("only 1 chunk" in note for note in data["notes"])


def test_a_language_without_a_passage_needs_a_text(program: Program) -> None:
    assert "give a text" in program("bench", *sim(), "--language", "it", code=2).err
    program.write("it.txt", "Una riga. Un'altra riga.")
    assert bench(program, "it.txt", *sim(**QUICK), *LONG, "--language", "it")["language"] == "it"
    program.write("dots.txt", "***")
    assert "nothing to speak" in program("bench", "dots.txt", *sim(), code=2).err


@pytest.mark.parametrize(("how", "why"), [("raises", "three are a crowd"), ("dies", "exit code 7")])
def test_an_engine_that_fails_with_three_is_measured_with_two(program: Program, how: str, why: str) -> None:
    plugin = program.write("fragile/fragile.py", BREAKS_AT_THREE)
    arguments = ("--backend", "fragile", "--set", f"backend.options.how={how}", *LONG)
    data = bench(program, "--plugins-dir", str(plugin.parent), *arguments, "-o", "costs.yaml")
    assert [arm["slots"] for arm in data["slots"]] == [1, 2]
    assert any("with 3 chunks at a time" in note and why in note for note in data["notes"])
    [entry] = read_profiles(program.folder / "costs.yaml").profiles
    assert entry.costs.slots == 2
    program.await_end()


def test_two_workers_with_slots_that_the_memory_does_not_hold_are_left_out(program: Program) -> None:
    program.gpus(1)
    program.write("book.txt", "A word.\n\n" * 8)
    quick = QUICK | {"chunk_s": 0.3}  # so long that two slots are quicker also on a busy machine
    engine = sim(**quick, slots=2, slowdown="[1, 1.1]", device="cuda", memory_bytes=5 * 10**9)
    large = sim(slot_memory_bytes=5 * 10**9)[2:]
    data = bench(program, "book.txt", *engine, *large, "--budget", "600", "--workers", "2")
    assert [arm["workers"] for arm in data["workers"]] == [1, 2]
    assert data["both"] == []
    assert any("a second worker with 2 slots does not fit" in note for note in data["notes"])
    data = bench(program, "book.txt", *engine, "--budget", "600", "--workers", "2")
    assert [(arm["workers"], arm["slots"]) for arm in data["both"]] == [(2, 2)]


def test_memory_that_is_out_is_the_end_of_more(program: Program) -> None:
    data = bench(program, *sim(**QUICK, slots=4, memory_slots=2), *LONG)
    assert [arm["slots"] for arm in data["slots"]] == [1, 2]
    assert any("out of memory; 2 were the most" in note for note in data["notes"])


def test_a_chunk_that_cannot_be_spoken_is_left_out(program: Program) -> None:
    program.write("book.txt", "A good one.\n\nA bad one here.\n\nAnother good one.")
    broken = sim(**QUICK, faults="[{text: bad, kind: refuse}]")
    data = bench(program, "book.txt", *broken, *LONG)
    assert data["chunks"] == 2
    assert any("bad one" in note and "left out" in note for note in data["notes"])
    broken = sim(**QUICK, faults="[{text: one, kind: refuse}]")
    assert "no chunk can be spoken" in program("bench", "book.txt", *broken, code=1).err


def test_an_engine_that_dies_with_one_chunk_has_no_figures(program: Program) -> None:
    broken = sim(**QUICK, faults="[{text: e, kind: die}]")
    assert "SIGKILL" in program("bench", *broken, *LONG, code=1).err
    program.await_end()


def test_an_engine_that_does_not_load(program: Program) -> None:
    assert "no worker can be loaded" in program("bench", *sim(faults="[{at: load, kind: fail}]"), code=1).err
    slow = [*sim(faults="[{at: load, kind: hang}]"), "--set", "limits.timeouts.load_s=1"]
    assert "nothing for 1 s" in program("bench", *slow, *LONG, code=1).err
    program.await_end()


@pytest.mark.parametrize("budget", ["0", "-1", "nan", "inf", "soon"])
def test_a_budget_that_cannot_be(program: Program, budget: str) -> None:
    assert "--budget" in program("bench", *sim(), "--budget", budget, code=2).err


def test_a_budget_that_is_too_small_says_what_is_needed(program: Program) -> None:
    loading = program("bench", *NEVER_LOADS, "--budget", "1", code=1).err
    assert "before a worker had loaded" in loading
    assert "--budget 10" in loading
    speaking = program("bench", *sim(chunk_s=3600), "--budget", "8", code=1).err
    assert "too small to measure anything" in speaking or "before a worker had loaded" in speaking
    program.await_end()


def test_ctrl_c_leaves_no_process(program: Program) -> None:
    running = program.start("bench", *sim(chunk_s=3600), *LONG)
    program.until(lambda: len(program.processes()) > 1)
    running.send_signal(signal.SIGINT)
    ended = program.finish(running)
    assert ended.code == 130
    assert "interrupted" in ended.err
    program.await_end()


def test_each_device_is_measured_by_its_name(program: Program) -> None:
    program.gpus(2)
    made = sim(**QUICK, device="cuda")
    for device in ("cuda:0", "cuda:1"):
        ended = program("bench", *made, "--budget", "10", "--device", device, "--json")
        assert json.loads(ended.out)["device"] == device
        assert f"measuring sim on {device}" in ended.err
    refused = program("bench", *made, "--device", "cuda:7", code=2).err
    assert "unknown device 'cuda:7'" in refused
    assert "known: cuda:1, cuda:0. Backend 'sim' runs there" in refused
