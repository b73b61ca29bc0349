"""Policies on 0, 1, 2 and 4 GPUs of a fake driver: what runs at a time, where, and how it sounds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.program import Program, paragraphs, sim
from ttsflow.devices import detect


@pytest.mark.parametrize(
    ("gpus", "slots", "at_once"), [(1, 1, 1), (1, 3, 3), (2, 1, 2), (4, 1, 4), (2, 2, 4)]
)
def test_auto_uses_the_gpus_and_slots_there_are(
    program: Program, gpus: int, slots: int, at_once: int
) -> None:
    program.gpus(gpus)
    engine = sim(rtf=0.5, device="cuda", slots=slots, slowdown="[1.0, 1.2, 1.4]")
    chunks = 3 * at_once
    report = program.report("--text", paragraphs(chunks), "--policy", "auto", *engine)
    assert report["policy"]["name"] == "adaptive"
    said = f"{gpus} GPU{'s' if gpus > 1 else ''}, a file, {slots} slot{'s' if slots > 1 else ''}"
    assert report["policy"]["decided_by"].startswith(f"policies/auto.yaml (shipped), rule 2: {said}, ")
    assert greatest_overlap(report["chunks"]) == at_once
    seen = {worker["device"]: worker["cuda_visible_devices"] for worker in report["workers"]}
    assert seen == {f"cuda:{number}": str(number) for number in range(gpus)}
    assert sum(chunk["status"] == "ok" for chunk in report["chunks"]) == chunks


def test_auto_fills_the_cores(program: Program) -> None:
    cores = detect().devices[-1].cores or 1
    report = program.report("--text", paragraphs(3 * cores), "--policy", "auto", *sim(rtf=0.5))
    assert report["policy"]["name"] == "adaptive"
    assert {worker["device"] for worker in report["workers"]} == {"cpu"}
    assert len(report["workers"]) == cores
    assert greatest_overlap(report["chunks"]) == cores


def greatest_overlap(chunks: list[dict[str, Any]]) -> int:
    """The most chunks that were in work at one time."""
    changes = [(chunk["started_s"], 1) for chunk in chunks] + [(chunk["finished_s"], -1) for chunk in chunks]
    running = greatest = 0
    for _, change in sorted(changes):  # an end comes before a start at the same time
        running += change
        greatest = max(greatest, running)
    return greatest


@pytest.mark.parametrize("engine", ["sim", "espeak"])
def test_a_text_sounds_the_same_under_any_policy(program: Program, engine: str) -> None:
    program.gpus(4)
    program.write("story.txt", paragraphs(9))
    backend = sim(jitter=0.5, chunk_s=0.02) if engine == "sim" else ["--backend", "espeak"]
    audio = []
    for policy in (
        ["--policy", "sequential"],
        ["--policy", "bounded-parallel", "--set", "policy.options.max_concurrent=2"],
        ["--policy", "gpu-affinity"],
    ):
        program("run", "-q", "story.txt", "-o", "story.wav", *policy, *backend)
        audio.append((program.folder / "story.wav").read_bytes())
    assert len(audio[0]) > 100_000
    assert audio[0] == audio[1] == audio[2]


def test_a_text_sounds_the_same_when_chunks_fail_and_workers_die(program: Program) -> None:
    program.gpus(4)
    program.write("story.txt", paragraphs(8))
    program("run", "-q", "story.txt", "-o", "story.wav", *sim(chunk_s=0.02))
    undisturbed = (program.folder / "story.wav").read_bytes()
    faults = "[{at: 1, kind: fail, times: 1}, {at: 2, kind: die, times: 1}, {at: 5, kind: fail, times: 2}]"
    engine = sim(chunk_s=0.02, faults=faults, state_dir=program.folder / "faults")
    report = program.report("story.txt", "-o", "story.wav", "--policy", "gpu-affinity", *engine)
    assert (program.folder / "story.wav").read_bytes() == undisturbed
    assert [chunk["attempts"] for chunk in report["chunks"]] == [1, 2, 2, 1, 1, 3, 1, 1]
    assert any("killed by signal 9" in notice for notice in report["notices"]), report["notices"]


def test_a_worker_that_does_not_fit(program: Program) -> None:
    program.gpus(1, free_gib=23, total_gib=24)
    engine = sim(device="cuda", memory_bytes=30 * 1024**3)
    ended = program("run", "--text", "Hello.", *engine, code=2)
    assert "30.00 GiB" in ended.err
    assert "23.00 GiB" in ended.err
    assert not (program.folder / "speech.wav").exists()


def test_as_many_workers_as_fit(program: Program) -> None:
    program.gpus(1, free_gib=23, total_gib=24)
    engine = sim(device="cuda", memory_bytes=10 * 1024**3)
    policy = ["--policy", "bounded-parallel", "--set", "policy.options.max_concurrent=4"]
    ended = program("run", "--text", paragraphs(4), *policy, *engine)
    assert "10.00 GiB" in ended.err
    assert "3.00 GiB" in ended.err
