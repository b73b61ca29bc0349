"""What a person sees at a terminal of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.cli.program import ONE_WORKER, Program, paragraphs, sim
from tests.cli.terminal import CTRL_C, Terminal
from tests.fakes.fake_nvml import build_fake_nvml, environment


@pytest.fixture
def terminal(program: Program) -> Callable[..., Terminal]:
    return lambda *args, **options: Terminal(program, *args, **options)


def test_no_input_gives_an_example(terminal: Callable[..., Terminal]) -> None:
    run = terminal("run")
    assert run.end() == 2
    assert "nothing to speak. Try: ttsflow run book.txt -o book.wav" in run.screen


def test_progress_is_shown_and_wiped(program: Program, terminal: Callable[..., Terminal]) -> None:
    run = terminal("run", "--text", paragraphs(8), *ONE_WORKER, *sim(chunk_s=0.4, load_s=2))
    run.show_until("w0 +loading")
    shown = run.show_until(r" [2-8] of 8 chunks")
    assert re.search(r"\d+%  \d of 8 chunks", shown)
    assert re.search(r" of speech, .* x real time, about .* left", shown)
    assert re.search(r'w0 cpu "This is part \d of 8."', shown)
    assert run.end() == 0
    assert run.has_cursor
    parts = [int(part) for frame in run.frames for part in re.findall(r"(\d+)%", frame)]
    assert parts == sorted(parts)
    assert "%" not in run.frames[-1]
    assert "w0" not in run.frames[-1]
    assert "8 submitted, 8 delivered, 0 failed" in run.frames[-1]
    assert (program.folder / "speech.wav").exists()


@pytest.mark.parametrize("columns", [80, 200])
def test_eight_workers_and_one_that_dies(
    program: Program, terminal: Callable[..., Terminal], columns: int
) -> None:
    run = terminal(
        "run", "--text", paragraphs(60), "--policy", "bounded-parallel",
        "--set", "policy.options.max_concurrent=8",
        *sim(chunk_s=0.3, faults="[{text: part 20 of, kind: die, takes: 1}]"),
        columns=columns,
    )  # fmt: skip
    shown = run.show_until(r"1 worker lost.*(\nw\d.*){6}")
    assert max(map(len, shown.splitlines())) <= columns
    assert run.end() == 0
    assert "60 submitted, 60 delivered, 0 failed" in run.frames[-1]
    assert not re.search(r"^w\d", run.frames[-1], re.MULTILINE), "what was drawn is wiped"


def test_messages_appear_above_what_is_drawn(program: Program, terminal: Callable[..., Terminal]) -> None:
    program.write("plugins/slow.py", SLOW)
    run = terminal(*SLOWLY, "-v")
    said = r"ttsflow: loading: w0: reading the weights"
    shown = run.show_until(rf"{said}(.|\n)*\nw0 +loading")
    assert re.match(r"w\d +loading", shown.splitlines()[-1])
    assert run.end() == 0
    assert re.search(said, run.frames[-1])


def test_chapters_are_shown(program: Program, terminal: Callable[..., Terminal]) -> None:
    program.write("book.md", "# One\n\nFirst words.\n\n# Two\n\nMore words.\n\nLast words.\n")
    run = terminal("run", "book.md", *ONE_WORKER, *sim(chunk_s=1.0))
    run.show_until("chapter 1 of 2: One")
    run.show_until("chapter 2 of 2: Two")
    assert run.end() == 0


def test_gpus_are_shown(program: Program, terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    program.env |= environment(build_fake_nvml(tmp_path), gpus=2, free_gib=20, base=program.env)
    program.env["FAKE_NVML_BUSY"] = "87"
    run = terminal("run", "--text", paragraphs(20), *sim(chunk_s=0.5))
    shown = run.show_until("cuda:1 Fake GPU: .* busy")
    assert "cuda:0 Fake GPU: 4.3 of 25.8 GB, 87% busy" in shown
    assert run.end() == 0


def test_a_terminal_that_cannot_go_back_gets_lines(terminal: Callable[..., Terminal]) -> None:
    run = terminal("run", "--text", paragraphs(3), *sim(), kind="dumb")
    assert run.end() == 0
    assert "\x1b" not in run.screen


def test_no_progress_where_nobody_watches(program: Program) -> None:
    assert "\x1b" not in program("run", "--text", paragraphs(3), *sim(chunk_s=0.2)).err


SLOW = """
import time, ttsflow
class Slow(ttsflow.Backend):
    name = "slow"
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile("slow", 8000, deterministic=True)
    def load(self, device, slots):
        for what in ("reading the weights (1.9 GB)", "warming \\x1b[31mup " + "x" * 150):
            self.progress(what)
            time.sleep(0.6)
    def synthesize(self, job):
        import numpy as np
        yield ttsflow.AudioPiece(np.full(8000, 0.1, "float32"), 8000)
@ttsflow.hookimpl
def ttsflow_backends():
    return [Slow]
"""
SLOWLY = ("run", "--text", "Hello.", "--plugins-dir", "plugins", "--backend", "slow")


def test_what_is_loaded_is_shown_and_wiped(program: Program, terminal: Callable[..., Terminal]) -> None:
    program.write("plugins/slow.py", SLOW)
    run = terminal(*SLOWLY)
    run.show_until(r"w0 +loading: reading the weights \(1.9 GB\)")
    shown = run.show_until("w0 +loading: warming")
    assert "warming \N{REPLACEMENT CHARACTER}[31mup" in shown
    assert run.end() == 0
    assert "loading" not in run.frames[-1]


def test_what_is_loaded_is_logged_where_nobody_watches(program: Program) -> None:
    program.write("plugins/slow.py", SLOW)
    assert "loading" not in program(*SLOWLY).err
    said = program(*SLOWLY, "-v", "--fresh").err
    assert "ttsflow: loading: w0: reading the weights (1.9 GB)\n" in said


def test_ctrl_c(program: Program, terminal: Callable[..., Terminal]) -> None:
    run = terminal("run", "--text", paragraphs(200), *sim(chunk_s=0.1))
    run.show_until(r"[1-9]%  \d+ of 200 chunks")
    run.type(CTRL_C)
    assert run.end() == 130
    assert "\nttsflow: finishing what is in work; Ctrl-C again stops at once" in run.frames[-1]
    assert run.frames[-1].splitlines()[-1] == "ttsflow: interrupted"
    assert run.has_cursor
    assert program.processes() == []
    assert sorted(path.name for path in program.folder.iterdir()) == ["home", "speech.wav.ttsflow"]


def test_ctrl_c_at_the_licence_question(program: Program, terminal: Callable[..., Terminal]) -> None:
    run = terminal("run", "--text", "Hello.", "--backend", "xtts")
    run.read_until("non-commercial(.|\n)*y/N")
    process = psutil.Process(run.process.pid)
    program.until(lambda: process.status() == psutil.STATUS_SLEEPING)  # it waits for the answer
    run.type(CTRL_C)
    assert run.end() == 130, run.screen
    assert "ttsflow: interrupted" in run.screen


def test_audio_is_not_written_to_a_terminal(terminal: Callable[..., Terminal]) -> None:
    run = terminal("run", "--text", "Hello.", "-o", "-", *sim())
    assert run.end() == 2
    assert "| aplay" in run.screen
    assert "RIFF" not in run.screen


def test_tables_fit_the_terminal(terminal: Callable[..., Terminal]) -> None:
    for args in (["policies"], ["policies", "gpu-affinity"], ["backends"], ["devices"]):
        listing = terminal(*args)
        assert listing.end() == 0
        assert max(map(len, listing.screen.splitlines())) <= 80, listing.screen
