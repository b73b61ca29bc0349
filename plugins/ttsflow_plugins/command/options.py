"""The options of the backend `command`: the program, what it is given, and what it gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator

from ttsflow import PluginOptions

PLACEHOLDER = re.compile(r"\{([a-z]+)\}")

FILLED = ("text", "input", "output", "voice", "language", "speed", "seed")
"""names in braces that stand for something of the chunk"""

NEEDED = {"argument": "text", "file": "input"}
"""what must stand in `argv` for each way in"""


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _as_row(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


def _as_table(value: Any) -> Any:
    return {code: code for code in value} if isinstance(value, list | tuple) else value


class VoiceRow(PluginOptions):
    """A voice: what stands for {voice}, the languages that it speaks (none: all), and what it is like."""

    value: str | None = None
    languages: tuple[str, ...] = ()
    description: str = ""


class CommandOptions(PluginOptions):
    """The program, what it is given, and what it gives."""

    argv: tuple[str, ...] = Field(
        min_length=1,
        description="the program and its arguments, in which {text}, {input}, {output}, {voice}, {language}, "
        "{speed} and {seed} are filled in; no shell reads them",
    )
    input: Literal["stdin", "file", "argument"] = Field(
        "stdin",
        description="where the text is: on standard input, in the file {input}, or in the argument {text}",
    )
    output: Literal["wav", "raw", "file"] = Field(
        "wav",
        description="where the audio is: on standard output, as a WAV or raw (16 bits, mono), or a WAV in "
        "the file {output}",
    )
    rate: int = Field(ge=4_000, le=192_000, description="Hz of the program's audio")
    folder: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None, description="folder in which the program runs; unset: the one in which ttsflow runs"
    )
    voices: dict[str, Annotated[VoiceRow, BeforeValidator(_as_row)]] = Field(
        default_factory=dict,
        description="names of voices, and what {voice} is for each: a text, or {value: ..., languages: [...]}"
        "; the first that speaks the language is the default",
    )
    languages: Annotated[dict[str, str], BeforeValidator(_as_table)] | None = Field(
        None, description="language codes, and what {language} is for each; or a list of codes; unset: any"
    )
    speed: PositiveFloat = Field(
        1.0, description="what {speed} is at the usual speed; it is multiplied by the speed of a request"
    )
    speeds: tuple[float, float] = Field(
        (0.5, 2.0), description="slowest and fastest speed, where {speed} is in argv"
    )
    limit_s: PositiveFloat = Field(
        120.0, le=3_600, description="seconds after which a program that has not ended is killed"
    )
    max_chars: int = Field(400, ge=1, le=10_000, description="longest chunk, in characters")
    min_chars: int = Field(0, ge=0, description="a piece of fewer characters joins a neighbour")
    cores: PositiveInt = Field(1, description="cores that the program keeps busy")
    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="what it computes on; with cuda, one runs on each GPU and sees that one alone"
    )
    deterministic: bool = Field(False, description="it gives the same bytes for the same chunk, whenever")

    def uses(self, name: str) -> bool:
        """Whether {name} stands in `argv`."""
        return any(name in PLACEHOLDER.findall(part) for part in self.argv)

    def spoken(self) -> tuple[str, ...] | None:
        """The languages that can be spoken; None: any."""
        if self.languages is not None:
            return tuple(self.languages)
        each = [row.languages for row in self.voices.values()]
        return tuple(dict.fromkeys(code for codes in each for code in codes)) if each and all(each) else None

    def voice_for(self, language: str) -> str | None:
        """The name of the first voice that speaks a language; None where no voice does."""
        speaking = (
            name for name, row in self.voices.items() if not row.languages or language in row.languages
        )
        return next(speaking, None)

    def speaks(self, voice: str, language: str) -> bool:
        """Whether a voice of the table speaks a language."""
        codes = self.voices[voice].languages
        return not codes or language in codes

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """What stands in `argv` is what the other options give."""
        used = [name for part in self.argv for name in PLACEHOLDER.findall(part)]
        if unknown := [name for name in used if name not in FILLED]:
            raise ValueError(f"argv has {{{unknown[0]}}}; it may have {_listed(FILLED)}")
        if PLACEHOLDER.search(self.argv[0]) or not self.argv[0]:
            raise ValueError("argv must begin with the name or the path of a program")
        if any("\0" in part for part in self.argv):
            raise ValueError("argv has a NUL character, which no argument can have")
        given = {NEEDED[self.input]} if self.input in NEEDED else set()
        given |= {"output"} if self.output == "file" else set()
        for name in ("text", "input", "output"):
            if name in given and name not in used:
                way = f"output is {self.output!r}" if name == "output" else f"input is {self.input!r}"
                raise ValueError(f"{way}, so argv must have {{{name}}} where the program expects it")
            if name in used and name not in given:
                way = "output to 'file'" if name == "output" else f"input to {_way_of(name)!r}"
                raise ValueError(f"argv has {{{name}}}; set {way}, or leave it out")
        if ("voice" in used) != bool(self.voices):
            raise ValueError("{voice} in argv and a table `voices` belong together; one of them is missing")
        if "language" in used and self.languages is None:
            raise ValueError("argv has {language}; say in `languages` what it is for each language")
        known = self.languages or {}
        for voice, row in self.voices.items():
            if self.languages is not None and (strange := set(row.languages) - known.keys()):
                raise ValueError(f"voice {voice!r} speaks {min(strange)!r}, which `languages` does not have")
        if not 0 < self.speeds[0] <= 1 <= self.speeds[1]:
            raise ValueError("speeds must be the slowest and the fastest, with 1 between them")
        return self


def _way_of(name: str) -> str:
    return next(way for way, needed in NEEDED.items() if needed == name)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)
