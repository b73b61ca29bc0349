"""The options of the backend `sim`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ttsflow import PluginOptions
from ttsflow_plugins.sim.faults import Fault


class SimOptions(PluginOptions):
    """What the stand-in costs, what it claims to need, and what goes wrong."""

    rtf: NonNegativeFloat = Field(
        0.1, description="cost: seconds of work per second of audio, for a chunk alone on its worker"
    )
    chunk_s: NonNegativeFloat | None = Field(
        None, description="cost: seconds of work per chunk, whatever its length (instead of `rtf`)"
    )
    jitter: float = Field(
        0.0, ge=0, le=1, description="relative spread of the cost: 0.2 is 80 % to 120 %, by content"
    )
    load_s: NonNegativeFloat = Field(0.0, description="seconds that loading takes")
    slots: PositiveInt = Field(1, description="most chunks at a time in one worker")
    slowdown: tuple[PositiveFloat, ...] = Field(
        (1.0,),
        min_length=1,
        description="how many times slower each of 1, 2, 3 ... chunks at a time runs; beyond the "
        "table linear, so that (1.0,) gains nothing from slots",
    )
    device: Literal["any", "cpu", "cuda"] = Field(
        "any", description="the kind of device it needs; on a GPU too it works on the CPU only"
    )
    memory_bytes: NonNegativeInt = Field(0, description="device memory that a worker claims to take")
    slot_memory_bytes: NonNegativeInt = Field(0, description="the same for each slot, on top")
    memory_slots: PositiveInt | None = Field(
        None,
        description="chunks at a time that its memory really has room for; one more finds it full "
        "(CUDA out of memory)",
    )
    chars_per_s: PositiveFloat = Field(15.0, description="characters in a second of audio")
    audio_s: PositiveFloat | None = Field(
        None, description="seconds of audio per chunk, whatever its text (instead of `chars_per_s`)"
    )
    sample_rate: PositiveInt = Field(24000, description="Hz")
    pieces: PositiveInt = Field(1, description="pieces in which a chunk's audio comes out")
    tone: bool = Field(
        True,
        description="a tone of its own for every chunk; false hands out one array again and again, "
        "for measuring what is around the engine",
    )
    max_chars: PositiveInt = Field(250, description="longest chunk, in characters")
    too_long: PositiveInt | None = Field(
        None,
        description="texts above this many characters are too long for its model and are spoken in parts",
    )
    languages: tuple[str, ...] | None = Field(None, description="language codes; unset is any")
    voices: tuple[str, ...] = Field((), description="names of voices")
    faults: tuple[Fault, ...] = Field((), description="what goes wrong")
    state_dir: Path | None = Field(
        None,
        description="folder where workers count the faults that have a number of `times`: a worker "
        "that dies takes its memory with it. Use a fresh one for each run",
    )

    @model_validator(mode="after")
    def _faults_can_happen(self) -> Self:
        for fault in self.faults:
            if fault.times is not None and self.state_dir is None:
                raise ValueError("a fault with `times` needs `state_dir`, a folder to count in")
            if fault.after > self.pieces:
                raise ValueError(f"a fault after {fault.after} pieces: `pieces` is {self.pieces}")
        return self
