"""Audio on standard output: the same samples as in a file, and each as soon as it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from tests.cli.program import Program, paragraphs, sim

PLUGINS = Path(__file__).parents[1] / "fakes/plugins"
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
    assert heard_one_by_one(program, paragraphs(8), rtf=0, audio_s=0.1) == 8


def test_pieces_of_the_chunk_that_is_heard_are_passed_on_as_they_come(program: Program) -> None:
    assert heard_one_by_one(program, "One chunk.", rtf=0, audio_s=0.5, pieces=5) == 5


def heard_one_by_one(program: Program, text: str, **options: object) -> int:
    """How many pieces of a tenth of a second are heard, where each is made once the one before was heard."""
    heard = program.write("heard", "")
    program.env["TTSFLOW_HEARD"] = str(heard)
    args = ["--text", text, "--set", "text.pauses.paragraph_s=0", "-o", "-", "--format", "pcm"]
    process = program.start("run", *args, "--plugins-dir", PLUGINS, *sim("patient", **options))
    assert process.stdout is not None
    while process.stdout.read(RATE // 10 * SAMPLE_BYTES):
        heard.write_bytes(heard.read_bytes() + b".")
    assert program.finish(process).code == 0
    return heard.stat().st_size


def test_a_listener_may_be_strict_too(program: Program) -> None:
    live = ("run", "--text", "Hello there.", "-o", "-", *sim(faults="[{at: 0, kind: cap}]"))
    assert "flagged" in program(*live).err
    program(*live, "--strict", code=1)
