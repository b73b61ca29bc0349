"""`run --subtitles` and `run --split`: what is made anew beside an output whenever the output is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Program, sim

TEXT = "# One\n\nIt rained. Nobody came; nobody ever did.\n\n# Two / \U0001f600 {long}\n\nThe door fell.\n"
SPEAK = ["run", "story.md", "-o", "story.wav", *sim(rtf=0, audio_s=2)]


@pytest.fixture
def story(program: Program) -> Program:
    program.write("story.md", TEXT.format(long="very long " * 30))
    return program


def cues(story: Program) -> list[dict[str, Any]]:
    return list(json.loads((story.folder / "story.json").read_text()))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_subtitles_have_each_sentence_in_the_time_of_its_chunk(story: Program) -> None:
    ended = story(*SPEAK, "--subtitles", "json")
    assert "subtitles: story.json" in ended.err
    found = cues(story)
    assert [cue["text"] for cue in found][:3] == ["One", "It rained.", "Nobody came; nobody ever did."]
    chunk = found[1:3]
    assert chunk[1]["end_s"] - chunk[0]["start_s"] == pytest.approx(2.0)
    assert chunk[0]["end_s"] == chunk[1]["start_s"]
    assert chunk[0]["end_s"] - chunk[0]["start_s"] == pytest.approx(2.0 * 11 / 40)
    assert "nothing to do" in story(*SPEAK, "--subtitles", "json").err


def test_subtitles_are_made_anew_with_the_output(story: Program) -> None:
    story(*SPEAK, "--subtitles", "json")
    before = cues(story)
    story.write("story.md", "# One\n\nAnother text. Nobody came; nobody ever did.\n")
    story(*SPEAK, "--subtitles", "json", "--overwrite")
    assert [cue["text"] for cue in cues(story)][1] == "Another text."
    story("redo", "-q", "story.wav", "--chunk", "1")
    assert cues(story) != before
    (story.folder / "story.json").unlink()
    story(*SPEAK, "--subtitles", "json")
    assert len(cues(story)) == 3
    story(*SPEAK, "--subtitles", "json", "--fresh")
    assert story(*SPEAK, "--subtitles", "vtt").err.count("subtitles: story.vtt") == 1, (
        "nothing is spoken for it"
    )


def test_a_file_to_a_chapter_beside_the_whole(story: Program) -> None:
    ended = story(*SPEAK, "--split", "chapter")
    assert "2 files in story" in ended.err
    found = names(story.folder / "story")
    assert found[0] == "1 One.wav"
    assert found[1].startswith("2 Two \U0001f600 very long")
    assert found[2] == "story.m3u8"
    assert "nothing to do" in story(*SPEAK, "--split", "chapter").err
    story.write("story.md", "# Two\n\nThe door fell.\n\n# Three\n\nThe end.\n")
    story(*SPEAK, "--split", "chapter", "--overwrite")
    assert names(story.folder / "story")[:2] == ["1 Two.wav", "2 Three.wav"], "and no chapter of before"


def test_a_file_to_a_chunk_of_a_format_without_a_tag(story: Program) -> None:
    speak = ["run", "story.md", "-o", "story.aac", *sim(rtf=0, audio_s=2), "--split", "chunk"]
    story(*speak)
    story("redo", "-q", "story.aac", "--chunk", "1")
    assert len(names(story.folder / "story")) == 6


def test_what_is_somebody_elses_stays(story: Program) -> None:
    mine = story.write("story.srt", "mine")
    refused = story(*SPEAK, "--subtitles", "srt", code=2)
    assert "story.srt is there already, and the subtitles would go there" in refused.err
    assert mine.read_text() == "mine"
    assert not (story.folder / "story.wav").exists()
    story(*SPEAK, "--subtitles", "srt", "--overwrite")
    assert mine.read_text() != "mine"
    folder = story.write("story", "a file")
    assert "story is a file, and the parts need a folder" in story(*SPEAK, "--split", "chunk", code=2).err
    assert folder.read_text() == "a file"


def test_subtitles_do_not_take_the_place_of_the_text(story: Program) -> None:
    said = story.write("talk.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello there.\n")
    text = said.read_text()
    for more in ([], ["--overwrite"]):
        refused = story("run", "talk.srt", "-o", "talk.wav", *sim(rtf=0), "--subtitles", "srt", *more, code=2)
        assert "talk.srt is the text, and the subtitles would go there" in refused.err
    assert said.read_text() == text


def test_parts_need_a_name_for_their_folder(story: Program) -> None:
    refused = story("run", "story.md", "-o", "story", *sim(rtf=0), "--split", "chunk", code=2)
    assert "would go into a folder of the same name; give the file a suffix" in refused.err


def test_a_strangers_file_among_our_parts_stays(story: Program) -> None:
    story(*SPEAK, "--split", "chapter")
    mine = story.folder / "story" / "3 Three.wav"
    mine.write_bytes(b"mine")
    story.write("story.md", TEXT.format(long="") + "\n# Three\n\nA new chapter.\n")
    ended = story(*SPEAK, "--split", "chapter", code=2)
    assert "3 Three.wav is there already" in ended.err
    assert mine.read_bytes() == b"mine"
    mine.unlink()
    story(*SPEAK, "--split", "chapter")
    assert mine.exists()


def test_what_was_not_noted_to_the_end_is_known_as_ours(story: Program) -> None:
    """The parts cannot be written, and the subtitles are there already: the same command goes on."""
    blocked = story.folder / "story"
    blocked.mkdir()
    (blocked / "story.m3u8").write_text("mine")
    args = [*SPEAK, "--subtitles", "srt", "--split", "chapter"]
    assert "story.m3u8 is there already" in story(*args, code=2).err
    assert (story.folder / "story.srt").exists()
    (blocked / "story.m3u8").unlink()
    story(*args)
    assert len(names(blocked)) == 3
    (blocked / "story.m3u8").unlink()
    story(*args)
    assert (blocked / "story.m3u8").exists(), "what is missing is made anew"


def test_what_is_of_an_earlier_time_is_said(story: Program) -> None:
    story(*SPEAK, "--subtitles", "srt", "--split", "chapter")
    story.write("story.md", "# One\n\nAnother text.\n")
    said = story(*SPEAK, "--overwrite").err
    assert "story.srt is of an earlier time; --subtitles makes it anew" in said
    assert "story is of an earlier time; --split makes it anew" in said
    assert "earlier time" not in story(*SPEAK, "--subtitles", "srt", "--split", "chapter").err


def test_names_that_cannot_be_are_refused_before_anything_is_spoken(story: Program) -> None:
    (story.folder / "story.srt").mkdir()
    assert "story.srt is a folder" in story(*SPEAK, "--subtitles", "srt", code=2).err
    same = ["run", "story.md", "-o", "a.srt", "--format", "wav", "--subtitles", "srt", *sim()]
    assert "the audio and the subtitles would both be a.srt" in story(*same, code=2).err
    report = [*SPEAK, "--subtitles", "json", "--report", "story.json"]
    assert "the report and the subtitles would both be story.json" in story(*report, code=2).err
    assert "needs a file" in story("run", "story.md", "-o", "-", "--subtitles", "srt", *sim(), code=2).err
    assert names(story.folder) == ["home", "story.md", "story.srt"]


def test_subtitles_that_were_changed_are_not_written_over(story: Program) -> None:
    story(*SPEAK, "--subtitles", "srt")
    (story.folder / "story.srt").write_text("edited")
    ended = story("redo", "story.wav", "--chunk", "1", code=2)
    assert "story.srt was changed since it was made" in ended.err
    assert (story.folder / "story.srt").read_text() == "edited"
