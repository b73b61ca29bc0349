"""Many writers on one target: each is refused or publishes a whole file."""

import threading
from pathlib import Path

import pytest

from ttsflow.errors import OutputError
from ttsflow.output.partfile import PartFile

ROUNDS = 60


def test_writers_in_each_others_way_publish_whole_files_only(tmp_path: Path) -> None:
    target = tmp_path / "out"
    published, refused, torn = [], [], []

    def write(letter: bytes) -> None:
        for turn in range(ROUNDS):
            part = PartFile(target)
            try:
                part.open()
            except OutputError as error:
                refused.append(str(error))
                continue
            for _ in range(10):
                part.write(letter * 100)
            if turn % 3:
                part.publish()
                published.append(letter)
            else:
                part.discard()
            content = target.read_bytes() if target.exists() else b""
            if content and (len(content) != 1000 or len(set(content)) != 1):
                torn.append(content)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torn == []
    assert published
    assert all("another run is writing it" in why for why in refused)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_beginning_can_be_written_over(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "out")
    part.open()
    part.write(b"------audio")
    assert (part.seekable(), part.tell()) == (True, 11)
    assert part.seek(0) == 0
    assert part.write(b"header") == 6
    part.publish()
    assert (tmp_path / "out").read_bytes() == b"headeraudio"


def test_an_open_part_is_needed(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "out")
    part.discard()
    with pytest.raises(ValueError, match="not open"):
        part.write(b"x")
