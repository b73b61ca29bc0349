"""The formats in which audio is written: an entry each, found by its name or by a file's suffix."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from ttsflow.errors import OutputError, UnknownNameError
from ttsflow.interface.installation import install_command
from ttsflow.output.about import About
from ttsflow.output.compressed import Codec, CompressedEncoder, find_tag
from ttsflow.output.encoders import Encoder, PcmEncoder, Target, WavEncoder
from ttsflow.output.encoding import USUAL, Encoding
from ttsflow.output.resampled import Resampled
from ttsflow.output.tag import Tag
from ttsflow.output.wav import read_info


@dataclass(frozen=True, slots=True)
class Format:
    """A format of audio. `suffixes` are those of its files, such as ".wav", in lower case, the usual first.

    `open(target, sample_rate, about, encoding)` begins an encoder of samples at a rate in Hz; its file
    tells of `about` what the format can. `find_tag` reads a tag back from an open file, of any bytes
    whatever: None where none is there. It is None itself for a format whose tag is not read back.
    `streamed` tells whether the audio can go to a target that is not seekable. `codec` is that of a
    compressed format. What an entry needs beyond the standard library it imports when it is called.
    """

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Target, int, About, Encoding], Encoder]
    find_tag: Callable[[BinaryIO], Tag | None] | None = None
    streamed: bool = True
    codec: Codec | None = None

    def check(self, encoding: Encoding = USUAL) -> None:
        """Raise OutputError where the format does not know such an encoding, or needs what is missing."""
        kbit_s, codec = encoding.kbit_s, self.codec
        if kbit_s is not None and (codec is None or codec.kbit_s is None):
            raise OutputError(f"{self.name} audio has no bit rate; leave it out, or choose another format")
        if kbit_s is not None and codec is not None and not codec.least <= kbit_s <= codec.most:
            raise OutputError(
                f"{self.name} audio has bit rates from {codec.least} to {codec.most} kbit/s, not {kbit_s}; "
                f"{codec.kbit_s} is usual for speech"
            )
        if (codec is not None or encoding.sample_rate is not None) and find_spec("av") is None:
            raise OutputError(
                f"{self.name} audio{'' if codec else ' at another sample rate'} needs PyAV, which is not "
                f"installed: {install_command('books')}"
            )
        if codec is not None and encoding.sample_rate is not None:
            codec.check_rate(encoding.sample_rate, self.name)


def _tag_of_wav(file: BinaryIO) -> Tag | None:
    info = read_info(file)
    return Tag.parse(info.get("ISFT", ""), info.get("ICMT", ""))


def _samples(
    encoder: type[WavEncoder | PcmEncoder], target: Target, sample_rate: int, about: About, encoding: Encoding
) -> Encoder:
    rate = encoding.sample_rate or sample_rate
    samples = encoder(target, rate, about, encoding)
    return samples if rate == sample_rate else Resampled(samples, sample_rate, rate)


def _compressed(name: str, suffixes: tuple[str, ...], codec: Codec, *, streamed: bool = True) -> Format:
    return Format(name, suffixes, partial(CompressedEncoder, codec=codec), find_tag, streamed, codec)


_AAC = partial(Codec, "mp4", "aac", 64, 8, 128)  # "ipod" takes no cover
_MP3 = Codec("mp3", "libmp3lame", 64, 8, 160, options={"reservoir": "0"})  # each frame stands alone
_OPUS = Codec("ogg", "libopus", 32, 6, 256, pictures=False, tags="stream", options={"application": "voip"})
_FLAC = Codec("flac", "flac", in_sections=False)
_BOOK = {"genre": "Audiobook", "media_type": "2"}  # iTunes: kind of media 2 is an audiobook

FORMATS = (
    Format("wav", (".wav",), partial(_samples, WavEncoder), _tag_of_wav),
    Format("pcm", (".pcm",), partial(_samples, PcmEncoder)),
    _compressed("m4b", (".m4b",), _AAC(container_options={"brand": "M4B "}, metadata=_BOOK), streamed=False),
    _compressed("m4a", (".m4a",), _AAC(container_options={"brand": "M4A "}), streamed=False),
    _compressed("mp3", (".mp3",), _MP3),
    _compressed("opus", (".opus", ".ogg", ".oga"), _OPUS),
    _compressed("flac", (".flac",), _FLAC),
    _compressed("aac", (".aac",), Codec("adts", "aac", 64, 8, 128, pictures=False)),
)

_NOT_WRITTEN = (".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".mka", ".mp4", ".webm", ".wma")
"""Suffixes of other audio: a file with such a name would be taken for what it is not."""


def format_named(name: str) -> Format:
    """The format called `name`. Raises UnknownNameError, which lists the known ones."""
    for format in FORMATS:
        if format.name == name:
            return format
    raise UnknownNameError("audio format", name, [format.name for format in FORMATS])


def format_for(path: Path | None, name: str | None = None) -> Format:
    """The format of the audio at `path`: the one called `name`, or else the one that the suffix stands for.

    It is WAV if the suffix stands for none, or there is no path, as for a stream. Raises OutputError if
    the file would have the name of other audio than is written to it; UnknownNameError.
    """
    suffix = "" if path is None else path.suffix.lower()
    by_suffix = {suffix: format for format in FORMATS for suffix in format.suffixes}
    format = by_suffix.get(suffix, FORMATS[0]) if name is None else format_named(name)
    if path is not None and suffix in {*by_suffix, *_NOT_WRITTEN}.difference(format.suffixes):
        kind, right = suffix.removeprefix("."), path.with_suffix(format.suffixes[0])
        raise OutputError(
            f"{path} has the name of {kind} audio, and {format.name} is written; name it {right}"
        )
    return format


def read_tag(path: Path) -> Tag | None:
    """The tag in the file at `path`, whatever its format; None for a file without one, or no file at all."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None  # opening a named pipe would wait for its writer
        with path.open("rb") as file:
            for find in dict.fromkeys(filter(None, (format.find_tag for format in FORMATS))):
                file.seek(0)
                if (tag := find(file)) is not None:
                    return tag
    except OSError:
        pass
    return None
