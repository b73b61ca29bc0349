"""The formats in which audio is written: an entry each, found by its name or by a file's suffix."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ttsflow.errors import OutputError, UnknownNameError
from ttsflow.output.encoders import Encoder, PcmEncoder, Target, WavEncoder
from ttsflow.output.tag import Tag
from ttsflow.output.wav import read_info


@dataclass(frozen=True, slots=True)
class Format:
    """A format of audio. `suffixes` are those of its files, such as ".wav", in lower case, the usual first.

    `open(target, sample_rate, tag)` begins an encoder; its file carries `tag` where the format can.
    `find_tag` reads a tag back from an open file, of any bytes whatever: None where none is there.
    It is None itself for a format that carries none. `streamed` tells whether the audio can go to a
    target that is not seekable. What an entry needs beyond the standard library it imports when it
    is called.
    """

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Target, int, Tag | None], Encoder]
    find_tag: Callable[[BinaryIO], Tag | None] | None = None
    streamed: bool = True


def _tag_of_wav(file: BinaryIO) -> Tag | None:
    info = read_info(file)
    return Tag.parse(info.get("ISFT", ""), info.get("ICMT", ""))


FORMATS = (
    Format("wav", (".wav",), WavEncoder, _tag_of_wav),
    Format("pcm", (".pcm",), PcmEncoder),
)

_NOT_WRITTEN = (".aac", ".flac", ".m4a", ".m4b", ".mp3", ".ogg", ".opus")
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
            for find_tag in filter(None, (format.find_tag for format in FORMATS)):
                file.seek(0)
                if (tag := find_tag(file)) is not None:
                    return tag
    except OSError:
        pass
    return None
