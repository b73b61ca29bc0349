"""The options of the backend `coqui`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from ttsflow import PluginOptions


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


class CoquiOptions(PluginOptions):
    """Which model, and how it is used."""

    model: str | None = Field(
        None, description="model by its name in coqui-tts, such as tts_models/de/thorsten/vits"
    )
    model_dir: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None, description="or the folder of a model, with config.json and its checkpoint (.pth)"
    )
    vocoder_dir: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None,
        description="folder of a vocoder, for a model that needs one; unset: the one of the name",
    )
    language: str | None = Field(
        None, description="language code of a model of one language; unset: as its configuration says"
    )
    max_chars: PositiveInt = Field(250, description="longest chunk, in characters")
    threads: PositiveInt = Field(1, description="CPU threads of a worker; audio may depend on it")

    @model_validator(mode="after")
    def _name_one(self) -> Self:
        if (self.model is None) == (self.model_dir is None):
            raise ValueError("needs either `model`, a name, or `model_dir`, a folder")
        return self
