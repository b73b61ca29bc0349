"""Another sample rate than the engine's, for formats whose encoder takes samples as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ttsflow.output.about import About
from ttsflow.output.encoders import Encoder
from ttsflow.output.pcm import frame

if TYPE_CHECKING:
    from av import AudioFrame


def at_rate(rate: int, sample_rate: int, encoder: Encoder) -> Encoder:
    """An encoder that takes samples at `sample_rate` Hz, made of one that is at `rate` Hz."""
    return encoder if rate == sample_rate else Resampled(encoder, sample_rate, rate)


class Resampled:
    """Gives `encoder`, which is at `rate` Hz, samples that come at `sample_rate` Hz."""

    def __init__(self, encoder: Encoder, sample_rate: int, rate: int) -> None:
        from av import AudioResampler

        self._encoder, self._sample_rate = encoder, sample_rate
        self._resampler = AudioResampler("s16", "mono", rate)

    def write(self, samples: bytes) -> None:
        """Add mono samples, little-endian 16-bit."""
        self._pass_on(frame(samples, self._sample_rate))

    def finish(self, about: About) -> None:
        """Give what the resampler holds, too, and complete what was written."""
        self._pass_on(None)
        self._encoder.finish(about)

    def drop(self) -> None:
        """Give back what the encoder holds."""
        self._encoder.drop()

    def _pass_on(self, frame: AudioFrame | None) -> None:
        for resampled in self._resampler.resample(frame):
            self._encoder.write(resampled.to_ndarray()[0].tobytes())
