"""Loudness by EBU R 128, with the filters of FFmpeg: measured over the whole, then set by one gain.

One gain for all of it keeps the dynamics of speech. Where the peaks would come too near to full scale, a
limiter takes them back; it works at four times the sample rate, where the peaks between samples are seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ttsflow.output.about import About
from ttsflow.output.encoders import Encoder
from ttsflow.output.pcm import SAMPLE_BYTES, frame

LOWEST, HIGHEST = -70.0, -5.0
"""LUFS that can be asked for; below the lowest EBU R 128 takes everything for silence"""

PEAK_DB = -1.0
"""dBTP that no peak exceeds, as EBU R 128 asks for"""

_MARGIN_DB = 0.5  # of the limiter: the way back to the sample rate of the audio raises peaks a little
_OVERSAMPLED = 4
_BLOCK = 1 << 17  # bytes that a filter is given at a time

Samples = Iterable[bytes]
"""mono samples, little-endian 16-bit"""


@dataclass(frozen=True, slots=True)
class Loudness:
    """The integrated loudness in LUFS, and the true peak in dBTP, of audio with one channel."""

    lufs: float
    peak_db: float

    def __str__(self) -> str:
        return f"{self.lufs:.1f} LUFS, true peak {self.peak_db:.1f} dBTP"


@dataclass(frozen=True, slots=True)
class Gain:
    """How much louder, in dB, and whether peaks have to be limited then."""

    db: float
    limited: bool = False

    def __str__(self) -> str:
        way = "louder" if self.db >= 0.0 else "softer"
        return f"{abs(self.db):.1f} dB {way}{', peaks limited' if self.limited else ''}"


def measure(audio: Samples, sample_rate: int) -> Loudness | None:
    """The loudness of all of the audio; None where there is nothing but silence, or hardly anything."""
    said: dict[str, str] = {}
    meter = _Filter(sample_rate, ["ebur128=peak=true:metadata=1:framelog=quiet"])
    for made in meter.filtered(audio):
        said.update(made.metadata)
    lufs, peak = (float(said.get(f"lavfi.r128.{name}", 0.0)) for name in ("I", "true_peak"))
    if not said or not lufs > LOWEST or not peak > 0.0:
        return None
    return Loudness(lufs, 20.0 * math.log10(peak))


def gain_towards(lufs: float, found: Loudness, again: Callable[[], Samples], sample_rate: int) -> Gain:
    """The gain that makes audio of this loudness so loud.

    Where it needs the limiter, which makes it a little softer, `again` gives the audio once more.
    """
    gain = Gain(lufs - found.lufs, limited=found.peak_db + lufs - found.lufs > PEAK_DB)
    if not gain.limited:
        return gain
    limited = measure(_changed(again(), gain, sample_rate), sample_rate)
    return gain if limited is None else Gain(gain.db + lufs - limited.lufs, limited=True)


class Levelled:
    """Gives `encoder` samples that are louder or softer by a gain; of each sample there is one."""

    def __init__(self, encoder: Encoder, sample_rate: int, gain: Gain) -> None:
        self._encoder = encoder
        self._filter = _gain_filter(gain, sample_rate)
        self._owed = 0  # bytes that were taken and not given yet

    def write(self, samples: bytes) -> None:
        """Add mono samples, little-endian 16-bit."""
        self._owed += len(samples)
        for made in self._filter.filtered([samples], last=False):
            self._give(_bytes(made))

    def finish(self, about: About) -> None:
        """Give what the filter holds, too, and complete what was written."""
        for made in self._filter.filtered([]):
            self._give(_bytes(made))
        self._give(bytes(self._owed))
        self._encoder.finish(about)

    def drop(self) -> None:
        """Give back what the encoder holds."""
        self._encoder.drop()

    def _give(self, samples: bytes) -> None:
        samples = samples[: self._owed]
        self._owed -= len(samples)
        if samples:
            self._encoder.write(samples)


def _changed(audio: Samples, gain: Gain, sample_rate: int) -> Iterator[bytes]:
    return map(_bytes, _gain_filter(gain, sample_rate).filtered(audio))


def _gain_filter(gain: Gain, sample_rate: int) -> _Filter:
    steps = [f"volume={gain.db}dB:precision=float"]
    if gain.limited:
        limit = 10.0 ** ((PEAK_DB - _MARGIN_DB) / 20.0)
        steps += [
            f"aresample={_OVERSAMPLED * sample_rate}",
            f"alimiter=limit={limit}:attack=5:release=50:level=false:latency=true",
            f"aresample={sample_rate}",
        ]
    return _Filter(sample_rate, [*steps, "aformat=sample_fmts=s16"])


class _Filter:
    """A chain of filters of FFmpeg, for mono audio at a rate in Hz."""

    def __init__(self, sample_rate: int, steps: Iterable[str]) -> None:
        from av.filter import Graph

        self._sample_rate = sample_rate
        self._graph: Any = Graph()
        self._at = 0
        here = self._source = self._graph.add_abuffer(
            sample_rate=sample_rate, format="s16", layout="mono", time_base=Fraction(1, sample_rate)
        )
        for step in steps:
            name, _, options = step.partition("=")
            following = self._graph.add(name, options)
            here.link_to(following)
            here = following
        self._sink = self._graph.add("abuffersink")
        here.link_to(self._sink)
        self._graph.configure()

    def filtered(self, audio: Samples, *, last: bool = True) -> Iterator[Any]:
        """The frames that come of more audio; with `last`, it is the end of it."""
        for samples in audio:
            for at in range(0, len(samples), _BLOCK):
                part = samples[at : at + _BLOCK]
                taken = frame(part, self._sample_rate)
                taken.pts, taken.time_base = self._at, Fraction(1, self._sample_rate)
                self._at += len(part) // SAMPLE_BYTES
                self._source.push(taken)
                yield from self._ready()
        if last:
            self._source.push(None)
            yield from self._ready()

    def _ready(self) -> Iterator[Any]:
        import av

        while True:
            try:
                yield self._sink.pull()
            except (av.BlockingIOError, av.EOFError):  # it wants more, or has come to the end
                return


def _bytes(frame: Any) -> bytes:
    return bytes(frame.to_ndarray()[0].tobytes())
