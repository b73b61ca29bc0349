"""The first use of XTTS-v2 through `ttsflow run`: licence, download, speech."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.program import Program
from tests.cli.terminal import CTRL_C, Terminal
from tests.fakes.fake_hub import FakeHub

SPEAK = ("run", "--text", "Hello there.", "--backend", "xtts", "-o")
QUESTION = r"non-commercial(.|\n)*y/N"


@pytest.fixture
def program(tmp_path: Path, fake_nvml: Path) -> Program:
    """The program, for a user who has neither agreed nor downloaded."""
    program = Program(tmp_path, fake_nvml)
    for name in [name for name in program.env if name.startswith(("HF_", "TTS_HOME", "TRANSFORMERS_"))]:
        del program.env[name]
    program.env |= {"HF_HOME": str(tmp_path / "home/hub"), "OMP_NUM_THREADS": "1"}
    return program


@pytest.fixture
def hub(program: Program, tiny: Path) -> Iterator[FakeHub]:
    """The Hub, with the tiny checkpoint in place of the published one."""
    with FakeHub(tiny) as hub:
        program.env["HF_ENDPOINT"] = hub.url
        yield hub


@pytest.fixture
def terminal(program: Program) -> Callable[..., Terminal]:
    return lambda *args, **options: Terminal(program, *args, **options)


def check(path: Path) -> None:
    samples, rate = soundfile.read(path)
    assert rate == 24000
    assert 0.05 < len(samples) / rate < 3.0
    assert np.sqrt(np.mean(samples**2)) > 1e-3


def answered(run: Terminal, key: bytes) -> None:
    run.read_until(QUESTION)
    run.type(key + b"\n")


def left(program: Program) -> list[str]:
    """Files of the model, or of half a model."""
    blobs = (program.folder / "home/hub").rglob("blobs/*")
    return [path.name for path in blobs if path.stat().st_size > 1_000_000]


def test_asked_once_downloaded_once_spoken_ever_after(
    program: Program, terminal: Callable[..., Terminal], hub: FakeHub
) -> None:
    spoken = program.folder / "piped.wav"
    with spoken.open("wb") as output:
        run = terminal(*SPEAK, "-", output=output)
        answered(run, b"y")
        assert run.end() == 0, run.screen
    check(spoken)  # what a person sees of the download is not in it
    assert len(re.findall("non-commercial", run.screen)) == 1
    assert "downloading tts-hub/XTTS-v2 (0.09 GB) to " in run.screen
    assert "model.pth: 100%|" in run.screen
    assert hub.requests.count("GET model.pth") == 1

    hub.close()
    ended = program(*SPEAK, "again.wav")
    assert "download" not in ended.err
    check(program.folder / "again.wav")


def test_broken_off_and_started_again_without_a_terminal(program: Program, hub: FakeHub) -> None:
    program.env["COQUI_TOS_AGREED"] = "1"
    hub.breaks["model.pth"] = [1_000_000] * 6
    ended = program(*SPEAK, "hello.wav", code=2)
    assert ended.err.count("Trying to resume") == 5
    (line,) = [line for line in ended.err.splitlines() if "cannot download" in line]
    assert "start again" in line
    assert "model_dir" in line
    assert left(program) == []
    assert not (program.folder / "hello.wav").exists()

    ended = program(*SPEAK, "hello.wav")
    check(program.folder / "hello.wav")
    assert "%|" not in ended.err


def test_nobody_to_ask(program: Program, hub: FakeHub) -> None:
    ended = program(*SPEAK, "hello.wav", code=2)
    assert re.search("COQUI_TOS_AGREED=1.*model_dir.*'espeak'", ended.err)
    assert hub.requests == []
    assert [path.name for path in program.folder.iterdir()] == ["home"]
    assert list((program.folder / "home").iterdir()) == []


def test_the_answer_is_no(terminal: Callable[..., Terminal], hub: FakeHub) -> None:
    run = terminal(*SPEAK, "hello.wav")
    answered(run, b"n")
    assert run.end() == 2
    assert len(re.findall("y/N", run.screen)) == 1
    assert "without its licence" in run.screen
    assert hub.requests == []


@pytest.mark.parametrize("quiet", [False, True])
def test_ctrl_c_while_it_downloads(
    quiet: bool, program: Program, terminal: Callable[..., Terminal], hub: FakeHub
) -> None:
    program.env["COQUI_TOS_AGREED"] = "1"
    hub.holds["GET model.pth"] = 30_000_000
    run = terminal(*SPEAK, "hello.wav", *(["-q"] if quiet else []))
    assert hub.holding.wait()
    if not quiet:
        run.read_until(r"model\.pth: +\d+%\|")
    run.type(CTRL_C)
    assert run.end() == 130, run.screen  # nothing more comes of the file, for ever
    assert "ttsflow: interrupted" in run.screen
    assert ("%|" in run.screen) != quiet
    assert left(program) == []
    assert program.processes() == []
