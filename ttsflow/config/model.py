"""The configuration: one schema for every YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Strict,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from ttsflow.interface.validation import Seconds, Section, Silence
from ttsflow.output.encoding import Encoding
from ttsflow.output.formats import FORMATS
from ttsflow.scheduler.limits import Limits
from ttsflow.text.encodings import is_text_encoding
from ttsflow.text.options import EncodingErrors, Lines, MarkdownOptions, ReadOptions
from ttsflow.text.readers import READERS

Name = Annotated[str, Field(min_length=1)]
Options = dict[str, Any]
# A YAML file holds paths as text and tuples as lists.
FilePath = Annotated[Path, Strict(False)]
FilePaths = Annotated[tuple[FilePath, ...], Strict(False), Field(min_length=1)]
Names = Annotated[tuple[Name, ...], Strict(False), Field(min_length=1)]


def _one_of(names: Sequence[str]) -> tuple[AfterValidator, FieldInfo]:
    """Allows only these names, here and in the JSON Schema."""

    def check(name: str) -> str:
        if name not in names:
            raise PydanticCustomError(
                "one_of", "Input should be {names}", {"names": " or ".join(map(repr, names))}
            )
        return name

    return AfterValidator(check), Field(json_schema_extra={"enum": [*names]})


OutputFormat = Annotated[str, *_one_of([format.name for format in FORMATS])]
InputFormat = Annotated[str, *_one_of([reader.name for reader in READERS])]


def count_gpus(gpus: int) -> str:
    """A number of GPUs in words."""
    return "no GPU" if gpus == 0 else "1 GPU" if gpus == 1 else f"{gpus} GPUs"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the choice of a policy may hang on.

    `gpus` counts the GPUs that the backend can use. `listening`: somebody hears the audio as it is made, and
    does not wait for a file. `slots` is how many chunks a worker of the backend can speak at a time.
    """

    gpus: int
    listening: bool = False
    slots: int = 1

    def __str__(self) -> str:
        """For a person: "1 GPU, a listener, 4 slots"."""
        slots = "1 slot" if self.slots == 1 else f"{self.slots} slots"
        return f"{count_gpus(self.gpus)}, {_listener(self.listening)}, {slots}"


class When(Section):
    """The condition of a rule: all given values must hold."""

    gpus: NonNegativeInt | None = None
    """exactly this number of GPUs that the backend can use"""
    gpus_min: NonNegativeInt | None = None
    """this number of GPUs or more"""
    gpus_max: NonNegativeInt | None = None
    """this number of GPUs or fewer"""
    listening: bool | None = None
    """somebody hears the audio as it is made (true), or waits for a file (false)"""
    slots_min: PositiveInt | None = None
    """a worker of the backend can speak this many chunks at a time, or more"""

    @model_validator(mode="after")
    def _says_something(self) -> When:
        if all(value is None for value in self.model_dump().values()):
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"needs one of {known}; leave `when` out for a rule that always holds")
        return self

    def __str__(self) -> str:
        """For a person: "1 GPU", "2 GPUs or more and a listener"."""
        return " and ".join(
            words
            for value, words in (
                (self.gpus, f"{count_gpus(self.gpus or 0)}"),
                (self.gpus_min, f"{count_gpus(self.gpus_min or 0)} or more"),
                (self.gpus_max, f"{count_gpus(self.gpus_max or 0)} or fewer"),
                (self.listening, _listener(self.listening)),
                (self.slots_min, f"{self.slots_min} slots or more"),
            )
            if value is not None
        )

    def holds(self, here: Situation) -> bool:
        """Whether the rule applies."""
        return (
            self.gpus in (None, here.gpus)
            and here.gpus >= (self.gpus_min or 0)
            and (self.gpus_max is None or here.gpus <= self.gpus_max)
            and self.listening in (None, here.listening)
            and here.slots >= (self.slots_min or 0)
        )


def _listener(listening: bool | None) -> str:
    return "a listener" if listening else "a file"


class Rule(Section):
    """Chooses a policy if `when` holds; without `when`, always."""

    when: When | None = None
    use: Name
    """name of the policy"""
    options: Options = {}
    """the policy's own options"""


class PolicySection(Section):
    """Which scheduling policy: one by name, or the first rule that holds."""

    use: Name | None = None
    """name of the policy"""
    options: Options = {}
    """the policy's own options; they go with `use`"""
    rules: Annotated[tuple[Rule, ...], Strict(False)] | None = None
    """the first rule that holds decides"""

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> PolicySection:
        if (self.use is None) == (self.rules is None):
            raise ValueError("needs either use or rules, and not both")
        if self.rules == ():
            raise ValueError("has rules without any rule; the last one needs no `when`")
        if self.rules is not None and self.options:
            raise ValueError(
                "has options beside rules; give the options in each rule, or name one policy"
                " (policy.use, or --policy NAME) to which they belong"
            )
        return self


class BackendSection(Section):
    """Which TTS engine speaks."""

    use: Name | Names
    """name of the backend; of several, the first that is installed and speaks the language"""
    options: Options = {}
    """the backend's own options"""


