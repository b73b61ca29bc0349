"""Compressed audio, by the libraries of FFmpeg through PyAV: one codec in one container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

from ttsflow.errors import OutputError
from ttsflow.output.about import About, Chapter
from ttsflow.output.encoding import Encoding
from ttsflow.output.languages import three_letters
from ttsflow.output.packets import PacketFile
from ttsflow.output.pcm import frame
from ttsflow.output.pool import EncoderPool
from ttsflow.output.resampled import at_rate
from ttsflow.output.subtitles import clock
from ttsflow.output.tag import Tag

if TYPE_CHECKING:
    from ttsflow.output.encoders import Encoder, Target
    from ttsflow.output.packets import Packet

_MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec of FFmpeg, and the container that its packets go into.

    `kbit_s` is the usual bit rate for one voice, and `least` and `most` are those that can be asked for;
    a codec that loses nothing has none. `in_sections` tells whether sections of the audio can be encoded
    apart. `live_options` are those of the container of a stream, which somebody hears as it is made.
    `pictures` tells whether the container takes a cover, and `tags` where it keeps the title.
    """

    container: str
    name: str
    kbit_s: int | None = None
    least: int = 0
    most: int = 0
    in_sections: bool = True
    pictures: bool = True
    tags: Literal["file", "stream"] = "file"
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    live_options: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def check_rate(self, sample_rate: int, format: str) -> None:
        """Raise OutputError for a sample rate in Hz that the codec of this format does not know."""
        import av

        known = av.Codec(self.name, "w").audio_rates
        if known and sample_rate not in known:
            rates = ", ".join(map(str, sorted(known)))
            raise OutputError(f"{format} audio has sample rates of {rates} Hz, not {sample_rate}")

    def context(self, sample_rate: int, bit_rate: int | None) -> Any:
        """A codec that is ready for mono audio at this rate in Hz, with this bit rate in bit/s."""
        from av import CodecContext

        context: Any = CodecContext.create(self.name, "w")
        context.sample_rate, context.layout = sample_rate, "mono"
        context.format = context.codec.audio_formats[0]
        context.options = dict(self.options)
        context.time_base = Fraction(1, sample_rate)
        if bit_rate:
            context.bit_rate = bit_rate
        context.open()
        return context


class Line(Protocol):
    """Mono samples in, little-endian 16-bit, packets out, some at a time. None is the end of the audio."""

    def encode(self, samples: bytes | None) -> Iterator[list[Packet]]: ...
    def drop(self) -> None: ...


def begin(
    codec: Codec, target: Target, sample_rate: int, tag: Tag | None, encoding: Encoding, pool: EncoderPool
) -> Encoder:
    """An encoder for a file, or for a stream: a target that is not seekable."""
    import av

    known = av.Codec(codec.name, "w").audio_rates
    rate = encoding.sample_rate or _nearest(sample_rate, known)
    bit_rate = 1000 * (encoding.kbit_s or codec.kbit_s or 0)
    if target.seekable():
        return at_rate(rate, sample_rate, FileEncoder(codec, target, rate, bit_rate, pool))
    return at_rate(rate, sample_rate, StreamEncoder(codec, target, rate, bit_rate))


class FileEncoder:
    """Encodes to packets, which wait: a container begins with what is known at the end, such as chapters."""

    def __init__(self, codec: Codec, target: Target, rate: int, bit_rate: int, pool: EncoderPool) -> None:
        from ttsflow.output.sections import Sections

        self._codec, self._target = codec, target
        self._rate, self._bit_rate = rate, bit_rate
        context = codec.context(rate, bit_rate)
        self._line: Line = Sections(context, codec, pool) if codec.in_sections else Straight(context)
        self._packets = PacketFile(target.beside(), context.time_base)
        self._container: Container | None = None

    def write(self, samples: bytes) -> None:
        """Add mono samples, little-endian 16-bit."""
        self._keep(self._line.encode(samples))

    def finish(self, about: About) -> None:
        """Encode what is left, and write the file."""
        self._keep(self._line.encode(None))
        container = self._container = Container(self._codec, self._target, self._rate, self._bit_rate, about)
        for packet in self._packets:
            container.put(packet)
        container.close()
        self._packets.close()

    def drop(self) -> None:
        """Give back what it holds; the target is of no use any more."""
        self._line.drop()
        with suppress(OSError):  # what is not written yet may find no room
            self._packets.close()
        if self._container is not None:
            self._container.drop()

    def _keep(self, made: Iterator[list[Packet]]) -> None:
        for packets in made:
            self._packets.extend(packets)


class StreamEncoder:
    """Encodes to a stream, whose packets are on their way as soon as they are there."""

    def __init__(self, codec: Codec, target: Target, rate: int, bit_rate: int) -> None:
        self._container = Container(codec, target, rate, bit_rate, About(), live=True)
        self._line = Straight(self._container.context)

    def write(self, samples: bytes) -> None:
        """Add mono samples, little-endian 16-bit."""
        self._put(self._line.encode(samples))

    def finish(self, about: About) -> None:
        """Encode what is left. A stream has begun before anything could be told of it."""
        self._put(self._line.encode(None))
        self._container.close()

    def drop(self) -> None:
        """What was heard cannot be taken back."""
        self._container.drop()

    def _put(self, made: Iterator[list[Packet]]) -> None:
        for packet in chain.from_iterable(made):
            self._container.put(packet)


