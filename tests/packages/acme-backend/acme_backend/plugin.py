"""What the entry point names: it imports nothing heavy before a worker loads the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import PositiveFloat

from ttsflow import AudioPiece, Backend, ChunkJob, Device, PluginOptions, Profile, hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Hum(Backend):
    """A hum, a tenth of a second for each character."""

    name = "hum"

    class Options(PluginOptions):
        pitch_hz: PositiveFloat = 220.0
        """frequency of the hum, in Hz"""

    options: Options

    _hum: NDArray[np.float32]

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        return Profile(backend=cls.name, sample_rate=8000, chars_per_s=10.0, deterministic=True)

    def load(self, device: Device, slots: int) -> None:
        import numpy as np

        seconds = np.arange(800) / 8000
        self._hum = (0.1 * np.sin(2 * np.pi * self.options.pitch_hz * seconds)).astype(np.float32)

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        for _ in job.text:
            yield AudioPiece(self._hum, 8000)


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Hum]
