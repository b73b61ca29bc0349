"""Compressed audio: what another reader of the files, and a listener of the streams, finds in them."""

from __future__ import annotations

import io
import resource
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ttsflow.errors import OutputError, SinkError
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.output import FORMATS, About, Chapter, Encoding, FileSink, Format, StreamSink, Tag
from ttsflow.output.pool import EncoderPool
from ttsflow.text import Details

RATE = 24000
SECONDS = 75.0
LOSSLESS = ("flac",)
COMPRESSED = [format for format in FORMATS if format.codec is not None]
WITH_CHAPTERS = ("m4b", "m4a", "mp3", "opus")
WITH_COVER = ("m4b", "m4a", "mp3", "flac")
TITLE = "Die drei ??? / \u96ea \N{SNOWMAN}"

each = pytest.mark.parametrize("format", COMPRESSED, ids=lambda format: format.name)


def picture() -> bytes:
    """A small JPEG."""
    file = io.BytesIO()
    with av.open(file, "w", format="mjpeg") as container:
        stream: Any = container.add_stream("mjpeg", rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8)).reformat(format="yuvj420p")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


ABOUT = About(
    Tag("aa", "bb"),
    Details(TITLE, "A. Author", "en", picture()),
    (Chapter("One", 0.0), Chapter("Two \u00e9", 31.25), Chapter("Three", 60.5)),
    SECONDS,
)


@pytest.fixture(scope="module")
def voice() -> NDArray[np.int16]:
    """A tone that glides up and down like a voice, over several sections of the encoder."""
    t = np.arange(round(SECONDS * RATE)) / RATE
    glide = 200 * t + 30 * np.sin(2 * np.pi * 0.3 * t)
    return np.round(9000 * np.sin(2 * np.pi * glide)).astype(np.int16)


class File(io.BytesIO):
    def beside(self) -> io.BytesIO:
        return io.BytesIO()


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation


def encoded(
    format: Format,
    voice: NDArray[np.int16],
    target: File,
    encoding: Encoding = Encoding(),  # noqa: B008
) -> bytes:
    encoder = format.open(target, RATE, ABOUT.tag, encoding, EncoderPool())
    for at in range(0, len(voice), 7777):
        encoder.write(voice[at : at + 7777].tobytes())
    encoder.finish(ABOUT)
    return target.getvalue()


def decoded(data: bytes) -> tuple[NDArray[np.float64], int]:
    """The samples, as they are heard, and their rate."""
    with av.open(io.BytesIO(data), "r") as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        samples = np.concatenate(frames).astype(np.float64)
        scale = 1 if frames[0].dtype == np.int16 else 2**15
        return samples * scale, container.streams.audio[0].rate


