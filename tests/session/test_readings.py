"""What is made of files: once, until a file changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ttsflow import ConfigError, Engine
from ttsflow.session.readings import MOST, Readings

WORDS = [f"word{number},spoken{number}" for number in range(50)]


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path, readings = tmp_path / "a.txt", Readings()
    path.write_text("one")
    assert readings.get("a", [path], path.read_text) == "one"
    assert readings.get("a", [path], lambda: pytest.fail("read again")) == "one"
    path.write_text("three")
    assert readings.get("a", [path], path.read_text) == "three"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        readings.get("a", [path], path.read_text)


def test_what_it_keeps_is_bounded(tmp_path: Path) -> None:
    readings = Readings()
    for number in range(2 * MOST):
        assert readings.get(number, [], lambda number=number: number) == number
    assert readings.get(0, [], lambda: "made again") == "made again"
    assert readings.get(2 * MOST - 1, [], lambda: pytest.fail("read again")) == 2 * MOST - 1


def test_a_lexicon_is_read_once_for_many_texts(tmp_path: Path) -> None:
    """A file that nobody may read any more, and that has not changed, is not missed."""
    lexicon = tmp_path / "words.csv"
    lexicon.write_text("\n".join(WORDS))
    settings: dict[str, Any] = {"backend.use": "sim", "text.lexicon": {"files": [str(lexicon)]}}
    with Engine(settings=settings, preload=False) as engine:
        first = engine.request("word7 is here.")
        stamp = lexicon.stat()
        lexicon.write_bytes(b"x" * stamp.st_size)  # no lexicon, and nobody looks into it
        os.utime(lexicon, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        second = engine.request("word7 is here.")
        assert [place.job.text for place in second.places()] == ["spoken7 is here."]
        assert next(first.places()).job.text == "spoken7 is here."
        os.utime(lexicon)
        with pytest.raises(ConfigError, match="1 column"):
            engine.request("word7 is here.")
