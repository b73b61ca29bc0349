"""The options of the backend `xtts`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from ttsflow import PluginOptions
from ttsflow_plugins.xtts.download import PUBLISHED


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


class XttsOptions(PluginOptions):
    """Where the model is, how it runs, and how it speaks.

    An option that is None by default leaves the value of the same name in the checkpoint's
    config.json as it is.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    model_dir: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="folder with config.json, model.pth, vocab.json and speakers_xtts.pth"
    )
    model: str = Field(default=PUBLISHED, description="model to download where no model_dir is given")
    slots: PositiveInt = Field(default=4, description="most chunks at a time in one worker")
    dtype: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of the GPT; bfloat16 is half the memory, faster, and not reproducible"
    )
    threads: PositiveInt = Field(default=1, description="CPU threads of a worker; audio may depend on it")
    temperature: PositiveFloat | None = Field(default=None, description="of the sampling; lower is more even")
    top_k: NonNegativeInt | None = Field(default=None, description="sample among the k likeliest codes")
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="sample among the codes of this probability"
    )
    repetition_penalty: PositiveFloat | None = Field(
        default=None, description="against codes that repeat; 1 is none"
    )
    length_penalty: float | None = Field(
        default=None, description="with beams: above 0 favours longer speech"
    )
    do_sample: bool = Field(default=True, description="sample; else always take the likeliest code")
    num_beams: PositiveInt = Field(
        default=1, description="beams of the search; 1 is none, more is one chunk at a time"
    )
    speed: float = Field(default=1.0, ge=0.05, description="of speaking, relative to the voice's own")
    max_ref_len: PositiveInt | None = Field(
        default=None, description="seconds of reference audio that are used"
    )
    gpt_cond_len: PositiveInt | None = Field(default=None, description="seconds of it that shape the manner")
    gpt_cond_chunk_len: PositiveInt | None = Field(
        default=None, description="seconds of each stretch of those"
    )
    sound_norm_refs: bool | None = Field(default=None, description="bring reference audio to one loudness")

    @model_validator(mode="after")
    def _beams_are_float32(self) -> Self:
        if self.num_beams > 1 and self.dtype != "float32":
            raise ValueError(
                "num_beams above 1 goes through upstream's inference(), in float32: leave dtype out"
            )
        return self

    def overrides(self) -> dict[str, object]:
        """What takes the place of the values of the same name in the checkpoint's config.json."""
        return self.model_dump(include=_IN_CONFIG, exclude_none=True)


_IN_CONFIG = {
    "temperature", "top_k", "top_p", "repetition_penalty", "length_penalty",
    "max_ref_len", "gpt_cond_len", "gpt_cond_chunk_len", "sound_norm_refs",
}  # fmt: skip
