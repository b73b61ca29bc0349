"""Knowing a file that ttsflow made for an input."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.output import Tag, read_tag
from ttsflow.output.wav import file_header

digests = st.none() | st.text("0123456789abcdef", min_size=1, max_size=16)
marks = st.builds(Tag, digests, digests)


def marked(path: Path, info: dict[str, str]) -> Path:
    path.write_bytes(file_header(24000, 0, info))
    return path


def strings(tag: Tag) -> dict[str, str]:
    return {"ISFT": tag.software, "ICMT": tag.comment}


@given(marks)
def test_a_mark_comes_back_from_the_file(mark: Tag) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert read_tag(marked(Path(folder, "a.wav"), strings(mark))) == mark


@given(st.binary(max_size=200))
def test_arbitrary_bytes_carry_no_mark(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.wav")
        path.write_bytes(content)
        assert read_tag(path) is None


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"ISFT": "ttsflow 0.1.0"},
        {"ICMT": Tag("aa", "bb").comment},
        {"ISFT": "Audacity", "ICMT": Tag("aa", "bb").comment},
        {"ISFT": "ttsflow 0.1.0", "ICMT": "input path=aa"},
        {"ISFT": "ttsflow 0.1.0", "ICMT": "input path=aa content=bb, and more"},
    ],
)
def test_other_strings_are_no_mark(tmp_path: Path, info: dict[str, str]) -> None:
    assert read_tag(marked(tmp_path / "a.wav", info)) is None


def test_a_file_of_another_program_carries_no_mark(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(10, np.float32), 24000)
    assert read_tag(tmp_path / "a.wav") is None


def test_what_is_not_a_file_carries_no_mark(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [read_tag(tmp_path / name) for name in ("absent", "pipe", ".", "pipe/x")] == [None] * 4


def test_the_same_path_or_the_same_content_is_the_same_input() -> None:
    book = Tag("aa", "bb")
    assert book.matches(Tag("aa", "edited"))
    assert book.matches(Tag("moved", "bb"))
    assert book.matches(Tag(None, "bb"))
    assert not book.matches(Tag("bb", "aa"))
    assert not Tag(None, "bb").matches(Tag(None, "cc"))
    assert not Tag().matches(Tag())
