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

    If an option is None, the value of the same name in the checkpoint's config.json is used.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    model_dir: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="folder with config.json, model.pth, vocab.json and speakers_xtts.pth"
    )
    model: str = Field(default=PUBLISHED, description="model to download if model_dir is not set")
    slots: PositiveInt = Field(default=4, description="most chunks at a time in one worker")
    cache_tokens: PositiveInt | None = Field(
        default=None,
        description="most tokens of text and speech that all slots of a worker hold together; "
        "a chunk that finds no room waits. None: room for the greatest length in every slot",
    )
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32",
        description="number format of the GPT, and with bfloat16, where it is faster, of the vocoder; "
        "bfloat16 and float16: half the memory, not reproducible",
    )
    graphs: bool = Field(default=True, description="on a GPU, record the steps of the GPT as CUDA graphs")
    threads: PositiveInt = Field(default=1, description="CPU threads of a worker; audio may depend on it")
    temperature: PositiveFloat | None = Field(
        default=None, description="sampling temperature; lower is more even"
    )
    top_k: NonNegativeInt | None = Field(default=None, description="sample among the k most likely codes")
    top_p: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="sample among the most likely codes whose probabilities add up to this value",
    )
    repetition_penalty: PositiveFloat | None = Field(
        default=None, description="penalty for codes that repeat; 1 is none"
    )
    length_penalty: float | None = Field(
        default=None, description="with beam search: above 0 favours longer speech"
    )
    do_sample: bool = Field(default=True, description="sample; false: always take the most likely code")
    num_beams: PositiveInt = Field(
        default=1, description="number of beams; 1 is no beam search, more allows only one chunk at a time"
    )
    speed: float = Field(default=1.0, ge=0.05, description="speaking speed, relative to the voice's own")
    max_ref_len: PositiveInt | None = Field(
        default=None, description="seconds of each recording that are used"
    )
    gpt_cond_len: PositiveInt | None = Field(
        default=None, description="seconds of reference audio for the manner of speaking"
    )
    gpt_cond_chunk_len: PositiveInt | None = Field(
        default=None, description="length, in seconds, of the sections into which these are divided"
    )
    sound_norm_refs: bool | None = Field(
        default=None, description="bring reference audio to the same loudness"
    )

    @model_validator(mode="after")
    def _beams_are_float32(self) -> Self:
        if self.num_beams > 1 and self.dtype != "float32":
            raise ValueError(
                "num_beams above 1 goes through upstream's inference(), in float32: leave dtype out"
            )
        return self

    def slot_tokens(self, greatest: int) -> int:
        """Tokens of the KV cache that each slot adds after the first, which can hold a `greatest` chunk."""
        if self.cache_tokens is None or self.slots == 1:
            return greatest
        return min(max(self.cache_tokens - greatest, 0) // (self.slots - 1), greatest)

    def cache_size(self, slots: int, greatest: int) -> int:
        """Tokens of the KV cache of a worker with so many slots; at least one `greatest` chunk fits."""
        return greatest + (slots - 1) * self.slot_tokens(greatest)

    def overrides(self) -> dict[str, object]:
        """The options that replace the values of the same name in the checkpoint's config.json."""
        return self.model_dump(include=_IN_CONFIG, exclude_none=True)


_IN_CONFIG = {
    "temperature", "top_k", "top_p", "repetition_penalty", "length_penalty",
    "max_ref_len", "gpt_cond_len", "gpt_cond_chunk_len", "sound_norm_refs",
}  # fmt: skip
