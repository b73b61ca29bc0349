"""Loudness: what is measured, and what a second look finds in the file that was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ttsflow.interface.jobs import ChunkJob, Outcome
from ttsflow.output import About, FileSink
from ttsflow.output.loudness import Gain, Loudness, gain_towards, measure

RATE = 22050
SECOND = 2 * RATE  # bytes


def speech(level: float, peaks: float = 1.0) -> bytes:
    """Something that comes and goes like speech, with peaks that are so many times higher."""
    t = np.arange(20 * RATE) / RATE
    voice = np.sin(2 * np.pi * 150 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
    voice *= np.sin(2 * np.pi * 0.25 * t) > -0.7
    voice[:: RATE // 7] *= peaks
    return (np.clip(level * voice, -0.99, 0.99) * 32768).astype("<i2").tobytes()


def written(audio: bytes, gain: Gain | None, path: Path) -> NDArray[np.int16]:
    """What another reader finds in the file."""
    sink = FileSink(path, sample_rate=RATE, about=About())
    sink.open()
    sink.restart(gain)
    for at in range(0, len(audio), 3 * SECOND // 7 * 2):
        sink.write_encoded(audio[at : at + 3 * SECOND // 7 * 2], RATE)
    sink.end_chunk(Outcome(ChunkJob("book", 0, "Hello."), "ok"))
    sink.finish()
    found: NDArray[np.int16] = soundfile.read(path, dtype="int16")[0]
    return found


@pytest.mark.parametrize(
    ("level", "peaks", "lufs", "limited"),
    [(0.05, 1, -18, False), (0.3, 1, -23, False), (0.05, 9, -18, True), (0.02, 12, -16, True)],
)
def test_the_file_is_as_loud_as_was_asked_for(
    tmp_path: Path, level: float, peaks: float, lufs: float, limited: bool
) -> None:
    audio = speech(level, peaks)
    found = measure([audio], RATE)
    assert found is not None
    gain = gain_towards(lufs, found, lambda: [audio], RATE)
    assert gain.limited == limited
    samples = written(audio, gain, tmp_path / "x.wav")
    assert len(samples) == len(audio) // 2, "no place is heard at another time"
    again = measure([samples.tobytes()], RATE)
    assert again is not None
    assert again.lufs == pytest.approx(lufs, abs=0.5)
    assert again.peak_db <= -1.0


def test_one_gain_keeps_the_dynamics(tmp_path: Path) -> None:
    audio = speech(0.05)
    samples = written(audio, Gain(6.0206), tmp_path / "x.wav")
    assert np.abs(samples - 2.0 * np.frombuffer(audio, "<i2")).max() <= 1


@pytest.mark.parametrize("audio", [[], [b""], [b"ab"], [bytes(5 * SECOND)]])
def test_what_is_silent_or_short_is_not_measured(audio: list[bytes]) -> None:
    assert measure(audio, RATE) is None


def test_it_does_not_matter_in_which_pieces_audio_comes() -> None:
    audio = speech(0.1)
    pieces = [audio[at : at + 5000] for at in range(0, len(audio), 5000)]
    assert measure(pieces, RATE) == measure([audio], RATE)


def test_what_is_said_of_it() -> None:
    assert str(Loudness(-23.04, -3.26)) == "-23.0 LUFS, true peak -3.3 dBTP"
    assert str(Gain(-2.0)) == "2.0 dB softer"
    assert str(Gain(5.04, limited=True)) == "5.0 dB louder, peaks limited"
