"""What goes wrong in workers, through the whole program: the rest goes on, each chunk is accounted for."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import ONE_WORKER, TWO_WORKERS, Program, indexes, paragraphs, sim
from tests.conftest import patience

CHUNKS = 8


def engine(program: Program, faults: str, **options: object) -> list[str]:
    """The stand-in with these faults, which are counted across its workers."""
    options = {"rtf": 0, "audio_s": 0.2} | options
    return sim(faults=faults, state_dir=program.folder / "faults", **options)


def settings(**values: object) -> list[str]:
    """Limits, by their names with two underscores for a dot."""
    return [
        part
        for key, value in values.items()
        for part in ("--set", f"limits.{key.replace('__', '.')}={value}")
    ]


def tries(report: dict[str, Any]) -> list[int]:
    return [chunk["attempts"] for chunk in report["chunks"]]


def states(report: dict[str, Any]) -> list[str]:
    return [chunk["status"] for chunk in report["chunks"]]


def noticed(report: dict[str, Any], *said: str) -> bool:
    """Whether one notice says all of it."""
    return any(all(part in notice for part in said) for notice in report["notices"])


def seconds_in(report: dict[str, Any], said: str) -> int:
    """How many seconds a notice names after these words, 0 for none: more where the machine is busy."""
    found = (re.search(rf"{said} (\d+) s", notice) for notice in report["notices"])
    return next((int(each[1]) for each in found if each), 0)


@pytest.fixture
def story(program: Program) -> Program:
    program.write("story.txt", paragraphs(CHUNKS))
    return program


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> bytes:
    """The samples of the story when nothing goes wrong."""
    program = new_program(tmp_path_factory.mktemp("undisturbed"))
    program.write("story.txt", paragraphs(CHUNKS))
    program("run", "story.txt", *engine(program, "[]"))
    return samples(program)


def samples(program: Program) -> bytes:
    return (program.folder / "story.wav").read_bytes().partition(b"data")[2]


# ---------------------------------------------------------------- a worker dies or hangs


@pytest.mark.parametrize(
    ("kind", "limits", "said"),
    [
        ("die", {}, "died: killed by signal 9"),
        ("assert", {}, "device-side assert triggered"),
        ("hang", {"timeouts__chunk_s": 2.0}, "hangs and is ended: not done after"),
        ("stop", {"timeouts__chunk_s": 2.0}, "hangs and is ended: not done after"),
    ],
)
def test_a_worker_that_is_of_no_use_any_more_is_replaced_and_its_chunk_spoken_again(
    story: Program, undisturbed: bytes, kind: str, limits: dict[str, float], said: str
) -> None:
    limits = {name: patience(seconds) for name, seconds in limits.items()} | {"hedge": 0}
    faults = f"[{{at: 3, kind: {kind}, times: 1}}]"
    report = story.report("story.txt", *TWO_WORKERS, *settings(**limits), *engine(story, faults))
    assert tries(report) == [1, 1, 1, 2, 1, 1, 1, 1], "its neighbours are undisturbed"
    assert noticed(report, "chunk 3 of 'main' failed and is tried again", said)
    assert seconds_in(report, said) >= limits.get("timeouts__chunk_s", 0)
    assert sorted(worker["generation"] for worker in report["workers"]) in ([1, 1, 2], [1, 1])
    assert samples(story) == undisturbed
    assert story.processes() == []


def test_a_worker_that_is_stopped_costs_seconds_and_nothing_is_killed_for_it(
    story: Program, undisturbed: bytes
) -> None:
    faults = "[{at: 3, kind: stop, times: 1}]"
    report = story.report(
        "story.txt", *TWO_WORKERS, *settings(timeouts__chunk_s=3600), *engine(story, faults)
    )
    assert samples(story) == undisturbed
    hedges = [attempt for attempt in report["attempts"] if attempt["hedge"]]
    assert [(hedge["index"], hedge["end"]) for hedge in hedges] == [(3, "finished")]
    assert report["summary"]["hedges"] == 1
    assert report["chunks"][3]["worker"] == hedges[0]["worker"]
    assert not noticed(report, "is tried again")
    assert report["losses"] == []
    assert story.processes() == []


def test_a_worker_that_falls_silent_in_mid_chunk_is_ended(story: Program, undisturbed: bytes) -> None:
    faults = "[{at: 3, kind: hang, after: 1, times: 1}]"
    idle_s = patience(2.0)
    limits = settings(timeouts__idle_s=idle_s, hedge=0)
    report = story.report("story.txt", *TWO_WORKERS, *limits, *engine(story, faults, pieces=2))
    assert tries(report) == [1, 1, 1, 2, 1, 1, 1, 1]
    assert noticed(report, "chunk 3 of 'main'", "hangs and is ended: silent for")
    assert seconds_in(report, "silent for") >= idle_s
    assert samples(story) == undisturbed


def test_a_worker_that_somebody_kills_is_replaced(story: Program, undisturbed: bytes) -> None:
    args = ["run", "story.txt", *TWO_WORKERS, "--report", "run.json"]
    process = story.start(*args, *engine(story, "[]", chunk_s=0.3))
    story.await_audio("story.wav")
    worker = max(other.pid for other in story.processes() if other.pid != process.pid)
    os.kill(worker, signal.SIGSEGV)
    ended = story.finish(process)
    assert ended.code == 0
    assert "killed by signal 11" in ended.err
    assert samples(story) == undisturbed


def test_workers_that_do_not_load_end_the_run_and_it_goes_on(story: Program, undisturbed: bytes) -> None:
    for fault in ("fail", "die"):
        faults = f"[{{at: load, kind: {fault}}}]"
        began = time.monotonic()
        ended = story("run", "story.txt", *ONE_WORKER, *engine(story, faults), *settings(restarts=1), code=3)
        took_s = time.monotonic() - began
        assert "error: " in ended.err
        assert not (story.folder / "story.wav").exists()
    faults = "[{at: load, kind: hang, times: 1}]"
    # In as long as this machine takes for a program and two workers, one worker can load.
    report = story.resumed(
        "story.txt", *ONE_WORKER, *engine(story, faults), *settings(timeouts__load_s=took_s)
    )
    assert (
        noticed(report, f"no sign of progress in loading for {took_s:g} s")
        or report["workers"][0]["generation"] == 2
    )
    assert samples(story) == undisturbed


# ---------------------------------------------------------------- a chunk that kills


@pytest.mark.parametrize(("kind", "slots"), [("die", 1), ("die", 3), ("assert", 1)])
def test_a_chunk_that_kills_its_workers_is_named_and_its_neighbours_are_there(
    story: Program, kind: str, slots: int
) -> None:
    faults = f"[{{at: 2, kind: {kind}}}]"
    options = engine(story, faults, slots=slots, chunk_s=0.05)
    report = story.report("story.txt", *TWO_WORKERS, *options, code=1)
    assert states(report) == ["ok", "ok", "failed", *["ok"] * 5]
    assert noticed(report, "chunk 2 of 'main' is spoken in 2 parts")
    assert "part " in report["chunks"][2]["why"]
    assert report["summary"]["failed"] == 1
    ended = story("run", "story.txt", *options, code=1)
    assert 'failed      chunk 2 "This is part 3 of 8."' in ended.err
    assert "kept from before: 7 of 8 chunks" in ended.err
    assert "1 submitted, 0 delivered, 1 failed" in ended.err


def test_a_chunk_that_kills_as_a_whole_is_spoken_in_parts(story: Program) -> None:
    whole = "It was a quiet street, and nobody asked. Then it struck thirteen, and they did."
    story.write("story.txt", f"The beginning.\n\n{whole}\n\nThe end.")
    faults = '[{text: "asked. Then", kind: die}]'
    report = story.report("story.txt", *TWO_WORKERS, *engine(story, faults), *settings(deaths=2))
    assert states(report) == ["ok", "ok", "ok"]
    assert report["chunks"][1]["attempts"] == 4, "twice whole, and two halves"
    assert noticed(report, "chunk 1 of 'main' is spoken in 2 parts")


# ---------------------------------------------------------------- memory


def test_a_device_that_is_full_is_asked_for_less(story: Program, undisturbed: bytes) -> None:
    options = engine(story, "[]", slots=4, memory_slots=2, chunk_s=0.05)
    slots = ["--policy", "bounded-parallel", "--set", "policy.options.max_concurrent=4"]
    report = story.report("story.txt", *slots, *options)
    assert states(report) == ["ok"] * CHUNKS
    assert noticed(report, "cpu is out of memory", "at a time in a worker from now on"), report["notices"]
    assert samples(story) == undisturbed


def test_two_workers_for_which_there_is_no_memory_become_one(story: Program, undisturbed: bytes) -> None:
    options = engine(story, "[{at: 1, kind: memory, times: 1}]", chunk_s=0.05)
    report = story.report("story.txt", *TWO_WORKERS, *options)
    assert noticed(report, "cpu is out of memory: 1 workers at a time from now on"), report["notices"]
    assert tries(report) == [1, 2, 1, 1, 1, 1, 1, 1]
    assert samples(story) == undisturbed


def test_a_worker_that_finds_no_memory_by_itself_is_started_anew(story: Program, undisturbed: bytes) -> None:
    options = engine(story, "[{at: 1, kind: memory, times: 1}]")
    report = story.report("story.txt", "--policy", "sequential", *options)
    assert [worker["generation"] for worker in report["workers"]] == [1, 2]
    assert tries(report) == [1, 2, 1, 1, 1, 1, 1, 1]
    assert samples(story) == undisturbed


def test_a_worker_that_grows_is_started_anew_between_chunks(story: Program, undisturbed: bytes) -> None:
    options = engine(story, "[{at: 1, kind: leak}, {at: 4, kind: leak}]")
    limits = settings(recycle_bytes=100_000_000)
    report = story.report("story.txt", "--policy", "sequential", *limits, *options)
    assert noticed(report, "is started anew: its memory has grown by 0."), report["notices"]
    assert [worker["generation"] for worker in report["workers"]] == [1, 2, 3]
    assert tries(report) == [1] * CHUNKS, "no chunk is lost by it"
    assert samples(story) == undisturbed


# ---------------------------------------------------------------- a device is lost


def test_a_lost_gpu_is_given_up_and_the_other_goes_on(story: Program, undisturbed: bytes) -> None:
    story.gpus(2)
    options = engine(story, "[{at: 1, kind: lost, times: 1}]", device="cuda", chunk_s=0.1)
    report = story.report("story.txt", "--policy", "gpu-affinity", *options)
    [lost] = [notice for notice in report["notices"] if "is given up" in notice]
    assert "GPU is lost" in lost
    gone = lost.partition(" ")[0]
    devices = {worker["worker"]: worker["device"] for worker in report["workers"]}
    assert gone in devices.values()
    [loss] = [attempt for attempt in report["attempts"] if attempt["end"] == "failed"]
    assert devices[loss["worker"]] == gone
    after = [attempt for attempt in report["attempts"] if attempt["started_s"] > loss["ended_s"]]
    assert {devices[attempt["worker"]] for attempt in after} == set(devices.values()) - {gone}
    assert Counter(chunk["status"] for chunk in report["chunks"])["ok"] == CHUNKS
    assert samples(story) == undisturbed


def test_without_any_device_left_the_run_ends_and_goes_on_later(story: Program, undisturbed: bytes) -> None:
    story.gpus(1)
    options = engine(story, "[{at: 3, kind: lost, times: 1}]", device="cuda", chunk_s=0.05)
    ended = story("run", "story.txt", *options, code=3)
    assert "GPU is lost" in ended.err
    kept = story.kept("story.wav")
    assert f"{kept} of {CHUNKS} chunks are kept in story.wav.ttsflow" in ended.err
    assert kept == 3
    assert not (story.folder / "story.wav").exists()
    assert story.processes() == []
    assert indexes(story.resumed("story.txt", *options)) == [3, 4, 5, 6, 7]
    assert samples(story) == undisturbed


# ---------------------------------------------------------------- audio that is wrong, or in doubt

SENTENCE = "Nobody knew why the clock had stopped, and nobody asked number {}."
KINDS = ("nan", "empty", "rate", "shape", "silent", "clipped", "cap", "short", "long")
BROKEN = KINDS[:4]
AT_FIRST = range(21, 30)
"""chunks that go wrong in this way at their first take, after twenty from which the lengths are learnt"""
ALWAYS = range(30, 39)


@pytest.fixture(scope="module")
def doubtful(
    tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]
) -> dict[str, Any]:
    """The report of a run in which audio goes wrong in every way, and what it showed and ended with."""
    program = new_program(tmp_path_factory.mktemp("doubtful"))
    text = [SENTENCE.format(number) for number in range(ALWAYS.stop)]
    text += ["***", "\N{HORIZONTAL ELLIPSIS}"]
    program.write("story.txt", "\n\n".join(text))
    faults = [f"{{at: {at}, kind: {kind}, takes: 1}}" for at, kind in zip(AT_FIRST, KINDS, strict=True)]
    faults += [f"{{at: {at}, kind: {kind}}}" for at, kind in zip(ALWAYS, KINDS, strict=True)]
    options = sim(rtf=0, faults=f"[{', '.join(faults)}]")
    args = ["run", "story.txt", "--report", "run.json", *TWO_WORKERS, *options]
    ended = program(*args, code=1)
    report = program.resumed("story.txt", *TWO_WORKERS, *options, code=1)
    import json

    first = dict(json.loads((program.folder / "run.json").read_bytes()))
    return {**first, "shown": ended.err, "again": report, "status": program("status", "story.wav").text}


@pytest.mark.parametrize(("kind", "said"), [("short", "much too short"), ("long", "much too long")])
def test_the_length_is_judged_from_the_first_chunk(program: Program, kind: str, said: str) -> None:
    text = "\n\n".join(SENTENCE.format(number) for number in range(3))
    options = sim(rtf=0, faults=f"[{{at: 0, kind: {kind}, takes: 1}}]")
    ended = program("run", "--text", text, "--report", "run.json", *options)
    assert f"chunk 0 of 'main' is spoken again, with another seed: {said} for its text" in ended.err


def test_what_was_kept_before_shows_how_long_audio_should_be(program: Program) -> None:
    story = program.folder / "story.txt"
    sentences = [SENTENCE.format(number) for number in range(10, 35)]
    guessed = {"audio_s": 2.0, "rtf": 0}  # a profile that knows no rate of any language
    short = sim(**guessed, faults="[{at: 24, kind: short, takes: 1}]")
    story.write_text("\n\n".join(sentences[:-1]), encoding="utf-8")
    program("run", "story.txt", *sim(**guessed))
    story.write_text("\n\n".join(sentences), encoding="utf-8")
    assert "much too short for its text" in program("run", "story.txt", *short).err


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_audio_is_spoken_again_with_the_next_seed(doubtful: dict[str, Any], kind: str) -> None:
    chunk = doubtful["chunks"][AT_FIRST[KINDS.index(kind)]]
    assert (chunk["status"], chunk["attempts"]) == ("ok", 2), chunk
    again = "failed and is tried again" if kind in BROKEN else "is spoken again, with another seed"
    assert noticed(doubtful, f"chunk {chunk['index']} of 'main' {again}")


@pytest.mark.parametrize("kind", BROKEN)
def test_audio_that_stays_broken_is_named_and_never_heard(doubtful: dict[str, Any], kind: str) -> None:
    chunk = doubtful["chunks"][ALWAYS[KINDS.index(kind)]]
    assert (chunk["status"], chunk["attempts"]) == ("failed", 3)
    assert f'failed      chunk {chunk["index"]} "{chunk["text"]}": {chunk["why"]}' in doubtful["shown"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("silent", "silent throughout"),
        ("clipped", "clipped throughout"),
        ("cap", "reached the model's cap"),
        ("short", "much too short for its text"),
        ("long", "much too long for its text"),
    ],
)
def test_audio_that_stays_in_doubt_is_heard_and_named(doubtful: dict[str, Any], kind: str, why: str) -> None:
    chunk = doubtful["chunks"][ALWAYS[KINDS.index(kind)]]
    assert chunk["status"] == "flagged"
    assert chunk["attempts"] > 3, "two more takes, and in parts"
    assert why in chunk["why"]
    assert chunk["audio_s"] > 0
    assert f'flagged     chunk {chunk["index"]} "{chunk["text"]}": {chunk["why"]}' in doubtful["shown"]
    assert f"in doubt    chunk {chunk['index']} " in doubtful["status"]


def test_what_has_nothing_to_say_is_a_pause(doubtful: dict[str, Any]) -> None:
    for chunk in doubtful["chunks"][ALWAYS.stop :]:
        assert (chunk["status"], chunk["attempts"], chunk["worker"]) == ("pause", 0, None)


def test_chunks_that_failed_are_tried_again_by_the_same_command(doubtful: dict[str, Any]) -> None:
    again = [chunk["index"] for chunk in doubtful["again"]["chunks"] if chunk["attempts"]]
    assert again == [ALWAYS[KINDS.index(kind)] for kind in BROKEN]


def test_every_chunk_is_in_the_report_once(doubtful: dict[str, Any]) -> None:
    assert indexes(doubtful) == list(range(ALWAYS.stop + 2))
    summary = doubtful["summary"]
    assert (summary["failed"], summary["flagged"], summary["pauses"]) == (4, 5, 2)
    assert summary["submitted"] == summary["delivered"] + summary["failed"]


def test_doubt_decides_the_exit_code_only_where_that_is_asked_for(story: Program) -> None:
    options = engine(story, "[{at: 1, kind: silent}]")
    story("run", "story.txt", *options)
    for quiet in ([], ["-q"]):
        ended = story("run", "story.txt", "--strict", *quiet, *options, code=1)
        assert "in doubt: 1 chunk of story.wav" in ended.err
        assert "ttsflow status story.wav" in ended.err
    story("redo", "-q", "story.wav", "--chunk", "1")
    story("run", "story.txt", "--fresh", "--strict", *engine(story, "[]"))


# ---------------------------------------------------------------- a policy, and the clock

ENDLESS = """
from ttsflow import Policy, WorkerSpec, hookimpl

