"""The formats of audio: found by name, checked against the name of a file, to files and to streams."""

import io
import wave
from pathlib import Path

import pytest

from ttsflow.errors import OutputError, PluginError, UnknownNameError
from ttsflow.output import FORMATS, WAV, About, Encoding, Format, Formats, StreamSink, Tag, read_tag
from ttsflow.output.pool import EncoderPool

RATE = 8000
SAMPLES = [bytes(range(200)), b"", b"\1\0" * 50]


class Pipe(io.BytesIO):
    """What a player reads: nothing in it can be changed any more."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation


def written(name: str, target: io.BytesIO, tag: Tag | None = None) -> bytes:
    encoder = FORMATS.named(name).open(target, RATE, tag, Encoding(), EncoderPool())
    for samples in SAMPLES:
        encoder.write(samples)
    encoder.finish(About(tag))
    return target.getvalue()


def test_every_name_and_every_suffix_is_there_once() -> None:
    suffixes = [suffix for format in FORMATS for suffix in format.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert [FORMATS.named(format.name) for format in FORMATS] == list(FORMATS)
    for format in FORMATS:
        for suffix in format.suffixes:
            for path in (Path(f"book{suffix}"), Path(f"book{suffix.upper()}")):
                assert FORMATS.of(path) is FORMATS.of(path, format.name) is format


def test_an_unknown_name_lists_the_known_ones() -> None:
    for ask in (lambda: FORMATS.named("wave"), lambda: FORMATS.of(Path("a.wav"), "wave")):
        with pytest.raises(UnknownNameError, match=r"unknown audio format 'wave'; did you mean 'wav'.*pcm"):
            ask()
    with pytest.raises(UnknownNameError, match="It is named here"):
        FORMATS.named("wave", "It is named here")


@pytest.mark.parametrize(
    ("path", "format", "right"),
    [
        ("a/book.mp3", "wav", "a/book.wav"),
        ("book.MP3", "wav", "book.wav"),
        ("book.pcm", "wav", "book.wav"),
        ("book.wma", None, "book.wav"),
        ("book.wav", "pcm", "book.pcm"),
        ("book.v2.m4b", "pcm", "book.v2.pcm"),
    ],
)
def test_a_file_is_not_named_like_other_audio(path: str, format: str | None, right: str) -> None:
    kind, written = Path(path).suffix[1:].lower(), format or "wav"
    with pytest.raises(OutputError) as caught:
        FORMATS.of(Path(path), format)
    assert (
        str(caught.value) == f"{path} has the name of {kind} audio, and {written} is written; name it {right}"
    )


@pytest.mark.parametrize("path", ["book", "book.2", "I. The Street", ".wav"])
def test_a_name_without_a_suffix_will_do(path: str) -> None:
    assert FORMATS.of(Path(path)).name == "wav"
    for format in FORMATS:
        assert FORMATS.of(Path(path), format.name) is format


@pytest.mark.parametrize("path", ["book.raw", "book.wav.part1", "a/book.txt", "book.XYZ"])
def test_a_suffix_that_says_nothing_is_refused_unless_the_format_is_named(path: str) -> None:
    with pytest.raises(OutputError) as caught:
        FORMATS.of(Path(path))
    known = ".wav, .pcm, .m4b, .m4a, .mp3, .opus, .ogg, .oga, .flac, .aac"
    assert str(caught.value) == (
        f"{path} has no suffix that says its format; there are {known}. Or name the format with "
        f"`output.format: wav`"
    )
    for format in FORMATS:
        assert FORMATS.of(Path(path), format.name) is format


def test_a_wav_file_has_its_length_and_its_tag(tmp_path: Path) -> None:
    path, tag = tmp_path / "book", Tag("aa", "bb")
    path.write_bytes(written("wav", io.BytesIO(), tag))
    with wave.open(str(path)) as reader:
        assert (reader.getframerate(), reader.getnframes()) == (RATE, 150)
        assert reader.readframes(1000) == b"".join(SAMPLES)
    assert read_tag(path) == tag
    path.write_bytes(written("wav", io.BytesIO()))
    assert read_tag(path) is None


@pytest.mark.parametrize("format", list(FORMATS), ids=lambda format: format.name)
def test_a_stream_is_written_from_front_to_back(format: Format) -> None:
    if format.streamed and format.codec is None:
        assert written(format.name, Pipe()).endswith(b"".join(SAMPLES))


def test_pcm_is_the_samples_alone() -> None:
    assert written("pcm", io.BytesIO(), Tag("aa", "bb")) == written("pcm", Pipe()) == b"".join(SAMPLES)


CHEST = Format("chest", (".chest", ".aiff"), WAV.open, streamed=False)


def test_a_format_that_cannot_be_streamed_is_refused() -> None:
    with pytest.raises(OutputError, match="chest audio cannot be streamed; name a file"):
        StreamSink(io.BytesIO(), sample_rate=RATE, format=CHEST)


def test_other_formats_are_found_as_our_own_are() -> None:
    formats = Formats((CHEST,))
    assert formats.of(Path("a.wav")) is formats.of(Path("a.wav"), "wav") is formats.of(None) is WAV
    for path in ("a.chest", "a.AIFF"):
        assert formats.of(Path(path)) is formats.of(Path(path), "chest") is CHEST
    assert formats.of(Path("book"), "chest") is formats.of(None, "chest") is formats.named("chest") is CHEST
    for path, name, right in (("a.wav", "chest", "a.chest"), ("a.chest", "wav", "a.wav")):
        with pytest.raises(OutputError, match=f"has the name of .* and {name} is written; name it {right}"):
            formats.of(Path(path), name)
    with pytest.raises(OutputError, match=r"there are \.wav.*\.aac, \.chest, \.aiff"):
        formats.of(Path("a.xyz"))


def test_two_of_one_name_or_suffix_are_told_with_who_has_them() -> None:
    one, other = (Format("chest", (f".{of}", ".chest"), WAV.open, provider=f"plugin {of}") for of in "ab")
    formats = Formats((one, other))
    for ask in (lambda: formats.named("chest"), lambda: formats.of(Path("a.chest"))):
        with pytest.raises(PluginError, match=r"two plugins write .*chest'.*: plugin a and plugin b; remove"):
            ask()
    assert formats.of(Path("a.b")) is other
    assert formats.of(Path("a.wav")) is WAV
