"""From bytes to samples, however they are cut and written."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.fakes.speech_server import audio, wav
from ttsflow_plugins.sound import BadSound, OtherRate, Sound

RATE = 24_000
SAMPLES = np.frombuffer(audio("What is said takes a little while."), "<i2")


def read(data: bytes, block: int, *, raw: bool = False) -> list[np.ndarray]:
    sound = Sound("the answer", RATE, raw=raw)
    pieces = [piece for at in range(0, len(data), block) for piece in sound.take(data[at : at + block])]
    return [*pieces, sound.end()]


def header(
    tag: int, channels: int, bits: int, *, rate: int = RATE, size: int = 0, extra: bytes = b""
) -> bytes:
    form = struct.pack(
        "<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits
    )
    form += extra
    return b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)


@pytest.mark.parametrize("block", [1, 7, 4_096, 10**6])
@pytest.mark.parametrize("raw", [True, False])
def test_pieces_are_the_same_however_the_bytes_are_cut(block: int, raw: bool) -> None:
    """Else a job could not go on where a listener has stopped hearing."""
    data = SAMPLES.tobytes() if raw else wav(SAMPLES.tobytes())
    pieces = read(data, block, raw=raw)
    assert [piece.size for piece in pieces[:-1]] == [RATE // 4] * (SAMPLES.size // (RATE // 4))
    assert np.array_equal(np.concatenate(pieces) * 32768, SAMPLES)
    assert {piece.dtype for piece in pieces} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("head", "data"),
    [
        (header(1, 1, 16), SAMPLES.tobytes()),
        (header(1, 2, 16), np.stack([SAMPLES, SAMPLES], 1).tobytes()),
        (header(1, 1, 32), (SAMPLES.astype("<i4") << 16).tobytes()),
        (header(3, 1, 32), (SAMPLES / 32768).astype("<f4").tobytes()),
        (header(0xFFFE, 1, 16, extra=b"\x16\0\x10\0\4\0\0\0\1\0" + bytes(14)), SAMPLES.tobytes()),
    ],
    ids=["16 bits", "stereo", "32 bits", "float", "extensible"],
)
def test_forms_of_wav(head: bytes, data: bytes) -> None:
    assert np.array_equal(np.concatenate(read(head + data, 999)) * 32768, SAMPLES)


def test_what_follows_the_audio_is_not_heard() -> None:
    data = header(1, 1, 16, size=4) + b"\1\0\2\0" + b"LIST\4\0\0\0abcd"
    assert (np.concatenate(read(data, 5)) * 32768).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "has no audio"),
        (b"RI", "has no audio"),
        (header(1, 1, 16)[:30], "has no audio"),
        (header(1, 1, 16, size=100) + bytes(40), "broke off, 60 bytes before its end"),
        (header(1, 1, 16) + bytes(41), "in the middle of a sample"),
        (header(1, 2, 16) + bytes(42), "in the middle of a sample"),
        (header(1, 1, 24) + bytes(42), "1 channels of 24 bits"),
        (header(1, 0, 16) + bytes(42), "0 channels of 16 bits"),
        (header(7, 1, 8) + bytes(42), "format tag 7"),
        (b"RIFF\0\0\0\0AVI fmt " + header(1, 1, 16)[16:] + bytes(42), "begins as a WAV file and is none"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0" + bytes(42), "begins as a WAV file and is none"),
        (b"RIFF\0\0\0\0WAVExxxx\xff\xff\xff\xff" + bytes(42), "begins as a WAV file and is none"),
        (b"<html></html>", "is not a WAV file"),
    ],
)
@pytest.mark.parametrize("block", [1, 10**6])
def test_what_is_no_audio(data: bytes, says: str, block: int) -> None:
    with pytest.raises(BadSound, match=says):
        read(data, block)


def test_half_a_sample_of_pcm() -> None:
    with pytest.raises(BadSound, match="in the middle of a sample"):
        read(bytes(7), 3, raw=True)


def test_another_rate() -> None:
    with pytest.raises(OtherRate, match="the answer is at 8000 Hz, not at 24000 Hz") as caught:
        read(header(1, 1, 16, rate=8_000) + bytes(4), 100)
    assert caught.value.rate == 8_000
