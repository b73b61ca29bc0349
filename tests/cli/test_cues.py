"""Subtitles at their times: in files and streams, after an end and after a change."""

from __future__ import annotations

import json
import wave
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import ONE_WORKER, Program, sim

LONG = "This sentence is far too long for the time that it has, and so the next one is late, too."
CUES = [
    (1.5, "Hello there."), (4.0, LONG), (5.0, "Yes."), (5.1, "No."), (20.0, "- Good night.\n- Sleep well."),
]  # fmt: skip
ENGINE = [*sim(rtf=0, chars_per_s=15, sample_rate=8000), *ONE_WORKER]
TIMED = ["--set", "text.cues=timed", *ENGINE]
SPEAK = ["film.srt", "-o", "film.wav", *TIMED]


def srt(cues: list[tuple[float, str]]) -> str:
    def clock(at_s: float) -> str:
        whole, ms = divmod(round(at_s * 1000), 1000)
        return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{ms:03}"

    return "\n".join(
        f"{number}\n{clock(at_s)} --> {clock(at_s + 0.05)}\n{words}\n"
        for number, (at_s, words) in enumerate(cues, 1)
    )


@pytest.fixture
def film(program: Program) -> Program:
    program.write("film.srt", srt(CUES))
    return program


def said(chunks: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """When each chunk begins and ends, in a report."""
    return {
        chunk["text"]: (chunk["at_s"], chunk["at_s"] + chunk["audio_s"]) for chunk in chunks if chunk["text"]
    }


def frames(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def test_each_begins_at_its_time_and_what_is_late_catches_up(film: Program) -> None:
    report = film.report(*SPEAK)
    heard = said(report["chunks"])
    ends = [end for _, end in heard.values()]
    assert heard["Hello there."][0] == 1.5
    assert heard[LONG][0] == 4.0
    late_s = heard[LONG][1] - 5.0
    assert late_s > 0.0
    assert heard["Yes."][0] == pytest.approx(ends[1], abs=1e-6), "no later than it must be"
    assert heard["No."][0] == pytest.approx(ends[2], abs=1e-6)
    assert heard["Good night."][0] == 20.0
    assert heard["Sleep well."][0] == pytest.approx(heard["Good night."][1] + 0.35, abs=1e-4)
    [notice] = [notice for notice in report["notices"] if "late" in notice]
    assert notice.startswith("film.wav: 2 subtitles begin late")
    length_s = len(frames(film.folder / "film.wav")) / 2 / 8000
    assert report["output"]["length_s"] == pytest.approx(length_s, abs=1e-9)


def test_a_listener_hears_the_same(film: Program) -> None:
    film("run", "-q", *SPEAK)
    report = film.report("film.srt", "-o", "film.pcm", "--format", "pcm", *TIMED)
    assert report["output"]["length_s"] > 20
    heard = film("run", "film.srt", "-o", "-", "--format", "pcm", *TIMED)
    assert heard.out == frames(film.folder / "film.wav") == (film.folder / "film.pcm").read_bytes()
    assert "2 subtitles begin late" in heard.err


def test_after_other_words_all_begin_at_their_times_again(film: Program) -> None:
    film("run", "-q", *SPEAK)
    film("redo", "-q", "film.wav", "--chunk", "2", "--text", "Short.")
    film("export", "film.wav", "film.json")
    cues = {cue["text"]: cue["start_s"] for cue in json.loads((film.folder / "film.json").read_text())}
    assert {text: cues[text] for text in ("Hello there.", LONG, "Yes.", "Good night.")} == {
        "Hello there.": 1.5, LONG: 4.0, "Yes.": 5.0, "Good night.": 20.0,
    }  # fmt: skip
    assert "nothing to do" in film("run", *SPEAK).err


@pytest.mark.parametrize("name", ["film.wav", "film.flac"])
def test_a_run_that_was_killed_goes_on_to_the_same_file(film: Program, name: str) -> None:
    speak = ["film.srt", *TIMED, "-o"]
    film("run", "-q", *speak, f"whole-{name}")
    hanging = [
        "--set",
        "backend.options.faults=[{at: 3, kind: hang}]",
        "--set",
        "limits.timeouts.chunk_s=3600",
    ]
    killed = film.start("run", *speak, name, *hanging)
    film.await_audio(name, 2)
    killed.kill()
    killed.communicate()
    film.await_end()
    report = film.resumed(*speak, name)
    assert any(chunk["kept"] for chunk in report["chunks"])
    whole, resumed = (film.folder / name).read_bytes(), (film.folder / f"whole-{name}").read_bytes()
    assert whole[-4000:] == resumed[-4000:]
    assert len(whole) == len(resumed)


def test_parts_are_as_long_as_in_the_whole(film: Program) -> None:
    film("run", "-q", *SPEAK, "--split", "chunk", "--loudness", "-20")
    index = json.loads((film.folder / "film" / "index.json").read_text())
    whole = len(frames(film.folder / "film.wav"))
    assert sum(len(frames(film.folder / "film" / part["file"])) for part in index) == whole
    film("run", "-q", *SPEAK, "--overwrite")
    passages = said(film.resumed(*SPEAK)["chunks"])
    starts = [start for start, _ in passages.values()]
    lengths = [part["audio_s"] for part in index][1:]
    assert [after - before for before, after in pairwise(starts)] == pytest.approx(lengths[:-1], abs=1e-3)


def test_a_change_of_the_times_alone_speaks_nothing_anew(film: Program) -> None:
    film("run", "-q", *SPEAK)
    film.write("film.srt", srt([(at_s + 1.0, words) for at_s, words in CUES]))
    report = film.resumed(*SPEAK)
    assert all(chunk["attempts"] is None for chunk in report["chunks"])
    assert said(report["chunks"])["Good night."][0] == 21.0


def test_an_hour_of_silence_is_refused(film: Program) -> None:
    film.write("film.srt", srt([(1.0, "Hello."), (5000.0, "Watermark.")]))
    told = film("run", *SPEAK, code=2).err
    assert "film.srt has no subtitle from 0:00:01 to 1:23:20" in told
    assert "--set text.cues=flow" in told


def test_a_dry_run_shows_the_times(film: Program) -> None:
    shown = film("run", "film.srt", *TIMED, "--dry-run").text
    assert "    1  Hello there. [until 4 s]\n" in shown
    described = [
        json.loads(line) for line in film("run", "film.srt", *TIMED, "--dry-run", "json").text.splitlines()
    ]
    assert [(one["pause_s"], one["until_s"]) for one in described[:3]] == [
        (1.5, None),
        (None, 4.0),
        (None, 5.0),
    ]
