"""What a person sees at a terminal of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Callable

import psutil
import pytest

from tests.cli.program import ONE_WORKER, Program, paragraphs, sim
from tests.cli.terminal import CTRL_C, Terminal


@pytest.fixture
def terminal(program: Program) -> Callable[..., Terminal]:
    return lambda *args, **options: Terminal(program, *args, **options)


def test_no_input_gives_an_example(terminal: Callable[..., Terminal]) -> None:
    run = terminal("run")
    assert run.end() == 2
    assert "nothing to speak. Try: ttsflow run book.txt -o book.wav" in run.screen


def test_progress_is_shown_and_wiped(program: Program, terminal: Callable[..., Terminal]) -> None:
    run = terminal("run", "--text", paragraphs(5), *ONE_WORKER, *sim(chunk_s=0.2))
    assert run.end() == 0
    assert "loading" in run.screen
    parts = [int(part) for part in re.findall(r"(\d+)% of the chunks", run.screen)]
    assert len(parts) >= 3
    assert parts == sorted(parts)
    assert parts[-1] == 100
    shown = re.sub(r"[^\n]*\r\x1b\[K", "", run.screen.replace("\r\n", "\n"))
    assert "%" not in shown.partition("chunks ")[0]
    assert (program.folder / "speech.wav").exists()


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
            time.sleep(0.2)
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
    run.read_until(r"loading: w0: reading the weights \(1.9 GB\)")
    assert run.end() == 0
    lines = [line for line in run.screen.split("\r\x1b[K") if line.startswith("loading: w0: warming")]
    assert [len(line) for line in lines] == [79], "a line that wraps could not be wiped"
    assert "warming \N{REPLACEMENT CHARACTER}[31mup" in lines[0]
    assert "0% of the chunks" in run.screen
    shown = re.sub(r"[^\n]*\r\x1b\[K", "", run.screen.replace("\r\n", "\n"))
    assert "loading" not in shown


def test_what_is_loaded_is_logged_where_nobody_watches(program: Program) -> None:
    program.write("plugins/slow.py", SLOW)
    assert "loading" not in program(*SLOWLY).err
    said = program(*SLOWLY, "-v", "--fresh").err
    assert "ttsflow: loading: w0: reading the weights (1.9 GB)\n" in said


def test_ctrl_c(program: Program, terminal: Callable[..., Terminal]) -> None:
    run = terminal("run", "--text", paragraphs(200), *sim(chunk_s=0.1))
    run.read_until(r"[1-9]% of the chunks")
    run.type(CTRL_C)
    assert run.end() == 130
    assert "\nttsflow: finishing what is in work; Ctrl-C again stops at once" in run.screen
    assert run.screen.splitlines()[-1] == "ttsflow: interrupted"
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
