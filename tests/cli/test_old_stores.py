"""A store that an earlier version left: the same command speaks nothing again, and the audio is the same."""

from __future__ import annotations

import hashlib

import pytest

from tests.cli.program import Program, indexes
from tests.store.old import AS_BEFORE, AUDIO, STORE, STORY

SPEAK = ["run", "story.txt", "-o", "story.wav"]


@pytest.fixture
def kept(program: Program) -> Program:
    """A program in whose folder lies the store of version 1, and the text."""
    program.write("story.txt", STORY)
    (program.folder / "story.wav.ttsflow").write_bytes(STORE)
    return program


def audio(program: Program) -> str:
    samples = (program.folder / "story.wav").read_bytes().partition(b"data")[2]
    return hashlib.blake2b(samples, digest_size=16).hexdigest()


def test_the_same_command_speaks_nothing_and_builds_the_same_audio(kept: Program) -> None:
    report = kept.resumed("story.txt", *AS_BEFORE)
    assert report["workers"] == []
    assert report["summary"]["submitted"] == 0
    assert audio(kept) == AUDIO
    assert "nothing to do" in kept(*SPEAK, *AS_BEFORE).err
    kept.write("story.txt", STORY + "\nAnd more.\n")
    assert indexes(kept.resumed("story.txt", *AS_BEFORE)) == [2, 6], "the pause, and what is new"


def test_its_status_is_told_and_it_stays_what_it_is(kept: Program) -> None:
    text = kept("status", "story.wav").text
    assert "4 of 4 kept, 1 in doubt" in text
    assert 'chunk 1 "It rained, and nobody came.": reached the model\'s cap' in text
    assert (kept.folder / "story.wav.ttsflow").read_bytes() == STORE


def test_one_of_its_chunks_can_be_spoken_again(kept: Program) -> None:
    kept("redo", "-q", "story.wav", "--chunk", "3")
    assert audio(kept) != AUDIO
    assert "4 of 4 kept, 1 in doubt" in kept("status", "story.wav").text


def test_it_can_be_removed(kept: Program) -> None:
    assert "removed " in kept("clean", "story.wav").text
    assert not (kept.folder / "story.wav.ttsflow").exists()