class Container:
    """The packets of one codec in a file or a stream, which tells of `about` what it has room for.

    `context` is the codec, at this rate in Hz and this bit rate in bit/s. What the target raises passes
    through.
    """

    def __init__(
        self, codec: Codec, target: Target, rate: int, bit_rate: int, about: About, *, live: bool = False
    ) -> None:
        import av

        # In a file packets may wait for each other, else each is a write of its own.
        timing = codec.live_options if live else {"flush_packets": "0"}
        options = {**codec.container_options, **timing}
        self._container = av.open(target, "w", format=codec.container, container_options=options)
        if live:
            self._container.flags |= int(av.container.Flags.flush_packets.value)  # type: ignore[call-overload]
        self._stream: Any = self._container.add_stream(codec.name, rate, dict(codec.options), layout="mono")
        self.context = self._stream.codec_context
        if bit_rate:
            self.context.bit_rate = bit_rate
        self._describe(about, codec)
        cover = self._picture(about.details.cover) if codec.pictures else None
        self._container.start_encoding()
        if cover is not None:
            self._container.mux(cover)

    def put(self, packet: Packet) -> None:
        """Add a packet."""
        packet.stream = self._stream
        self._container.mux(packet)

    def close(self) -> None:
        """All packets are there: complete it."""
        self._container.close()

    def drop(self) -> None:
        """Give back what it holds."""
        with suppress(Exception):  # whatever the target has to say to it
            self._container.close()

    def _describe(self, about: About, codec: Codec) -> None:
        details = about.details
        said = {
            "title": details.title,
            "album": about.album or details.title,
            "track": "{}/{}".format(*about.track) if about.track else None,
            "artist": details.author,
            "album_artist": details.author,
            "comment": about.tag.line if about.tag is not None else None,
            **codec.metadata,
        }
        tags = self._container.metadata if codec.tags == "file" else self._stream.metadata
        tags.update({name: text for name, text in said.items() if text})
        if details.language and (language := three_letters(details.language)):
            self._stream.metadata["language"] = language
            if codec.container == "mp3":  # which keeps no metadata of streams
                tags["language"] = language
        if codec.tags == "stream":  # FFmpeg's own are a second late there, from half a second on
            tags.update(_chapter_comments(about.chapters))
        elif about.chapters:
            self._container.set_chapters(_chapters(about.chapters, about.length_s))

    def _picture(self, cover: bytes | None) -> Packet | None:
        """The packet of a cover, for which there is a stream now; None for no cover, or no picture."""
        import av

        if cover is None:
            return None
        with suppress(av.FFmpegError), av.open(BytesIO(cover), "r") as pictures:
            stream = self._container.add_stream_from_template(pictures.streams.video[0])
            stream.disposition = av.stream.Disposition.attached_pic
            packet = next(pictures.demux(video=0))
            packet.stream = stream
            return packet
        return None


class Straight:
    """One codec after the other's frames: a packet comes as soon as it can."""

    def __init__(self, context: Any) -> None:
        from av import AudioResampler

        self._context = context
        self._resampler = AudioResampler(context.format, "mono", context.sample_rate, context.frame_size)

    def encode(self, samples: bytes | None) -> Iterator[list[Packet]]:
        given = None if samples is None else frame(samples, self._context.sample_rate)
        for resampled in self._resampler.resample(given):
            yield self._context.encode(resampled)
        if samples is None:
            yield self._context.encode(None)

    def drop(self) -> None:
        """It holds nothing."""


def find_tag(file: BinaryIO) -> Tag | None:
    """The tag in a file of compressed audio, of any bytes whatever."""
    try:
        import av

        with av.open(file, "r") as container:
            said = [container.metadata, *(stream.metadata for stream in container.streams)]
    except Exception:  # it may be anything, and FFmpeg may be missing
        return None
    lines = (text for metadata in said for name, text in metadata.items() if name.lower() == "comment")
    return next(filter(None, map(Tag.parse_line, lines)), None)


def _nearest(rate: int, rates: Sequence[int] | None) -> int:
    """The rate that a codec knows, of `rates`, and that loses nothing; else its highest."""
    if not rates or rate in rates:
        return rate
    return min((known for known in rates if known > rate), default=max(rates))


def _chapter_comments(chapters: Sequence[Chapter]) -> Iterator[tuple[str, str]]:
    """Chapters as Vorbis comments have them (wiki.xiph.org/Chapter_Extension)."""
    for number, chapter in enumerate(chapters):
        yield f"CHAPTER{number:03}", clock(chapter.start_s)
        yield f"CHAPTER{number:03}NAME", chapter.title


def _chapters(chapters: Sequence[Chapter], length_s: float) -> list[Any]:
    ends = [*(chapter.start_s for chapter in chapters[1:]), length_s]
    return [
        {
            "id": number,
            "start": round(1000 * chapter.start_s),
            "end": round(1000 * end),
            "time_base": _MILLISECOND,
            "metadata": {"title": chapter.title},
        }
        for number, (chapter, end) in enumerate(zip(chapters, ends, strict=True))
    ]
