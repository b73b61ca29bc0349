"""Compressed audio through the program: made beside the workers, whole or absent whatever happens."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tests.cli.program import ONE_WORKER, Program, indexes, paragraphs, room, sim
from tests.cli.terminal import Terminal
from ttsflow.output.loudness import measure

CHUNKS = 12
SPEAK = ["run", "story.txt", "-o", "story.m4b", *ONE_WORKER]
QUICK = sim(rtf=0, audio_s=10)
SLOW = sim(chunk_s=0.3, audio_s=10)  # so that something is compressed while something is spoken


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> bytes:
    """The file that nothing has disturbed."""
    program = new_program(tmp_path_factory.mktemp("undisturbed"))
    program.write("story.txt", paragraphs(CHUNKS))
    program(*SPEAK, *QUICK)
    return output(program)


@pytest.fixture
def story(program: Program) -> Program:
    program.write("story.txt", paragraphs(CHUNKS))
    return program


def output(program: Program) -> bytes:
    """The file, without the digest of the place where its text lay."""
    return re.sub(rb"path=[0-9a-f]+", b"", (program.folder / "story.m4b").read_bytes())


def files(program: Program) -> list[str]:
    return sorted(path.name for path in program.folder.iterdir() if path.name != "home")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_run_that_ends_early_goes_on(
    story: Program, undisturbed: bytes, number: signal.Signals, code: int
) -> None:
    process = story.start(*SPEAK, *SLOW)
    story.await_audio("story.m4b", 6)
    process.send_signal(number)
    assert story.finish(process).code == code
    story.await_end()
    assert "story.m4b" not in files(story)
    kept = story.kept("story.m4b")
    assert len(indexes(story.resumed("story.txt", "-o", "story.m4b", *QUICK))) == CHUNKS - kept
    assert output(story) == undisturbed
    assert [name for name in files(story) if "json" not in name] == [
        "story.m4b", "story.m4b.ttsflow", "story.txt"
    ]  # fmt: skip


def test_a_file_for_which_there_is_no_room_needs_no_worker_later(story: Program, undisturbed: bytes) -> None:
    story(*SPEAK, *QUICK)
    (story.folder / "story.m4b").unlink()
    ended = story.finish(story.start(*SPEAK, *QUICK, before=room(100_000)))
    assert ended.code == 3, ended.err
    assert ended.err.count("story.m4b could not be completed") == 1
    assert files(story) == ["story.m4b.ttsflow", "story.txt"]
    assert story.resumed("story.txt", "-o", "story.m4b", *QUICK)["workers"] == []
    assert output(story) == undisturbed


def test_a_chunk_that_fails_is_named_once_and_the_rest_is_heard(story: Program, undisturbed: bytes) -> None:
    failing = sim(rtf=0, audio_s=10, faults="[{at: 3, kind: refuse}]")
    ended = story(*SPEAK, *failing, code=1)
    assert f"{CHUNKS} submitted, {CHUNKS - 1} delivered, 1 failed" in ended.err
    assert 0 < len(output(story)) < len(undisturbed)
    story(*SPEAK, *QUICK)
    assert output(story) == undisturbed


def test_how_much_of_it_is_made_is_drawn_on_a_terminal(story: Program) -> None:
    story(*SPEAK, *sim(rtf=0, audio_s=120))
    (story.folder / "story.m4b").unlink()
    for command in ([*SPEAK, *QUICK], ["export", "story.m4b", "other.mp3"]):
        terminal = Terminal(story, *command)
        assert terminal.end() == 0
        parts = [int(part) for part in re.findall(r"encoding (\d+)%", terminal.screen)]
        assert parts
        assert parts == sorted(parts)
        assert "encoding" not in terminal.frames[-1]


def loudness(path: Path) -> float:
    """In LUFS, of any file."""
    with av.open(str(path), "r") as container:
        to_16_bits = av.AudioResampler("s16", "mono", 24000)
        frames = [made for frame in container.decode(audio=0) for made in to_16_bits.resample(frame)]
    found = measure([frame.to_ndarray()[0].tobytes() for frame in frames], 24000)
    assert found is not None
    return found.lufs


def test_an_output_is_as_loud_as_was_asked_for(story: Program) -> None:
    ended = story("run", "story.txt", "-o", "story.m4b", *QUICK, "--loudness", "-18")
    assert re.search(
        r"loudness: -\d+\.\d LUFS, true peak -\d+\.\d dBTP; made .* dB \w+, for -18 LUFS", ended.err
    )
    assert loudness(story.folder / "story.m4b") == pytest.approx(-18, abs=0.5)
    assert "nothing to do" in story("run", "story.txt", "-o", "story.m4b", *QUICK, "--loudness", "-18").err
    report = story.resumed("story.txt", "-o", "story.m4b", *QUICK, "--loudness=-23")
    assert report["workers"] == [], "nothing is spoken again for it"
    assert loudness(story.folder / "story.m4b") == pytest.approx(-23, abs=0.5)
    story("redo", "-q", "story.m4b", "--chunk", "1")
    assert loudness(story.folder / "story.m4b") == pytest.approx(-23, abs=0.5)
    story("export", "story.m4b", "same.wav")
    assert loudness(story.folder / "same.wav") == pytest.approx(-23, abs=0.5), "as the output is"
    assert "for -16 LUFS" in story("export", "story.m4b", "other.wav", "--loudness", "-16").text
    assert loudness(story.folder / "other.wav") == pytest.approx(-16, abs=0.5)
    story("export", "story.m4b", "parts", "--split", "chapter", "--loudness", "-20", "--format", "wav")
    [part] = (story.folder / "parts").glob("*.wav")
    assert loudness(part) == pytest.approx(-20, abs=0.5)


def test_a_text_without_a_word_has_no_loudness(story: Program) -> None:
    ended = story("run", "--text", "***", "-o", "pause.wav", *QUICK, "--loudness", "-18")
    assert "nothing is loud enough to be measured" in ended.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-o", "x.wav", "--loudness", "3"], "output.loudness"),
        (["-o", "x.wav", "--loudness", "-71"], "output.loudness"),
        (["-o", "-", "--loudness", "-18"], "is known at its end only; leave --loudness out, or name a file"),
    ],
)
def test_a_loudness_that_cannot_be_is_refused(story: Program, args: list[str], said: str) -> None:
    assert said in story("run", "story.txt", *args, *QUICK, code=2).err


EDGED = """
import numpy as np
import ttsflow