class Endless(Policy):
    name = "endless"
    def place(self, devices, profile):
        return [WorkerSpec(device) for device in devices]
    def dispatch(self, view):
        if len(view.ready) > 5:
            yield from ((view.ready.first(), worker) for worker in view.free)
        else:
            while True:
                pass  # here

@hookimpl
def ttsflow_policies():
    return [Endless]
"""


def test_a_policy_that_does_not_come_back_is_named_with_its_line(story: Program, undisturbed: bytes) -> None:
    plugin = story.write("plugins/endless.py", ENDLESS)
    line = ENDLESS[: ENDLESS.index("pass  # here")].count("\n") + 1
    args = ["--plugins-dir", "plugins", "--policy", "endless", *settings(timeouts__policy_s=patience(1.0))]
    ended = story("run", "story.txt", *args, *engine(story, "[]"), code=3)
    last = ended.err.splitlines()[-1]
    assert "policy 'endless'" in last
    assert "does not come back" in last
    assert any(f"{plugin}:{number}" in last for number in (line, line - 1)), last
    assert story.processes() == []
    kept = story.kept("story.wav")
    assert len(indexes(story.resumed("story.txt", *engine(story, "[]")))) == CHUNKS - kept
    assert samples(story) == undisturbed


LOST = """
from ttsflow import Policy, hookimpl

