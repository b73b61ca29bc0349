"""XTTS-v2 through `ttsflow run`: real worker processes, with one chunk at a time and with several."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from numpy.typing import NDArray

from tests.cli.hostile import HOSTILE_VOICES, refuses_voice, short
from tests.cli.program import Program
from ttsflow import install_command
from ttsflow_plugins.xtts.tiny import TINY, write_checkpoint

TEXT = """
Alice was not a bit hurt, and she jumped up on to her feet in a moment.

She looked up, but it was all dark overhead. There was not a moment to be lost. Away went Alice like the wind.

"Oh my ears and whiskers, how late it's getting!" She was close behind it when she turned the corner.

There were doors all round the hall, but they were all locked. And how was she ever to get out again?
"""
# XTTS that notes in the file `seen` what happens, and waits where the file `hold` says so: "piece 1" is
# after one piece.
WATCHED = """
import time
from collections import Counter
from pathlib import Path
from ttsflow import hookimpl
from ttsflow_plugins.xtts import Xtts

class Watched(Xtts):
    name = "watched"
    seen = Counter()
    def start(self, job):
        super().start(job)
        self.note("start")
    def step(self):
        while self.is_held():
            time.sleep(0.01)
        for step in super().step():
            for what in ("piece", "done"):
                if getattr(step, what):
                    self.note(what)
            yield step
    def note(self, what):
        self.seen[what] += 1
        with open("seen", "a") as file:
            file.write(what + "\\n")
    def is_held(self):
        try:
            what, count = Path("hold").read_text().split()
        except FileNotFoundError:
            return False
        return self.seen[what] >= int(count)

@hookimpl
def ttsflow_backends():
    return [Watched]
"""
LSB = 1 / 2**15  # of the samples in a WAV file

PARALLEL = ("--policy", "bounded-parallel", "--set")
ONE_WORKER = ("--policy", "sequential")
TWO_WORKERS = (*PARALLEL, "policy.options.max_concurrent=2", "--set", "backend.options.slots=1")
FOUR_SLOTS = (*PARALLEL, "policy.options.max_concurrent=4", "--set", "backend.options.slots=4")


@pytest.fixture
def program(tmp_path: Path, fake_nvml: Path) -> Program:
    program = Program(tmp_path, fake_nvml)
    program.env["OMP_NUM_THREADS"] = "1"
    program.write("story.txt", TEXT)
    return program


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that goes on to its cap in every chunk."""
    return write_checkpoint(tmp_path_factory.mktemp("xtts") / "slow", replace(TINY, stop=-100.0))


def xtts(folder: Path, *more: str) -> list[str]:
    noise = ("--set", "limits.takes=0")  # another seed makes it no better
    return ["--backend", "xtts", "--set", f"backend.options.model_dir={folder}", "--seed", "3", *noise, *more]


def watched(program: Program, folder: Path, *more: str) -> list[str]:
    """The same with what happens written down."""
    program.write("plugins/watched.py", WATCHED)
    program.write("seen", "")
    return [*xtts(folder, *more), "--plugins-dir", "plugins", "--backend", "watched"]


def seen(program: Program) -> list[str]:
    return (program.folder / "seen").read_text().split()


def audio(path: Path) -> NDArray[np.float64]:
    samples, rate = soundfile.read(path)
    assert rate == 24000
    result: NDArray[np.float64] = samples
    return result


@pytest.mark.usefixtures("quickly")
def test_the_same_audio_with_one_worker_two_workers_and_four_slots(program: Program, tiny: Path) -> None:
    heard, workers = [], []
    for number, way in enumerate((ONE_WORKER, TWO_WORKERS, FOUR_SLOTS)):
        output = program.folder / f"{number}.wav"
        report = program.report("story.txt", *xtts(tiny, *way), "--set", "text.max_chars=60", "-o", output)
        summary = report["summary"]
        assert summary["submitted"] == summary["delivered"] > 8
        assert report["reproducible"] is True
        workers.append([worker["slots"] for worker in report["workers"]])
        heard.append(audio(output))
    assert workers == [[1], [1, 1], [4]]
    for other in heard[1:]:
        assert len(other) == len(heard[0])
        assert np.abs(other - heard[0]).max() <= 1e-4 + LSB


