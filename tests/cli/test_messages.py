"""Whoever reads standard error, or does not: the audio is not held up by it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cli.program import Program, paragraphs, sim

ENGINE = sim(audio_s=0.5, faults="[{at: 1, kind: fail, times: 1}]", state_dir="state")  # one notice
WAV_BYTES = round(3 * (0.5 + 0.6) * 24000) * 2


class Pipe:
    """A pipe that has no room left."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.filled = 0
        try:
            while True:
                self.filled += os.write(self.writer, b"-" * 512)
        except BlockingIOError:
            os.set_blocking(self.writer, True)

    def read(self) -> str:
        """What was written since, once the last writer has left."""
        os.close(self.writer)
        with os.fdopen(self.reader, "rb") as reader:
            return reader.read()[self.filled :].decode()


@pytest.fixture
def full_pipe() -> Pipe:
    return Pipe()


@pytest.mark.parametrize("flags", [[], ["--verbose"]])
def test_audio_is_made_while_nobody_reads_and_the_messages_come_later(
    program: Program, full_pipe: Pipe, flags: list[str]
) -> None:
    args = ["run", *flags, "--text", paragraphs(3), *ENGINE]
    process = program.start(*args, stderr=full_pipe.writer)
    program.until((program.folder / "speech.wav").exists)
    assert (program.folder / "speech.wav").stat().st_size > WAV_BYTES
    said = full_pipe.read()
    assert program.finish(process).code == 0
    assert said.startswith("ttsflow: ")
    assert "backend sim" in said
    assert "tried again" in said
    assert "3 submitted, 3 delivered, 0 failed" in said
    assert "spoken to speech.wav: 3.3 s, 0.2 MB\n" in said


def test_a_listener_is_served_while_nobody_reads_the_messages(program: Program, full_pipe: Pipe) -> None:
    args = ["run", "--text", paragraphs(3), "-o", "-", *ENGINE]
    process = program.start(*args, stderr=full_pipe.writer)
    assert process.stdout is not None
    assert len(process.stdout.read(WAV_BYTES)) == WAV_BYTES
    assert "3 delivered" in full_pipe.read()
    assert program.finish(process).code == 0


def test_ctrl_c_is_heard_while_nobody_reads(program: Program, full_pipe: Pipe) -> None:
    args = ["run", "--text", paragraphs(200), *sim(chunk_s=0.1)]
    process = program.start(*args, stderr=full_pipe.writer, start_new_session=True)
    program.await_audio("speech.wav")
    os.killpg(process.pid, signal.SIGINT)
    assert program.finish(process).code == 130
    assert 0 < program.kept("speech.wav") < 200
    assert program.processes() == []
    full_pipe.read()


@pytest.mark.parametrize("flags", [[], ["--verbose"]])
def test_a_reader_who_has_left_changes_nothing(program: Program, flags: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = program.start("run", *flags, "--text", paragraphs(3), *ENGINE, stderr=writer)
    os.close(writer)
    assert program.finish(process).code == 0
    assert (program.folder / "speech.wav").stat().st_size > WAV_BYTES


def test_a_full_disk_for_the_messages_changes_nothing(program: Program) -> None:
    with Path("/dev/full").open("wb") as full:
        process = program.start("run", "--text", paragraphs(3), *ENGINE, stderr=full)
    assert program.finish(process).code == 0
    assert (program.folder / "speech.wav").stat().st_size > WAV_BYTES
