"""Audio on a sound device: ALSA's own, one of which writes what it plays to a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.program import ONE_WORKER, Program, paragraphs, sim

FILE = 'pcm.!default {{ type file slave.pcm "null" file "{}" format "raw" }}\n'
NO_DEVICE = "pcm.!default { type hw card 99 }\n"

PLAY = """
import sys
import numpy as np
from ttsflow import AudioPiece, ChunkJob
from ttsflow.interface.jobs import Outcome
from ttsflow.output import PlayerSink

sink = PlayerSink(sample_rate=8000)
sink.open()
for level in (0.25, 0.5):
    sink.write([AudioPiece(np.full(8000 * 3, level, "float32"), 8000)])
    sink.end_chunk(Outcome(ChunkJob("s", 0, "Hello.", pause_s=0.5), "ok"))
sink.finish()
sink.abort()
"""


def device(home: Path, alsa: str) -> dict[str, str]:
    """The environment in which ALSA has this device alone."""
    home.mkdir(exist_ok=True)
    (home / ".asoundrc").write_text(alsa)
    return os.environ | {"HOME": str(home), "PULSE_SERVER": "/nowhere", "PULSE_CLIENTCONFIG": "/nowhere"}


def test_all_is_played_in_its_order_with_its_pauses(tmp_path: Path) -> None:
    played = tmp_path / "played.raw"
    env = device(tmp_path / "home", FILE.format(played))
    subprocess.run([sys.executable, "-c", PLAY], env=env, check=True)
    samples = np.fromfile(played, "<i2")
    played.unlink()  # the device takes silence as fast as it can, much of it
    assert [np.count_nonzero(samples == level) for level in (8192, 16384)] == [24_000, 24_000]
    first, second = (np.flatnonzero(samples == level) for level in (8192, 16384))
    assert second[0] - first[-1] > 4000, "the pause is heard"
    assert set(np.unique(samples)) == {0, 8192, 16384}


@pytest.fixture
def deaf(program: Program, tmp_path: Path) -> Program:
    """The program on a machine without a sound device."""
    program.env |= device(tmp_path / "home", NO_DEVICE)
    return program


def test_without_a_device_a_run_says_so_and_what_to_do(deaf: Program) -> None:
    ended = deaf("run", "--text", "Hello.", "--play", *sim(), code=2)
    (line,) = ended.err.splitlines()
    assert "no sound device can be opened (failed to init device); name a file with -o" in line


def test_a_run_is_played(program: Program, tmp_path: Path) -> None:
    program.env |= device(tmp_path / "home", FILE.format("/dev/null"))
    ended = program("run", "--text", paragraphs(3), "--play", *ONE_WORKER, *sim())
    assert "3 submitted, 3 delivered, 0 failed" in ended.err
    assert "spoken to the sound device" in ended.err
    assert [path.name for path in program.folder.iterdir()] == ["home"]


def test_playing_writes_no_file(program: Program) -> None:
    ended = program("run", "--text", "Hello.", "--play", "-o", "hello.wav", *sim(), code=2)
    assert "--play writes no file" in ended.err


def test_doubts_are_played(program: Program, tmp_path: Path) -> None:
    faults = sim(faults="[{at: 1, kind: clipped}]")
    program("run", "--text", paragraphs(3), "-o", "book.wav", *ONE_WORKER, *faults)
    played = tmp_path / "played.raw"
    program.env |= device(tmp_path / "home", FILE.format(played))
    assert "This is part 2 of 3." in program("doubts", "book.wav", "--play").text
    samples = np.fromfile(played, "<i2")
    assert np.count_nonzero(np.abs(samples.astype(int)) > 32_000) > 1000