class Pauses(Section):
    """Silence in seconds, by how a chunk ends."""

    sentence_s: Silence = 0.15
    """after a sentence"""
    line_s: Silence = 0.35
    """after a line of a list, a verse or a dialogue"""
    paragraph_s: Silence = 0.6
    """after a paragraph"""
    section_s: Silence = 0.9
    """after a paragraph with more than one blank line behind it"""
    heading_s: Silence = 0.9
    """after a heading"""
    chapter_s: Silence = 1.2
    """after the heading of a chapter"""
    break_s: Silence = 0.8
    """for a break without words, such as a line of asterisks"""


class Ramp(Section):
    """Short chunks at the beginning of a text, for listeners."""

    first_s: Annotated[float, Field(gt=0.0, le=60.0)] = 1.5
    """seconds of audio of the first chunk, at most, where the text has a place to cut"""
    growth: Annotated[float, Field(gt=1.0, le=100.0)] = 1.3
    """times as many in the next one, until chunks are as long as they would be without"""


class MarkdownSection(Section):
    """What is spoken of Markdown besides its prose."""

    code: bool = False
    """blocks of code"""
    urls: bool = False
    """addresses that stand in the text themselves"""
    math: bool = False
    """formulas between dollar signs"""
    tasks: bool = False
    """whether an item of a task list is done"""
    footnotes: bool = False
    """footnotes and their marks"""
    front_matter: bool = False
    """the data before the text"""


class TextSection(Section):
    """What is spoken, and in which voice."""

    language: Name = "en"
    """language code, as the backend lists them"""
    voice: Name | None = None
    """name of one of the backend's voices; the backend's default where there is none"""
    reference: FilePath | FilePaths | None = None
    """recording of the voice to speak with, instead of a named one; or a list of recordings"""
    format: InputFormat | None = None
    """format of the text: text or markdown; unset: the file's suffix decides"""
    encoding: str = "utf-8"
    """encoding of text files"""
    encoding_errors: EncodingErrors = "strict"
    """what becomes of bytes that are not valid in the encoding: strict is an error, replace leaves out"""
    lines: Lines = "auto"
    """line ends of plain text: each ends something, or they are wrapped; auto finds out"""
    addresses: bool = True
    """speak web and mail addresses of plain text as a whole, not the host alone"""
    markdown: MarkdownSection = MarkdownSection()
    speed: PositiveFloat = 1.0
    """speaking speed: 1 is the backend's normal speed, 2 is twice as fast"""
    seed: int = 0
    """the run's random seed"""
    flush_s: Seconds = 1.0
    """of a text that still comes: after so many seconds of quiet what has come is spoken"""
    max_chars: PositiveInt | None = None
    """most characters in a chunk; can only lower the backend's own limit"""
    pauses: Pauses = Pauses()
    ramp: Ramp | None = None
    """short chunks at the beginning, so that a listener soon hears something; unset: whole sentences"""

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        if not is_text_encoding(encoding):
            raise ValueError(f"is {encoding!r}, which is not a text encoding; one is utf-8 or latin-1")
        return encoding

    @model_validator(mode="after")
    def _one_voice(self) -> TextSection:
        if self.voice is not None and self.reference is not None:
            raise ValueError("has both voice and reference; give one of them")
        return self

    @property
    def reading(self) -> ReadOptions:
        """How the text is read."""
        return ReadOptions(
            self.format,
            self.encoding,
            self.encoding_errors,
            self.language,
            self.lines,
            MarkdownOptions(**self.markdown.model_dump()),
            self.addresses,
        )

    @property
    def references(self) -> tuple[Path, ...]:
        """The recordings in `reference`, one or many, in the order given."""
        return (self.reference,) if isinstance(self.reference, Path) else self.reference or ()


class OutputSection(Section):
    """How the audio is written."""

    format: OutputFormat | None = None
    """wav, flac, mp3, opus, m4a, m4b (an audiobook), aac (a stream), or pcm: raw little-endian 16-bit samples
    without a header; unset: the output's suffix decides"""
    bit_rate: PositiveInt | None = None
    """kbit/s of compressed audio; unset: 64, and 32 for opus"""
    sample_rate: PositiveInt | None = None
    """Hz; unset: the engine's, or the next one that the format knows"""

    @property
    def encoding(self) -> Encoding:
        """How the audio is encoded, as far as it was chosen."""
        return Encoding(self.bit_rate, self.sample_rate)


class Config(Section):
    """Everything that a file or a flag can set."""

    version: Literal[1] = 1
    """version of this schema"""
    policy: PolicySection
    backend: BackendSection
    text: TextSection = TextSection()
    output: OutputSection = OutputSection()
    limits: Limits = Limits()
    profile: FilePath | None = None
    """file with the costs of engines on devices, as `ttsflow bench` writes it"""
    plugins: Annotated[tuple[FilePath, ...], Strict(False)] = ()
    """Python files with plugins; a relative path starts from the folder of the file that names it"""


def json_schema() -> dict[str, Any]:
    """JSON Schema of a configuration file, with which editors complete and check it.

    In a file every key is optional: what one file leaves out, a file before it has.
    """
    schema = Config.model_json_schema()
    schema.pop("required", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "ttsflow"}