@pytest.mark.usefixtures("quickly")
def test_a_worker_that_is_killed_with_four_slots_running(program: Program, slow: Path) -> None:
    args = ["story.txt", *watched(program, slow, *FOUR_SLOTS)]
    undisturbed = program.report(*args, "-o", program.folder / "undisturbed.wav")
    assert all(chunk["attempts"] == 1 for chunk in undisturbed["chunks"])

    report = program.folder / "killed.json"
    program.write("seen", "")
    hold = program.write("hold", "start 4")
    run = program.start("run", *args, "-o", "killed.wav", "--report", report)
    program.until(lambda: seen(program).count("start") == 4)
    hold.unlink()
    [worker] = [p for p in psutil.Process(run.pid).children() if "ttsflow.workers.main" in p.cmdline()]
    os.kill(worker.pid, signal.SIGKILL)
    assert program.finish(run).code == 0
    retried = [chunk["index"] for chunk in chunks(report) if chunk["attempts"] > 1]
    assert retried == [0, 1, 2, 3]
    assert (program.folder / "killed.wav").read_bytes() == (program.folder / "undisturbed.wav").read_bytes()


def chunks(report: Path) -> list[dict[str, Any]]:
    import json

    found: list[dict[str, Any]] = json.loads(report.read_bytes())["chunks"]
    return found


def test_numbers_that_grow_past_the_limit_are_spoken_in_parts(program: Program, tiny: Path) -> None:
    numbers = " ".join(str(987_654_321 + n) for n in range(12))
    text = ("--text", f"Short. These are numbers: {numbers}.")
    report = program.report(*text, *xtts(tiny, *FOUR_SLOTS), "-o", program.folder / "numbers.wav")
    assert [chunk["status"] for chunk in report["chunks"]].count("failed") == 0
    assert any("parts: it is too long for the model" in notice for notice in report["notices"])
    assert report["summary"]["delivered"] == report["summary"]["submitted"]


def test_a_listener_hears_a_chunk_as_it_is_decoded(program: Program, slow: Path) -> None:
    args = ["run", "-q", "--text", "One chunk.", *watched(program, slow), "-o", "-", "--format", "pcm"]
    hold = program.write("hold", "piece 1")
    run = program.start(*args)
    assert run.stdout is not None
    heard = run.stdout.read(1000)
    assert seen(program) == ["start", "piece"], "and there it waits"
    hold.unlink()
    heard += run.stdout.read()
    assert program.finish(run).code == 0
    assert len(heard) / 2 / 24000 > 3.0


def test_a_listener_who_leaves_stops_the_chunk(program: Program, slow: Path) -> None:
    """The program ends long before the chunks that were in work would have been spoken."""
    args = ["story.txt", *watched(program, slow, *FOUR_SLOTS)]
    run = program.start("run", "-q", *args, "-o", "-", "--format", "pcm")
    assert run.stdout is not None
    run.stdout.read(1000)
    run.stdout.close()
    assert run.wait() == 141
    assert run.stderr is not None
    run.stderr.close()
    program.await_end()
    assert "done" not in seen(program)


def test_a_voice_that_there_is_not_ends_the_run_before_it_begins(program: Program, tiny: Path) -> None:
    ended = program("run", "story.txt", *xtts(tiny, "--voice", "Ana Tinny"), code=2)
    assert "did you mean 'Ana Tiny'" in ended.err


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--reference", "letter.wav"], "cannot read the reference audio"),
        (["--reference", "silence.wav"], "is silent in the 10 s that are used"),
        (
            ["--language", "ja"],
            f"needs cutlet and fugashi to speak 'ja': {install_command('xtts-ja')}",
        ),
        (["--language", "zh"], f"XTTS-v2 needs pypinyin to speak 'zh-cn': {install_command('xtts')}"),
        (["--speed", "2.5"], "backend 'xtts' speaks at speeds from 0.5 to 2, not at 2.5"),
    ],
)
def test_a_request_that_cannot_be_spoken_is_refused_once_and_before_the_model_is_loaded(
    program: Program, tiny: Path, asked: list[str], said: str
) -> None:
    program.write("letter.wav", "Dear Alice, this is no recording.")
    soundfile.write(program.folder / "silence.wav", np.zeros(48000), 24000)
    program.hide("cutlet", "fugashi", "pypinyin")
    ended = program("run", "-v", "story.txt", *xtts(tiny, *asked), code=2)
    assert ended.err.count(said) == 1
    assert "loading" not in ended.err
    assert not list(program.folder.glob("story.wav*"))


@pytest.mark.parametrize("voice", HOSTILE_VOICES, ids=short)
def test_a_hostile_voice_is_refused_by_name(program: Program, tiny: Path, voice: str) -> None:
    refuses_voice(program, voice, xtts(tiny))


def test_a_wrong_vocabulary_ends_the_run_before_it_begins(program: Program, variant: Any) -> None:
    folder = variant("vocab.json")
    (folder / "vocab.json").write_text("{}")
    ended = program("run", "story.txt", *xtts(folder), code=2)
    assert "vocab.json is not the vocabulary of an XTTS-v2 model" in ended.err
