"""The profile file: YAML with the costs of engines, each for one kind of device, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, Strict, field_validator, model_validator

from ttsflow.config.yamlfile import read_yaml
from ttsflow.errors import OutputError
from ttsflow.interface.validation import Section, validate

Positive = Annotated[float, Field(gt=0.0, le=1e9)]
Whole = Annotated[int, Field(ge=1, le=10_000)]
Name = Annotated[str, Field(min_length=1)]
Curve = Annotated[tuple[Positive, ...], Strict(False), Field(min_length=1)]


class Costs(Section):
    """What an engine costs on a device; what is left out is as the engine itself says."""

    rtf: Positive | None = None
    """seconds of work for a second of audio, one chunk alone"""
    chars_per_s: dict[Name, Positive] | None = None
    """characters in a second of audio, by language"""
    slots: Whole | None = None
    """the most chunks that one worker was seen to speak at a time"""
    slowdown: Curve | None = None
    """s(k): how many times longer each of k chunks takes in one worker; the first is 1"""
    workers: Curve | None = None
    """the same for k workers of one device, each with one chunk"""
    load_s: Annotated[float, Field(ge=0.0, le=1e9)] | None = None
    """seconds until a worker has loaded its model"""
    first_piece: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """share of a chunk's work after which its first piece is there"""
    memory_mb: Annotated[float, Field(ge=0.0, le=1e9)] | None = None
    """memory of a worker without its slots, in 1,000,000 bytes; of the device, or of the machine on a CPU"""
    slot_memory_mb: Annotated[float, Field(ge=0.0, le=1e9)] | None = None
    """what each slot adds to it"""
    cores: Whole | None = None
    """cores that a worker keeps busy on a CPU"""

    @field_validator("slowdown", "workers")
    @classmethod
    def _can_be(cls, curve: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if curve is None:
            return None
        if curve[0] != 1.0:
            raise ValueError("must start with 1: how long one chunk takes alone")
        if any(later < earlier for earlier, later in pairwise(curve)):
            raise ValueError("must not fall: with more at a time none gets quicker")
        return curve


class Measured(Section):
    """The costs of one engine on one kind of device."""

    backend: Name
    """name of the engine"""
    device: Name
    """kind of the device: cuda, mps, cpu or remote"""
    name: str = ""
    """the device's name, as `ttsflow devices` shows it"""
    source: Name
    """where the numbers come from"""
    sources: Mapping[str, Name] = Field(default_factory=dict)
    """for single numbers, where they come from another source"""
    costs: Costs
    """the numbers"""

    @model_validator(mode="after")
    def _sources_of_numbers(self) -> Measured:
        for key in self.sources:
            if getattr(self.costs, key, None) is None:
                raise ValueError(f"has a source for {key!r}, which is not among its costs")
        return self


class ProfileFile(Section):
    """A whole file."""

    version: Literal[1]
    """version of this format"""
    profiles: Annotated[tuple[Measured, ...], Strict(False)]
    """one for each engine and kind of device"""

    @field_validator("profiles")
    @classmethod
    def _says_something(cls, profiles: tuple[Measured, ...]) -> tuple[Measured, ...]:
        if not profiles:
            raise ValueError("is empty; it needs the costs of an engine")
        return profiles


def read_profiles(path: Path) -> ProfileFile:
    """Read a profile file. Raises ConfigError that names the line of each mistake."""
    read = read_yaml(path, str(path))

    def where(at: tuple[str | int, ...]) -> str:
        while at and at not in read.lines:
            at = at[:-1]
        return f"{path}, line {read.lines.get(at, 1)}"

    return validate(ProfileFile, read.data, where)


def write_profiles(path: Path, profiles: Sequence[Measured], comment: str) -> None:
    """Write a profile file that begins with a comment, in place of what is there. Raises OutputError."""
    try:
        path.write_text(as_yaml(profiles, comment), "utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot write the profile {path}: {error.strerror}; choose another file"
        ) from error


def as_yaml(profiles: Sequence[Measured], comment: str = "") -> str:
    """The text of a profile file that begins with a comment."""
    data: dict[str, Any] = {
        "version": 1,
        "profiles": [profile.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
                     for profile in profiles],
    }  # fmt: skip
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    return lines + yaml.safe_dump(
        data, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    )