class Lost(Policy):
    name = "lost"
    def place(self, devices, profile):
        while True:
            pass
    def dispatch(self, view):
        return ()

@hookimpl
def ttsflow_policies():
    return [Lost]
"""


def test_a_policy_that_does_not_come_back_from_its_first_place_ends_the_run(story: Program) -> None:
    """The text was asked for when the scheduler was stuck already: it waits in the inbox."""
    story.write("plugins/lost.py", LOST)
    args = ["--plugins-dir", "plugins", "--policy", "lost", *settings(timeouts__policy_s=patience(1.0))]
    ended = story("run", "story.txt", *args, *engine(story, "[]"), code=3)
    assert "policy 'lost', asked for place, does not come back" in ended.err.splitlines()[-1]
    assert story.processes() == []


def test_a_wall_clock_that_jumps_by_years_has_no_effect(
    story: Program, undisturbed: bytes, jumping_clock: dict[str, str]
) -> None:
    looks = story.folder / "looks"
    story.env |= {**jumping_clock, "FAKE_CLOCK_LOOKS": str(looks)}
    faults = "[{at: 2, kind: hang, times: 1}, {at: 4, kind: die, times: 1}]"
    limits = settings(timeouts__chunk_s=patience(2.0))
    process = story.start("run", "story.txt", *TWO_WORKERS, *limits, *engine(story, faults, chunk_s=0.1))
    story.await_audio("story.wav", 2)
    process.kill()
    story.finish(process)
    kept = story.kept("story.wav")
    began = time.monotonic()
    report = story.resumed("story.txt", *TWO_WORKERS, *limits, *engine(story, faults, chunk_s=0.1))
    took_s = time.monotonic() - began
    assert len(indexes(report)) == CHUNKS - kept
    assert report["summary"]["failed"] == 0
    assert 0.0 < report["summary"]["makespan_s"] < took_s
    assert "nothing to do" in story("run", "story.txt", *TWO_WORKERS, *engine(story, "[]")).err
    assert looks.stat().st_size > 0, "somebody looked at it"
    assert samples(story) == undisturbed
