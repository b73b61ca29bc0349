"""Audio on standard output: the same samples as in a file, and each as soon as it is there."""

from __future__ import annotations

import subprocess
import time
from typing import IO

import numpy as np
import soundfile

from tests.cli.program import Program, paragraphs, sim

RATE, SAMPLE_BYTES = 24000, 2


def test_a_pipe_gets_the_samples_that_a_file_gets(program: Program) -> None:
    program.write("story.txt", paragraphs(3))
    args = ["run", "-q", "story.txt", "--backend", "espeak"]
    program(*args, "-o", "story.wav")
    samples, _ = soundfile.read(program.folder / "story.wav", dtype="int16")
    assert program(*args, "-o", "-", "--format", "pcm").out == samples.astype("<i2").tobytes()

    streamed = program(*args, "-o", "-")
    (program.folder / "streamed.wav").write_bytes(streamed.out)
    heard, rate = soundfile.read(program.folder / "streamed.wav", dtype="int16")
    assert rate == 22050
    assert np.array_equal(heard, samples)
    assert streamed.err == ""


def test_audio_comes_with_the_first_chunk(program: Program) -> None:
    engine = sim(chunk_s=0.3, audio_s=0.1)
    process = program.start("run", "--text", paragraphs(8), "-o", "-", "--format", "pcm", *engine)
    arrivals = arrivals_of(process, int(0.1 * RATE) * SAMPLE_BYTES)
    assert program.finish(process).code == 0
    assert arrivals[-1] - arrivals[0] > 1.2, "the work after the first chunk takes 2.1 s"


def test_pieces_of_the_chunk_that_is_heard_are_passed_on_as_they_come(program: Program) -> None:
    engine = sim(chunk_s=2, audio_s=1, pieces=5)
    text = ["--text", "One chunk.", "--set", "text.pauses.paragraph_s=0"]
    process = program.start("run", *text, "-o", "-", "--format", "pcm", *engine)
    arrivals = arrivals_of(process, int(0.2 * RATE) * SAMPLE_BYTES)
    assert program.finish(process).code == 0
    assert len(arrivals) == 5
    assert arrivals[-1] - arrivals[0] > 0.9, "the work after the first piece takes 1.6 s"


def arrivals_of(process: subprocess.Popen[bytes], block_bytes: int) -> list[float]:
    """When each block of standard output had come."""
    stream: IO[bytes] | None = process.stdout
    assert stream is not None
    arrivals = []
    while stream.read(block_bytes):
        arrivals.append(time.monotonic())
    return arrivals


def test_a_listener_may_be_strict_too(program: Program) -> None:
    live = ("run", "--text", "Hello there.", "-o", "-", *sim(faults="[{at: 0, kind: cap}]"))
    assert "flagged" in program(*live).err
    program(*live, "--strict", code=1)
