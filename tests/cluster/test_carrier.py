"""Which recordings go to a worker of a node, and when they go again."""

from __future__ import annotations

from pathlib import Path

from ttsflow.cluster.carrier import Carrier
from ttsflow.workers.wire import Carry


def test_a_recording_goes_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    voice, carrier = tmp_path / "anna.wav", Carrier()
    voice.write_bytes(b"as it was")
    assert carrier.pack(str(voice)) == Carry(str(voice), b"as it was")
    assert carrier.pack(str(voice)) is None
    voice.write_bytes(b"as it is now")
    assert carrier.pack(str(voice)) == Carry(str(voice), b"as it is now")
    assert carrier.pack(str(voice)) is None


def test_one_that_cannot_be_read_is_told_and_goes_when_it_can(tmp_path: Path) -> None:
    voice, carrier = tmp_path / "anna.wav", Carrier()
    told = carrier.pack(str(voice))
    assert told is not None
    assert told.content == b""
    assert "No such file" in told.fault
    voice.write_bytes(b"there it is")
    assert carrier.pack(str(voice)) == Carry(str(voice), b"there it is")
    voice.rename(tmp_path / "elsewhere.wav")
    assert "No such file" in getattr(carrier.pack(str(voice)), "fault", "")
    (tmp_path / "elsewhere.wav").rename(voice)
    assert carrier.pack(str(voice)) == Carry(str(voice), b"there it is")
