"""Voices and spoken forms from the command line: what is shown, what is kept, and what is refused."""

# ruff: noqa: RUF001  # letters of several scripts look like Latin ones

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import ONE_WORKER, Program, sim

CONFIG = """
text:
  lexicon: {words: {SQL: sequel}, files: [more/names.csv]}
  replace: [{pattern: '\\s*\\(.*?\\)', with: ""}]
  speakers: {Anna: {voice: anna}, Tom: {voice: tom, speed: 1.5}}
"""
TEXT = """SQL (here) is old.

[[voice: Anna]] Worcester.

[[pause: 2]]

[[voice: Tom]] Worcester.

[[voice]] Done.
"""
QUICK = [*sim(rtf=0, audio_s=0.1, voices="[anna, tom]"), *ONE_WORKER]
SPEAK = ["run", "play.txt", "-o", "play.wav", "--config", "my.yaml", *QUICK]


@pytest.fixture
def play(program: Program) -> Program:
    """A program in whose folder there is a text with speakers, and a lexicon."""
    program.write("my.yaml", CONFIG)
    program.write("more/names.csv", "word,spoken\nWorcester,Wooster\n")
    program.write("play.txt", TEXT)
    return program


def test_a_dry_run_shows_voices_and_spoken_forms(play: Program) -> None:
    shown = play("run", "play.txt", "--config", "my.yaml", *QUICK, "--dry-run").text
    assert shown == (
        "backend sim, language en, voice: the usual one\n"
        "    0  SQL (here) is old. [0.6 s]\n"
        "       spoken: sequel is old.\n"
        "       (Anna: language en, voice: anna)\n"
        "    1  Worcester. [0.6 s]\n"
        "       spoken: Wooster.\n"
        "    2   [2 s]\n"
        "       (Tom: language en, voice: tom, speed 1.5)\n"
        "    3  Worcester. [0.6 s]\n"
        "       spoken: Wooster.\n"
        "       (language en, voice: the usual one)\n"
        "    4  Done. [0.6 s]\n"
    )
    lines = play("run", "play.txt", "--config", "my.yaml", *QUICK, "--dry-run", "json").text.splitlines()
    assert json.loads(lines[3]) == {
        "index": 3, "text": "Worcester.", "spoken": "Wooster.", "pause_s": 0.6, "until_s": None,
        "speakable": True, "chapter": None, "speaker": "Tom", "language": "en", "voice": "tom",
        "references": [], "speed": 1.5,
    }  # fmt: skip


def test_a_dry_run_refuses_the_voices_that_a_run_would(play: Program) -> None:
    play.write("my.yaml", CONFIG.replace("voice: tom", "voice: tim"))
    args = ("run", "play.txt", "-o", "play.wav", "--config", "my.yaml", *QUICK)
    said = "text.speakers.Tom: unknown voice 'tim'; did you mean 'tom'?"
    assert said in play(*args, code=2).err
    assert said in play(*args, "--dry-run", code=2).err


@pytest.mark.parametrize("destination", ["play.wav", "-"])
def test_a_text_of_which_nothing_is_left_is_refused(play: Program, destination: str) -> None:
    play.write("my.yaml", "text: {citations: false, replace: [{pattern: '[a-z]+', with: ''}]}")
    play.write("play.txt", "one two [12]\n\nthree")
    for more in ([], ["--dry-run"]):
        args = ["run", "play.txt", "-o", destination, "--config", "my.yaml", *QUICK, *more]
        told = play(*args, code=2).err
        assert "play.txt: nothing is left to be spoken: `text.replace` and --set text.citations=false" in told
    assert not (play.folder / "play.wav").exists()


def test_chapters_are_listed_whoever_speaks_them(play: Program) -> None:
    listed = json.loads(play("chapters", "play.txt", "--backend", "sim", "--json").text)
    assert [chapter["words"] for chapter in listed["chapters"]] == [7]


