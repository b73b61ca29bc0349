"""The formats in which audio is written: an entry each, found by its name or by a file's suffix."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from ttsflow.errors import OutputError, UnknownNameError
from ttsflow.interface.installation import install_command
from ttsflow.output.compressed import Codec, begin, find_tag
from ttsflow.output.encoders import Encoder, PcmEncoder, Target, WavEncoder
from ttsflow.output.encoding import USUAL, Encoding
from ttsflow.output.pool import EncoderPool
from ttsflow.output.resampled import Resampled
from ttsflow.output.tag import Tag
from ttsflow.output.wav import read_info


@dataclass(frozen=True, slots=True)
class Format:
    """A format of audio. `suffixes` are those of its files, such as ".wav", in lower case, the usual first.

    `open(target, sample_rate, tag, encoding, pool)` begins an encoder of samples at a rate in Hz, which
    compresses in this pool; its file has the tag if the format can. `find_tag` reads a tag back from an
    open file, of any bytes whatever: None where none is there. It is None itself for a format whose tag is
    not read back. `streamed` tells whether the audio can go to a target that is not seekable. `codec` is that
    of a compressed format. What an entry needs beyond the standard library it imports when it is called.
    """

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Target, int, Tag | None, Encoding, EncoderPool], Encoder]
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
        other_rate, level = encoding.sample_rate is not None, encoding.loudness is not None
        if (codec is not None or other_rate or level) and find_spec("av") is None:
            what = "" if codec else " at another sample rate" if other_rate else " of some loudness"
            raise OutputError(
                f"{self.name} audio{what} needs PyAV, which is not installed: {install_command('books')}"
            )
        if codec is not None and encoding.sample_rate is not None:
            codec.check_rate(encoding.sample_rate, self.name)


def _tag_of_wav(file: BinaryIO) -> Tag | None:
    info = read_info(file)
    return Tag.parse(info.get("ISFT", ""), info.get("ICMT", ""))


def _samples(
    encoder: type[WavEncoder | PcmEncoder],
    target: Target,
    sample_rate: int,
    tag: Tag | None,
    encoding: Encoding,
    pool: EncoderPool,
) -> Encoder:
    rate = encoding.sample_rate or sample_rate
    samples = encoder(target, rate, tag)
    return samples if rate == sample_rate else Resampled(samples, sample_rate, rate)


def _compressed(name: str, suffixes: tuple[str, ...], codec: Codec, *, streamed: bool = True) -> Format:
    return Format(name, suffixes, partial(begin, codec), find_tag, streamed, codec)


_AAC = partial(Codec, "mp4", "aac", 64, 8, 128)  # "ipod" takes no cover
_MP3 = Codec("mp3", "libmp3lame", 64, 8, 160, options={"reservoir": "0"})  # each frame stands alone
_OPUS = Codec(
    "ogg",
    "libopus",
    32,
    6,
    256,
    pictures=False,
    tags="stream",
    options={"application": "voip"},
    live_options={"page_duration": "100000"},  # microseconds; pages of a second, as usual, come late
)
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

_SUFFIX = re.compile(r"\.(?=[0-9]*[a-z])[a-z0-9]+")
"""what looks like a suffix, as the ends of names such as "part.2" and "I. The Street" do not"""

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

    It is WAV if there is no suffix, or no path, as for a stream. Raises OutputError if the suffix stands for
    none, or the file would have the name of other audio than is written to it; UnknownNameError.
    """
    suffix = "" if path is None else path.suffix.lower()
    by_suffix = {suffix: format for format in FORMATS for suffix in format.suffixes}
    format = by_suffix.get(suffix, FORMATS[0]) if name is None else format_named(name)
    if path is not None and suffix in {*by_suffix, *_NOT_WRITTEN}.difference(format.suffixes):
        kind, right = suffix.removeprefix("."), path.with_suffix(format.suffixes[0])
        raise OutputError(
            f"{path} has the name of {kind} audio, and {format.name} is written; name it {right}"
        )
    if path is not None and name is None and suffix not in by_suffix and _SUFFIX.fullmatch(suffix):
        raise OutputError(
            f"{path} has no suffix that says its format; there are {', '.join(by_suffix)}. Or name the "
            f"format with `output.format: wav`"
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
