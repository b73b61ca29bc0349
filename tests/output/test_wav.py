"""The WAV header: read back by soundfile and by the standard library, up to and beyond 4 GiB."""

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ttsflow.output.wav import file_header, read_info, stream_header

INFO = {"ISFT": "ttsflow 1.2.3", "ICMT": "odd"}
OVERHEAD = len(file_header(24000, 0, INFO)) - 8  # what the RIFF size counts besides the data
LARGEST_RIFF = 0xFFFFFFFE - OVERHEAD

samples16 = hnp.arrays(np.int16, st.integers(0, 200))


def chunks(header: bytes) -> dict[bytes, bytes]:
    """The chunks after RIFF/RF64, up to the head of `data`, whose size is left as it stands."""
    found, at = {}, 12
    while header[at : at + 4] != b"data":
        name, size = struct.unpack_from("<4sI", header, at)
        found[name] = header[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at + 8 == len(header)
    found[b"data"] = header[at + 4 :]
    return found


@given(samples16, st.sampled_from([8000, 22050, 24000, 48000]))
def test_a_file_is_read_back_by_soundfile_and_wave(samples: np.ndarray, rate: int) -> None:
    content = file_header(rate, samples.nbytes, INFO) + samples.astype("<i2").tobytes()
    read, read_rate = soundfile.read(io.BytesIO(content), dtype="int16")
    assert (read.tolist(), read_rate) == (samples.tolist(), rate)
    with wave.open(io.BytesIO(content)) as reader:
        assert reader.getparams()[:4] == (1, 2, rate, len(samples))
        assert reader.readframes(len(samples)) == samples.astype("<i2").tobytes()


@given(samples16)
def test_a_stream_of_unknown_length_is_read_to_its_end(samples: np.ndarray) -> None:
    content = stream_header(24000) + samples.astype("<i2").tobytes()
    assert len(stream_header(24000)) == 44
    assert struct.unpack_from("<I", content, 4) == struct.unpack_from("<I", content, 40) == (0xFFFFFFFF,)
    with wave.open(io.BytesIO(content)) as reader:
        assert reader.readframes(len(samples) + 1) == samples.astype("<i2").tobytes()
    if len(samples):
        assert soundfile.read(io.BytesIO(content), dtype="int16")[0].tolist() == samples.tolist()


@pytest.mark.parametrize("data_bytes", [0, 2, 1 << 20, LARGEST_RIFF - 1])
def test_sizes_of_a_riff_file(data_bytes: int) -> None:
    header = file_header(24000, data_bytes, INFO)
    assert (header[:4], header[8:12]) == (b"RIFF", b"WAVE")
    assert struct.unpack_from("<I", header, 4) == (len(header) - 8 + data_bytes,)
    found = chunks(header)
    assert list(found) == [b"JUNK", b"fmt ", b"LIST", b"data"]
    assert found[b"data"] == struct.pack("<I", data_bytes)


@pytest.mark.parametrize("data_bytes", [LARGEST_RIFF + 1, 1 << 32, 10**12])
def test_beyond_4_gib_the_file_becomes_rf64_in_the_same_room(data_bytes: int) -> None:
    header = file_header(24000, data_bytes, INFO)
    assert len(header) == len(file_header(24000, 0, INFO))
    assert header[:12] == b"RF64\xff\xff\xff\xffWAVE"
    found = chunks(header)
    assert list(found) == [b"ds64", b"fmt ", b"LIST", b"data"]
    assert found[b"data"] == b"\xff\xff\xff\xff"
    expected = (len(header) - 8 + data_bytes, data_bytes, data_bytes // 2, 0)
    assert struct.unpack("<QQQI", found[b"ds64"]) == expected


def test_soundfile_finds_the_last_sample_of_a_five_gib_file(tmp_path: Path) -> None:
    path, data_bytes = tmp_path / "long.wav", 5 << 30
    last = np.array([1, -2, 3, -32768], "<i2")
    with path.open("wb") as file:  # a hole: no disk is taken
        file.write(file_header(24000, data_bytes, INFO))
        file.seek(data_bytes - last.nbytes, io.SEEK_CUR)
        file.write(last.tobytes())
    with soundfile.SoundFile(path) as reader:
        assert (reader.format, reader.frames, reader.samplerate) == ("RF64", data_bytes // 2, 24000)
        reader.seek(reader.frames - 4)
        assert reader.read(dtype="int16").tolist() == last.tolist()


text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@given(st.dictionaries(st.sampled_from(["ISFT", "ICMT", "INAM"]), text), st.sampled_from([0, 1 << 33]))
def test_info_comes_back(info: dict[str, str], data_bytes: int) -> None:
    assert read_info(io.BytesIO(file_header(24000, data_bytes, info))) == info


def test_soundfile_reads_the_info_too() -> None:
    with soundfile.SoundFile(io.BytesIO(file_header(24000, 0, INFO))) as reader:
        assert reader.software == "ttsflow 1.2.3"
        assert reader.comment == "odd"


@given(st.binary(max_size=300))
def test_arbitrary_bytes_have_no_info(content: bytes) -> None:
    assert read_info(io.BytesIO(content)) == {}


@given(st.binary(max_size=200), st.integers(0, 120), st.integers(0, 120))
def test_a_damaged_header_raises_nothing(noise: bytes, start: int, length: int) -> None:
    header = bytearray(file_header(24000, 100, INFO))
    header[start : start + length] = noise
    assert isinstance(read_info(io.BytesIO(bytes(header))), dict)


def test_a_chunk_that_claims_four_gib_is_not_read() -> None:
    content = b"RIFF\0\0\0\0WAVE" + b"LIST\xff\xff\xff\xffINFO" + b"ISFT\xff\xff\xff\xff" + b"x" * 100_000
    file = io.BytesIO(content)
    read_info(file)
    assert file.tell() < 8192