def noise(heard: NDArray[np.float64], voice: NDArray[np.int16]) -> NDArray[np.float64]:
    """The level of what was added, in each tenth of a second."""
    common = min(len(heard), len(voice)) // (RATE // 10) * (RATE // 10)
    wrong = (heard[:common] - voice[:common]).reshape(-1, RATE // 10)
    level: NDArray[np.float64] = np.sqrt((wrong**2).mean(axis=1))
    return level


@each
def test_a_file_is_as_long_as_its_audio(format: Format, voice: NDArray[np.int16]) -> None:
    heard, rate = decoded(encoded(format, voice, File()))
    slack = 0.0 if format.name in ("flac", "mp3") else 0.06  # AAC ends with whole frames
    assert SECONDS <= len(heard) / rate <= SECONDS + slack


@pytest.mark.parametrize("name", ["m4a", "mp3"])
def test_there_is_no_seam_between_sections(name: str, voice: NDArray[np.int16]) -> None:
    heard, rate = decoded(encoded(FORMATS.named(name), voice, File()))
    assert rate == RATE
    levels = noise(heard, voice)[15:-1]  # AAC takes a second to find out how to use its bits
    assert levels.max() < max(2 * np.median(levels), 40), "in the loudest place as in all others"


def test_flac_loses_nothing(voice: NDArray[np.int16]) -> None:
    heard, _ = decoded(encoded(FORMATS.named("flac"), voice, File()))
    assert np.array_equal(heard, voice)


@each
def test_title_author_chapters_and_cover_are_read_back(format: Format, voice: NDArray[np.int16]) -> None:
    with av.open(io.BytesIO(encoded(format, voice, File())), "r") as container:
        said = {**container.metadata, **container.streams.audio[0].metadata}
        chapters: list[Any] = container.chapters()
        covers = list(container.streams.video)
    if format.name != "aac":
        assert (said.get("title") or said.get("TITLE")) == TITLE
        assert (said.get("artist") or said.get("ARTIST")) == "A. Author"
    if format.name in WITH_CHAPTERS:
        times = [float(chapter["start"] * Fraction(chapter["time_base"])) for chapter in chapters]
        assert [chapter["metadata"]["title"] for chapter in chapters] == ["One", "Two \u00e9", "Three"]
        assert times == pytest.approx([0.0, 31.25, 60.5], abs=0.001)
    assert len(covers) == (format.name in WITH_COVER)


@pytest.mark.parametrize("name", ["m4b", "mp3"])
def test_a_file_names_its_language(name: str, voice: NDArray[np.int16]) -> None:
    with av.open(io.BytesIO(encoded(FORMATS.named(name), voice[:RATE], File())), "r") as container:
        said = {**container.metadata, **container.streams.audio[0].metadata}
    assert said["language"] == "eng"


def test_what_is_no_picture_is_no_cover(voice: NDArray[np.int16]) -> None:
    about = About(details=Details(cover=b"no picture at all"))
    target = File()
    encoder = FORMATS.named("m4b").open(target, RATE, None, Encoding(), EncoderPool())
    encoder.write(voice[:RATE].tobytes())
    encoder.finish(about)
    assert len(decoded(target.getvalue())[0]) >= RATE


@each
def test_a_stream_is_heard_as_it_is_made(format: Format, voice: NDArray[np.int16]) -> None:
    if not format.streamed:
        with pytest.raises(OutputError, match="cannot be streamed"):
            StreamSink(Pipe(), sample_rate=RATE, format=format)
        return
    pipe = Pipe()
    encoder = format.open(pipe, RATE, None, Encoding(), EncoderPool())
    encoder.write(voice[: 10 * RATE].tobytes())
    after_ten_seconds = pipe.getvalue()
    encoder.write(voice[10 * RATE : 20 * RATE].tobytes())
    encoder.finish(ABOUT)
    heard, rate = decoded(pipe.getvalue())
    assert len(heard) / rate == pytest.approx(20.0, abs=0.1)
    assert len(after_ten_seconds) > len(pipe.getvalue()) * 0.4


def test_the_same_audio_is_the_same_file(voice: NDArray[np.int16]) -> None:
    for format in COMPRESSED:
        first = encoded(format, voice[: 5 * RATE], File())
        assert (encoded(format, voice[: 5 * RATE], File()) == first) or format.name == "opus"


def test_bit_rate_and_sample_rate_can_be_chosen(voice: NDArray[np.int16]) -> None:
    small, large = (
        len(encoded(FORMATS.named("mp3"), voice, File(), Encoding(kbit_s=kbit_s))) for kbit_s in (32, 96)
    )
    assert large == pytest.approx(3 * small, rel=0.1)
    for name in ("wav", "flac", "m4b"):
        heard, rate = decoded(encoded(FORMATS.named(name), voice, File(), Encoding(sample_rate=16000)))
        assert rate == 16000
        assert len(heard) / rate == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize(
    ("name", "encoding", "said"),
    [
        ("mp3", Encoding(kbit_s=999), "bit rates from 8 to 160 kbit/s, not 999; 64 is usual"),
        ("wav", Encoding(kbit_s=64), "wav audio has no bit rate"),
        ("flac", Encoding(kbit_s=64), "flac audio has no bit rate"),
        ("mp3", Encoding(sample_rate=12345), "sample rates of 8000, .* Hz, not 12345"),
    ],
)
def test_what_a_codec_does_not_know_is_refused(name: str, encoding: Encoding, said: str) -> None:
    with pytest.raises(OutputError, match=said):
        FORMATS.named(name).check(encoding)


def write_all(sink: FileSink, voice: NDArray[np.int16]) -> None:
    for at in range(0, len(voice), RATE):
        sink.write([AudioPiece(voice[at : at + RATE].astype(np.float32) / 2**15, RATE)])
    sink.end_chunk(Outcome(ChunkJob("book", 0, "Hello."), "ok"))
    sink.finish()


@each
def test_a_full_disk_leaves_what_was_there(format: Format, voice: NDArray[np.int16], tmp_path: Path) -> None:
    """A file may be 20,000 bytes long here, and the system says so, as it does of a full disk."""
    path = tmp_path / f"book{format.suffixes[0]}"
    path.write_bytes(b"as it was")
    sink = FileSink(path, sample_rate=RATE, format=format, about=ABOUT)
    sink.open()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(SinkError, match="File too large; raise the limit"):
            write_all(sink, voice)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    sink.abort()
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"as it was"
