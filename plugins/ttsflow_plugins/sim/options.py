"""The options of the backend `sim`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ttsflow import PluginOptions
from ttsflow_plugins.sim.faults import Fault


class SimOptions(PluginOptions):
    """The cost of the simulated engine, the resources that it claims, and its faults."""

    rtf: NonNegativeFloat = Field(
        0.1, description="cost: seconds of work per second of audio, for a chunk alone on its worker"
    )
    chunk_s: NonNegativeFloat | None = Field(
        None, description="cost: seconds of work per chunk of any length (instead of `rtf`)"
    )
    jitter: float = Field(
        0.0, ge=0, le=1, description="relative spread of the cost, by content: 0.2 is 80 % to 120 %"
    )
    load_s: NonNegativeFloat = Field(0.0, description="seconds that loading takes")
    slots: PositiveInt = Field(1, description="most chunks at a time in one worker")
    slowdown: tuple[PositiveFloat, ...] = Field(
        (1.0,),
        min_length=1,
        description="how many times slower each chunk runs when 1, 2, 3 ... chunks run at a time; "
        "linear beyond the list, so (1.0,) gains nothing from slots",
    )
    device: Literal["any", "cpu", "cuda"] = Field(
        "any", description="kind of device that it claims to need; it computes on the CPU in any case"
    )
    memory_bytes: NonNegativeInt = Field(0, description="device memory that a worker claims to take")
    slot_memory_bytes: NonNegativeInt = Field(0, description="device memory that it claims for each slot")
    memory_slots: PositiveInt | None = Field(
        None,
        description="chunks at a time for which there really is memory; one more chunk fails with "
        "CUDA out of memory",
    )
    chars_per_s: PositiveFloat = Field(15.0, description="characters per second of audio")
    audio_s: PositiveFloat | None = Field(
        None, description="seconds of audio per chunk of any text (instead of `chars_per_s`)"
    )
    sample_rate: PositiveInt = Field(24000, description="Hz")
    pieces: PositiveInt = Field(1, description="pieces in which a chunk's audio comes out")
    tone: bool = Field(
        True,
        description="every chunk gets its own tone; false: the same array for all chunks, to measure "
        "the cost of ttsflow without an engine",
    )
    max_chars: PositiveInt = Field(250, description="longest chunk, in characters")
    too_long: PositiveInt | None = Field(
        None,
        description="texts above this many characters count as too long for the model: spoken in parts",
    )
    languages: tuple[str, ...] | None = Field(None, description="language codes; unset: any")
    voices: tuple[str, ...] = Field((), description="names of voices")
    faults: tuple[Fault, ...] = Field((), description="faults to make, such as {at: 3, kind: die}")
    state_dir: Path | None = Field(
        None,
        description="folder where workers count the faults that have `times`, as a worker that dies "
        "loses its memory. Use a new folder for each run",
    )

    @model_validator(mode="after")
    def _faults_can_happen(self) -> Self:
        for fault in self.faults:
            if fault.times is not None and self.state_dir is None:
                raise ValueError("a fault with `times` needs `state_dir`, a folder to count in")
            if fault.after > self.pieces:
                raise ValueError(
                    f"a fault comes after {fault.after} pieces, but `pieces` is {self.pieces}: lower `after`"
                )
        return self
