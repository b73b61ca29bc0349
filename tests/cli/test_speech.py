"""The main job: a text goes in, speech comes out, and the report says what happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.cli.program import ONE_WORKER, Program, sim
from ttsflow import install_command

STORY = """# The parcel

It hummed. *Nobody* knew why.

- First, they listened.
- Then they wrote it down.
"""


def test_a_text_without_words_says_so(program: Program) -> None:
    for output in ("out.wav", "-"):
        ended = program("run", "--text", "\N{PARTY POPPER}\n\n***", "-o", output, "-q", *sim())
        assert "no word was spoken: the text has no letter and no digit, only pauses" in ended.err


def test_a_document_becomes_a_wav_file_in_the_current_folder(program: Program) -> None:
    (program.folder / "texts").mkdir()
    program.write("texts/story.md", STORY)
    ended = program("run", "texts/story.md", "--backend", "espeak")
    info = soundfile.info(program.folder / "story.wav")
    assert (info.format, info.subtype, info.channels, info.samplerate) == ("WAV", "PCM_16", 1, 22050)
    samples, _ = soundfile.read(program.folder / "story.wav")
    assert 3.0 < len(samples) / info.samplerate < 30.0
    assert np.sqrt(np.mean(samples**2)) > 0.01
    assert ended.out == b"", "nothing but audio may come on standard output"
    for said in (
        "backend espeak, policy sequential",
        "policies/auto.yaml",
        "submitted",
        "0 failed",
        "spoken to story.wav",
    ):
        assert said in ended.err
    assert sorted(path.name for path in program.folder.iterdir()) == [
        "home", "story.wav", "story.wav.ttsflow", "texts",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("args", "stdin", "output"),
    [
        (["notes.txt"], None, "notes.wav"),
        (["-"], b"Good morning.", "speech.wav"),
        ([], b"Good morning.", "speech.wav"),
        (["--text", "Good morning."], None, "speech.wav"),
    ],
)
def test_wherever_the_text_comes_from(
    program: Program, args: list[str], stdin: bytes | None, output: str
) -> None:
    program.write("notes.txt", "Good morning.")
    ended = program("run", "-q", *args, *sim(), stdin=stdin)
    assert (ended.out, ended.err) == (b"", "")
    samples, rate = soundfile.read(program.folder / output)
    assert len(samples) / rate == pytest.approx(len("Good morning.") / 15.0 + 0.6, abs=0.01)


def test_a_text_that_is_too_long_for_the_model_is_spoken_in_parts(program: Program) -> None:
    program.write("story.txt", "It was a quiet street, and nobody asked.\n\nThe end.")
    engine = sim(too_long=20, chars_per_s=10)
    ended = program("run", "story.txt", *engine)
    assert "chunk 0 of 'main' is spoken in 3 parts: it is too long for the model" in ended.err
    report = program.report("story.txt", *engine)
    first, second = report["chunks"]
    assert (first["index"], first["status"], first["attempts"]) == (0, "ok", 4)
    assert (second["index"], second["status"], second["attempts"]) == (1, "ok", 1)
    assert first["text"] == "It was a quiet street, and nobody asked."
    assert first["audio_s"] == pytest.approx((len(first["text"]) - 2) / 10)  # without the spaces between
    assert report["notices"] == ["chunk 0 of 'main' is spoken in 3 parts: it is too long for the model"]
    assert (report["summary"]["submitted"], report["summary"]["delivered"]) == (2, 2)
    samples, rate = soundfile.read(program.folder / "story.wav")
    seconds = report["summary"]["audio_s"] + report["summary"]["pause_s"]
    assert len(samples) / rate == pytest.approx(seconds, abs=0.01)


def test_a_wav_file_is_replaced_only_if_it_was_made_for_this_input(program: Program) -> None:
    story = program.write("story.txt", "Good morning.")
    wav = program.folder / "story.wav"
    wav.write_bytes(b"somebody's own")
    refused = program("run", "story.txt", *sim(), code=2)
    assert "story.wav exists" in refused.err
    assert "--overwrite" in refused.err
    assert wav.read_bytes() == b"somebody's own"

    program("run", "story.txt", *sim(), "--overwrite")
    first = wav.read_bytes()
    story.write_text("Good morning to you all.")
    program("run", "story.txt", *sim())
    assert len(wav.read_bytes()) > len(first)

    program.write("other.txt", "Good evening.")
    program("run", "other.txt", "-o", "story.wav", *sim(), code=2)


def test_the_text_is_never_replaced_by_its_audio(program: Program) -> None:
    story = program.write("story.txt", "Good morning.")
    ended = program("run", "story.txt", "-o", "./story.txt", "--overwrite", *sim(), code=2)
    assert "is the text that is to be spoken" in ended.err
    assert story.read_text() == "Good morning."


def test_what_a_text_is_written_in_can_be_said(program: Program) -> None:
    def texts(*args: str, stdin: bytes | None = None) -> list[str]:
        program(*args, "-o", "-", "--format", "pcm", "--report", "r.json", *sim(), stdin=stdin)
        report = json.loads((program.folder / "r.json").read_text())
        return [chunk["text"] for chunk in report["chunks"]]

    program.write("story.txt", STORY)
    spoken = texts("run", "story.txt", "--input-format", "markdown")
    assert spoken[:2] == ["The parcel", "It hummed. Nobody knew why."]
    assert texts("run", "-", "--input-format", "markdown", stdin=STORY.encode()) == spoken
    assert texts("run", "-", stdin=STORY.encode())[0] == "# The parcel"
    program.write("mine.yaml", "text: {format: markdown}\n")
    assert texts("run", "--text", STORY, "--config", "mine.yaml") == spoken
    ended = program("run", "story.txt", "--input-format", "scroll", *sim(), code=2)
    assert "unknown input format 'scroll'" in ended.err
    assert "known: docx, epub, fb2, html, markdown, pdf, srt, text, vtt" in ended.err
    assert "It is named at --input-format" in ended.err
    program.write("mine.yaml", "output:\n  format: wma\n")
    ended = program("run", "story.txt", "--config", "mine.yaml", *sim(), code=2)
    assert "unknown audio format 'wma'" in ended.err
    assert "It is named at mine.yaml, line 2" in ended.err


def test_names_of_other_formats_are_refused(program: Program) -> None:
    ended = program("run", "--text", "Hello.", "-o", "hello.wma", *sim(), code=2)
    assert "hello.wma" in ended.err
    assert "wav" in ended.err
    assert not (program.folder / "hello.wma").exists()


def test_the_suffix_of_the_output_says_its_format(program: Program) -> None:
    program("run", "--text", "Hello.", "-o", "a.pcm", *sim())
    program("run", "--text", "Hello.", "-o", "b.wav", *sim())
    samples, _ = soundfile.read(program.folder / "b.wav", dtype="int16")
    assert (program.folder / "a.pcm").read_bytes() == samples.astype("<i2").tobytes()
    assert "a.pcm: complete" in program("status", "a.pcm").text
    for said in ([], ["--format", "pcm"]):
        ended = program("run", "--text", "Hello.", "-o", "a.pcm", *said, *sim())
        assert "nothing to do: a.pcm" in ended.err
    program("redo", "a.pcm", "--chunk", "0")
    assert (program.folder / "a.pcm").read_bytes()[:4] != b"RIFF"
    program("run", "--text", "Hello.", "-o", "c.pcm", "--format", "wav", *sim(), code=2)


CHUNK_S, AUDIO_S, PAUSE_S = 0.25, 0.1, 0.05


@pytest.fixture(scope="module")
def reported(
    tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]
) -> dict[str, Any]:
    """A run with a chunk of every kind, on a worker that is slower than a listener."""
    program = new_program(tmp_path_factory.mktemp("reported"))
    text = "One.\n\nTwo.\n\n***\n\nThree.\n\nFour.\n\nFive."
    options = sim(chunk_s=CHUNK_S, audio_s=AUDIO_S, faults="[{at: 3, kind: refuse}]")
    pauses = [f"--set=text.pauses.{kind}_s={PAUSE_S}" for kind in ("paragraph", "break")]
    result = program("run", "--text", text, *ONE_WORKER, *options, *pauses, "--report", "run.json", code=1)
    return {"summary text": result.err, **json.loads((program.folder / "run.json").read_bytes())}


def test_the_report_says_what_was_chosen(reported: dict[str, Any]) -> None:
    assert reported["policy"]["name"] == "sequential"
    assert reported["policy"]["options"] == {}
    assert reported["policy"]["decided_by"] == "policies/sequential.yaml (shipped)"
    assert reported["backend"] == "sim"
    assert reported["backend_fallback"] is None
    assert reported["reproducible"] is True
    assert [device["id"] for device in reported["devices"]] == ["cpu"]
    [worker] = reported["workers"]
    assert (worker["device"], worker["slots"], worker["cuda_visible_devices"]) == ("cpu", 1, "")
    assert worker["load_s"] >= 0.0


def test_the_report_tells_of_every_chunk(reported: dict[str, Any]) -> None:
    chunks = reported["chunks"]
    assert [chunk["index"] for chunk in chunks] == list(range(6))
    assert [chunk["text"] for chunk in chunks] == ["One.", "Two.", "***", "Three.", "Four.", "Five."]
    assert [chunk["status"] for chunk in chunks] == ["ok", "ok", "pause", "failed", "ok", "ok"]
    assert [chunk["attempts"] for chunk in chunks] == [1, 1, 0, 1, 1, 1]
    for chunk in chunks:
        if chunk["status"] == "ok":
            times = [chunk[key] for key in ("queued_s", "started_s", "first_audio_s", "finished_s")]
            assert times[0] >= 0.0
            assert times == sorted(times)
            assert chunk["finished_s"] - chunk["started_s"] >= CHUNK_S
            assert (chunk["worker"], chunk["device"], chunk["audio_s"]) == ("w0", "cpu", AUDIO_S)
    spoken = [chunk for chunk in chunks if chunk["worker"]]
    assert all(before["finished_s"] <= after["started_s"] for before, after in pairwise(spoken))


def test_the_summary_agrees_with_the_chunks(reported: dict[str, Any]) -> None:
    chunks, summary = reported["chunks"], reported["summary"]
    ok = [chunk for chunk in chunks if chunk["status"] == "ok"]
    assert (summary["submitted"], summary["delivered"], summary["failed"]) == (6, 5, 1)
    assert summary["audio_s"] == pytest.approx(4 * AUDIO_S)
    # Chunks count as delivered once the store has them, however long that takes here.
    assert ok[0]["first_audio_s"] <= summary["time_to_first_audio_s"] <= summary["makespan_s"]
    assert summary["makespan_s"] >= ok[-1]["finished_s"]
    work = [chunk["finished_s"] - chunk["started_s"] for chunk in ok]
    assert summary["rtf"] == pytest.approx(sum(work) / summary["audio_s"], rel=0.01)
    p5, p50, p95 = (summary["chunk_s"][key] for key in ("p5", "p50", "p95"))
    assert min(work) - 0.001 <= p5 <= p50 <= p95 <= max(work) + 0.001

    # W = max over pieces of (arrival - audio before it); pauses are audio, too.
    heard, waits = 0.0, []
    for chunk in chunks:
        if chunk["status"] == "ok":
            waits.append(chunk["finished_s"] - heard)
        heard += chunk["audio_s"] + PAUSE_S
    assert summary["wait_s"] >= max(waits) - 0.001
    assert summary["stalls"] >= 2
    assert summary["wait_s"] > summary["time_to_first_audio_s"] + 0.2


ODD = """
import ttsflow
class Odd(ttsflow.Backend):
    name = "odd"
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile("odd", 8000, device_kinds=("cuda", "cpu"), {promise})
    def load(self, device, slots): ...
    def synthesize(self, job):
        import numpy as np
        yield ttsflow.AudioPiece(np.full(800, 0.1, "float32"), 8000)
