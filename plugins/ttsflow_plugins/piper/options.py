"""The options of the backend `piper`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ttsflow import PluginOptions


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


OneModel = Annotated[Path, AfterValidator(_absolute)]


class PiperOptions(PluginOptions):
    """Which voices, and how they speak. If an option is None, the voice's own value is used."""

    model: OneModel | tuple[OneModel, ...] = Field(
        (),
        description="path (.onnx) or name of a voice, such as en_US-lessac-medium; or a list of voices of "
        "one sample rate; unset: the only one that is there",
    )
    length_scale: PositiveFloat | None = Field(None, description="how long sounds are: 2 is half the speed")
    noise_scale: NonNegativeFloat | None = Field(None, description="variation of the voice; 0 is none")
    noise_w_scale: NonNegativeFloat | None = Field(None, description="variation of the rhythm; 0 is none")
    reproducible: bool = Field(
        False,
        description="the same chunk gives the same audio: the model is loaded anew for each, in 0.3 s",
    )
    threads: PositiveInt = Field(1, description="CPU threads of a worker")

    @property
    def wanted(self) -> tuple[Path, ...]:
        """The voices that are named."""
        return (self.model,) if isinstance(self.model, Path) else self.model