def test_subtitles_and_reports_have_the_words_as_they_are_written(play: Program) -> None:
    report = play.report("play.txt", "-o", "play.wav", "--config", "my.yaml", *QUICK)
    written = ["SQL (here) is old.", "Worcester.", "", "Worcester.", "Done."]
    assert [chunk["text"] for chunk in report["chunks"]] == written
    play("export", "play.wav", "play.json")
    cues = json.loads((play.folder / "play.json").read_text())
    assert [cue["text"] for cue in cues] == [text for text in written if text]
    assert "(here)" in play("redo", "play.wav", "--find", "(HERE) is").err


def test_a_change_of_the_lexicon_speaks_what_it_changes(play: Program) -> None:
    play(*SPEAK)
    assert "nothing to do" in play(*SPEAK).err
    play.write("more/names.csv", "Worcester,Wuster\n")
    report = play.resumed("play.txt", "-o", "play.wav", "--config", "my.yaml", *QUICK)
    assert [
        chunk["index"] for chunk in report["chunks"] if not chunk["kept"] and chunk["status"] == "ok"
    ] == [1, 3]
    play.write("my.yaml", CONFIG.replace("voice: tom", "voice: anna"))
    report = play.resumed("play.txt", "-o", "play.wav", "--config", "my.yaml", *QUICK)
    assert [
        chunk["index"] for chunk in report["chunks"] if not chunk["kept"] and chunk["status"] == "ok"
    ] == [3]


def test_a_run_that_was_killed_goes_on_with_the_same_voices(play: Program) -> None:
    undisturbed = play.folder / "whole.wav"
    play("run", "play.txt", "-o", undisturbed, "--config", "my.yaml", *QUICK)
    hanging = [
        "--set",
        "backend.options.faults=[{at: 3, kind: hang}]",
        "--set",
        "limits.timeouts.chunk_s=3600",
    ]
    killed = play.start(*SPEAK, *hanging)
    play.await_audio("play.wav", 2)
    killed.kill()
    killed.communicate()
    play.await_end()
    report = play.resumed("play.txt", "-o", "play.wav", "--config", "my.yaml", *QUICK)
    assert [chunk["kept"] for chunk in report["chunks"]][:2] == [True, True]
    assert (play.folder / "play.wav").read_bytes()[-8000:] == undisturbed.read_bytes()[-8000:]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("play.txt", "One.\n\n[[voice: Bob]] Two.", "play.txt, line 3: speaker 'Bob' has no voice"),
        ("play.txt", "[[pause: 1e9]]", "play.txt, line 1: [[pause: 1e9]] must say how long"),
        ("play.txt", "[[voice: Anna] Hi.", "play.txt, line 1: the mark '[[voice: Anna] Hi.' has no end"),
        ("more/names.csv", "Worcester\n", "names.csv, line 1 has 1 column"),
        (
            "my.yaml",
            "text: {replace: [{pattern: '[a'}]}",
            "my.yaml, line 1: text.replace[0] '[a' is no regular",
        ),
        ("my.yaml", "text: {lexicon: {words: {a: ''}}}", "my.yaml, line 1: text.lexicon.words.a"),
        ("my.yaml", "text: {speakers: {Anna: {voice: cleo}}}", "text.speakers.Anna: unknown voice 'cleo'"),
    ],
)
def test_bad_input_is_one_line(play: Program, name: str, content: str, said: str) -> None:
    play.write(name, content)
    ended = play(*SPEAK, code=2)
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not Path(play.folder / "play.wav").exists()


def test_a_text_in_another_script_is_in_doubt(program: Program) -> None:
    russian = "Все счастливые семьи похожи друг на друга."
    strict = ["run", "--text", russian, "-o", "a.wav", "--strict", *sim(rtf=0)]
    ended = program(*strict, code=1)
    assert "in doubt: text is in Cyrillic letters" in ended.err
    program(*strict, "--language", "ru", "--fresh")
    heard = program("run", "-", "-o", "-", "--strict", *sim(rtf=0), stdin=russian.encode(), code=1)
    assert heard.out
    assert "in doubt: standard input is in Cyrillic letters" in heard.err


def test_a_text_of_which_nothing_can_be_spoken_is_a_failure(program: Program) -> None:
    ended = program("run", "--text", "你好。", "-o", "a.wav", "--backend", "hibari", code=1)
    assert "1 failed" in ended.err
    assert not (program.folder / "a.wav").exists()