@ttsflow.hookimpl
def ttsflow_backends():
    return [Odd]
"""


@pytest.mark.parametrize(
    ("promise", "gpus", "reproducible"),
    [
        ("", 0, False),
        ("reproducible_on=('cpu',)", 0, True),
        ("reproducible_on=('cpu',)", 1, False),
        ("reproducible_on=('cpu', 'cuda')", 1, True),
        ("deterministic=True", 1, True),
    ],
)
def test_audio_that_may_differ_is_said_to(
    program: Program, promise: str, gpus: int, reproducible: bool
) -> None:
    if gpus:
        program.gpus(gpus)
    program.write("plugins/odd.py", ODD.format(promise=promise))
    args = ["run", "--text", "Hello.", "--plugins-dir", "plugins", "--backend", "odd"]
    ended = program(*args, "--report", "run.json")
    report = json.loads((program.folder / "run.json").read_bytes())
    notice = f"audio may differ a little from run to run: backend odd on {'cuda' if gpus else 'cpu'}"
    assert report["reproducible"] is reproducible
    assert report["notices"] == ([] if reproducible else [notice])
    assert ended.err.count(f"ttsflow: {notice}\n") == (not reproducible)


def test_a_person_reads_the_same(reported: dict[str, Any]) -> None:
    assert "6 submitted, 5 delivered, 1 failed" in reported["summary text"]
    assert 'chunk 3 "Three."' in reported["summary text"]


def test_a_machine_without_coqui_tts_speaks_with_hibari_and_says_so(program: Program) -> None:
    program.hide("TTS")
    command = install_command("xtts")
    ended = program("run", "--text", "Hello.", "--report", "run.json")
    lines = [line for line in ended.err.splitlines() if command in line]
    assert lines == ended.err.splitlines()[:1], "it is said once"
    report = json.loads((program.folder / "run.json").read_bytes())
    assert report["backend"] == "hibari"
    assert command in report["backend_fallback"]
    german = program("run", "--text", "Guten Tag.", "--language", "de-AT", "-o", "tag.wav")
    assert "notice: backend 'espeak' speaks: 'xtts' is not installed" in german.err
    assert "'hibari' does not speak 'de-AT'" in german.err

    named = program("run", "--text", "Hello.", "--voice", "en", code=2)
    assert command in named.err
    assert "--voice" in named.err


def test_a_machine_without_any_engine(program: Program) -> None:
    program.hide("TTS", "hibari", "espeakng_loader")
    ended = program("run", "--text", "Hello.", code=2)
    for extra in ("xtts", "hibari", "espeak"):
        assert f"  {extra}: {install_command(extra)}\n" in ended.err
