"""The formats in which audio is written: an entry each, found by its name or by a file's suffix."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from ttsflow.errors import OutputError, PluginError, UnknownNameError
from ttsflow.interface.installation import install_command
from ttsflow.output.compressed import Codec, begin, find_tag
from ttsflow.output.encoders import Encoder, PcmEncoder, Target, WavEncoder
from ttsflow.output.encoding import USUAL, Encoding
from ttsflow.output.pool import EncoderPool
from ttsflow.output.resampled import at_rate
from ttsflow.output.tag import Tag
from ttsflow.output.wav import read_info
from ttsflow.text.readers import is_suffix


@dataclass(frozen=True, slots=True)
class Format:
    """A format of audio. `suffixes` are those of its files, such as ".wav", in lower case, the usual first.

    `open(target, sample_rate, tag, encoding, pool)` begins an encoder of samples at a rate in Hz, which
    compresses in this pool; its file has the tag if the format can. `find_tag` reads a tag back from an
    open file, of any bytes whatever: None where none is there. It is None itself for a format whose tag is
    not read back. `streamed` tells whether the audio can go to a target that is not seekable. `codec` is that
    of a compressed format. `bit_rates` are the least and the greatest in kbit/s; None for a format without.
    `is_plain` tells whether encoding takes no time to speak of, and the file tells nothing of its audio.
    `provider` is the plugin that it is of.
    What an entry needs beyond the standard library it imports when it is called.
    """

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Target, int, Tag | None, Encoding, EncoderPool], Encoder]
    find_tag: Callable[[BinaryIO], Tag | None] | None = None
    streamed: bool = True
    codec: Codec | None = None
    bit_rates: tuple[int, int] | None = None
    is_plain: bool = False
    provider: str = ""

    def check(self, encoding: Encoding = USUAL) -> None:
        """Raise OutputError where the format does not know such an encoding, or needs what is missing."""
        kbit_s, codec = encoding.kbit_s, self.codec
        if kbit_s is not None:
            if self.bit_rates is None:
                raise OutputError(
                    f"{self.name} audio has no bit rate; leave it out, or choose another format"
                )
            least, most = self.bit_rates
            if not least <= kbit_s <= most:
                usual = "" if codec is None else f"; {codec.kbit_s} is usual for speech"
                raise OutputError(
                    f"{self.name} audio has bit rates from {least} to {most} kbit/s, not {kbit_s}{usual}"
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


def _plain(
    encoder: type[WavEncoder | PcmEncoder],
    target: Target,
    sample_rate: int,
    tag: Tag | None,
    encoding: Encoding,
    pool: EncoderPool,
) -> Encoder:
    return at_rate_asked(encoding, sample_rate, lambda rate: encoder(target, rate, tag))


def at_rate_asked(encoding: Encoding, sample_rate: int, begin: Callable[[int], Encoder]) -> Encoder:
    """What `begin` makes for the sample rate in Hz that is asked for; it takes samples at the other one."""
    rate = encoding.sample_rate or sample_rate
    return at_rate(rate, sample_rate, begin(rate))


def _compressed(name: str, suffixes: tuple[str, ...], codec: Codec, *, streamed: bool = True) -> Format:
    bit_rates = None if codec.kbit_s is None else (codec.least, codec.most)
    return Format(name, suffixes, partial(begin, codec), find_tag, streamed, codec, bit_rates)


# The usual coder of FFmpeg takes 3.3 times as long. Ten minutes of speech at 64 kbit/s: 3.8 and 1.15 s,
# the signal 23.6 and 25.6 dB above its noise, 5.0 and 4.7 MB.
_FAST_AAC = {"aac_coder": "fast"}
_AAC = partial(Codec, "mp4", "aac", 64, 8, 128, options=_FAST_AAC)  # "ipod" takes no cover
# Each frame stands alone. LAME's usual quality, 3, takes 1.2 times as long; its noise is less by 0.3 dB.
_MP3 = Codec("mp3", "libmp3lame", 64, 8, 160, options={"reservoir": "0", "compression_level": "5"})
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

WAV = Format("wav", (".wav",), partial(_plain, WavEncoder), _tag_of_wav, is_plain=True)
OWN = (
    WAV,
    Format("pcm", (".pcm",), partial(_plain, PcmEncoder), is_plain=True),
    _compressed("m4b", (".m4b",), _AAC(container_options={"brand": "M4B "}, metadata=_BOOK), streamed=False),
    _compressed("m4a", (".m4a",), _AAC(container_options={"brand": "M4A "}), streamed=False),
    _compressed("mp3", (".mp3",), _MP3),
    _compressed("opus", (".opus", ".ogg", ".oga"), _OPUS),
    _compressed("flac", (".flac",), _FLAC),
    _compressed("aac", (".aac",), Codec("adts", "aac", 64, 8, 128, pictures=False, options=_FAST_AAC)),
)
"""the formats of this program"""

_NOT_WRITTEN = (".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".mka", ".mp4", ".webm", ".wma")
"""Suffixes of other audio: a file with such a name would be taken for what it is not."""


@dataclass(frozen=True, slots=True)
class Formats:
    """The formats that can be written: those of this program and `others`, such as those of plugins."""

    others: tuple[Format, ...] = ()

    def __iter__(self) -> Iterator[Format]:
        yield from OWN
        yield from self.others

    def over(self, others: Formats) -> Formats:
        """These, and those of `others` that have neither a name nor a suffix of one of these."""
        names, suffixes = {format.name for format in self}, set(self.suffixes)
        more = [each for each in others if each.name not in names and suffixes.isdisjoint(each.suffixes)]
        return Formats((*self.others, *more))

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of all of them."""
        return tuple(suffix for format in self for suffix in format.suffixes)

    def named(self, name: str, hint: str = "") -> Format:
        """The format called `name`.

        Raises UnknownNameError with the known ones, which ends with `hint`, and PluginError where two plugins
        claim the name.
        """
        if (found := _only(name, [format for format in self if format.name == name])) is not None:
            return found
        raise UnknownNameError("audio format", name, [format.name for format in self], hint)

    def with_suffix(self, suffix: str) -> Format | None:
        """The format that a suffix in lower case stands for; None where it stands for none.

        Raises PluginError where two plugins claim it.
        """
        return _only(suffix, [format for format in self if suffix in format.suffixes])

    def of(self, path: Path | None, name: str | None = None) -> Format:
        """The format of the audio at `path`: the one called `name`, or else that which the suffix stands for.

        It is WAV if there is no suffix, or no path, as for a stream. Raises OutputError if the suffix stands
        for none, or the file would have the name of other audio than is written to it; UnknownNameError.
        """
        named = None if name is None else self.named(name)
        suffix = "" if path is None else path.suffix.lower()
        if path is None or not suffix or (named is not None and suffix in named.suffixes):
            return named or WAV
        meant = self.with_suffix(suffix)
        if named is not None:
            if meant is not None or suffix in _NOT_WRITTEN:
                raise _misleading(path, named)
            return named
        if meant is None and suffix in _NOT_WRITTEN:
            raise _misleading(path, WAV)
        if meant is None and is_suffix(suffix):
            raise OutputError(
                f"{path} has no suffix that says its format; there are {', '.join(self.suffixes)}. Or name "
                f"the format with `output.format: wav`"
            )
        return meant or WAV


FORMATS = Formats()
"""those of this program alone"""


def _only(asked: str, found: Sequence[Format]) -> Format | None:
    if len(found) > 1:
        raise PluginError.of_two(f"write {asked!r}", (format.provider for format in found))
    return found[0] if found else None


def _misleading(path: Path, format: Format) -> OutputError:
    kind, right = path.suffix.lower().removeprefix("."), path.with_suffix(format.suffixes[0])
    return OutputError(f"{path} has the name of {kind} audio, and {format.name} is written; name it {right}")


def read_tag(path: Path) -> Tag | None:
    """The tag in the file at `path`, whatever its format; None for a file without one, or no file at all."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None  # opening a named pipe would wait for its writer
        with path.open("rb") as file:
            for find in dict.fromkeys(filter(None, (format.find_tag for format in OWN))):
                file.seek(0)
                if (tag := find(file)) is not None:
                    return tag
    except OSError:
        pass
    return None