class Edged(ttsflow.Backend):
    name = "edged"
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile("edged", 8000, deterministic=True)
    def load(self, device, slots): ...
    def synthesize(self, job):
        yield ttsflow.AudioPiece(np.zeros(4000, "float32"), 8000)
        yield ttsflow.AudioPiece(np.full(8000, 0.3, "float32"), 8000)
        yield ttsflow.AudioPiece(np.zeros(6000, "float32"), 8000)

@ttsflow.hookimpl
def ttsflow_backends():
    return [Edged]
"""


def test_silence_at_the_edges_of_chunks_is_shortened_and_every_time_is_true(story: Program) -> None:
    story.write("plugins/edged.py", EDGED)
    speak = ["story.txt", "-o", "story.wav", "--plugins-dir", "plugins", "--backend", "edged"]
    whole, trimmed = story.report(*speak), story.resumed(*speak, "--trim")
    assert {chunk["audio_s"] for chunk in whole["chunks"]} == {2.25}
    assert {chunk["audio_s"] for chunk in trimmed["chunks"]} == {0.03 + 1.0 + 0.06}
    assert indexes(trimmed) == list(range(CHUNKS)), "it is other audio, with keys of its own"
    assert "nothing to do" in story("run", *speak, "--trim").err
    samples, rate = soundfile.read(story.folder / "story.wav")
    at_s = trimmed["chunks"][3]["at_s"]
    assert np.abs(samples[round(at_s * rate) - 100 : round((at_s + 0.03) * rate)]).max() == 0.0
    assert np.abs(samples[round((at_s + 0.031) * rate)]) > 0.2
    story("redo", "-q", "story.wav", "--at", str(at_s + 0.5))
    heard = story("run", "story.txt", "-o", "-", *speak[3:], "--trim").out
    assert len(heard) == 44 + 2 * (len(samples))
