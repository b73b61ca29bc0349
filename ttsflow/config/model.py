"""The configuration: one schema for every YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Strict,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from ttsflow.interface.device import Device
from ttsflow.interface.validation import Seconds, Section, Silence
from ttsflow.output.encoding import Encoding
from ttsflow.output.formats import OWN
from ttsflow.output.loudness import HIGHEST, LOWEST
from ttsflow.output.subtitles import SUBTITLES
from ttsflow.scheduler.limits import Limits
from ttsflow.text.encodings import is_text_encoding
from ttsflow.text.options import Cues, EncodingErrors, Lines, MarkdownOptions, ReadOptions
from ttsflow.text.pronunciation import Pattern
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


Subtitles = Annotated[str, *_one_of([suffix.removeprefix(".") for suffix in SUBTITLES])]
Split = Literal["chapter", "chunk"]


def _such_as(names: Sequence[str]) -> Any:
    """Names these as examples in the JSON Schema. Plugins may have others, which shows when they load."""
    return Field(json_schema_extra={"examples": [*names]})


OutputFormat = Annotated[Name, _such_as([format.name for format in OWN])]
InputFormat = Annotated[Name, _such_as([reader.name for reader in READERS])]


def count_gpus(gpus: int) -> str:
    """A number of GPUs in words."""
    return "no GPU" if gpus == 0 else "1 GPU" if gpus == 1 else f"{gpus:,} GPUs"


def count_servers(servers: int) -> str:
    """A number of servers in words."""
    return "1 server" if servers == 1 else f"{servers:,} servers"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the choice of a policy may hang on.

    `gpus` counts the GPUs that the backend can use, or its servers if it is `remote`. `listening`: somebody
    hears the audio as it is made, and does not wait for a file. `slots` is how many chunks a worker of the
    backend can speak at a time. `work_s` is about how many seconds one of them needs for all that is to be
    spoken, None where that is not known before.
    """

    gpus: int
    listening: bool = False
    slots: int = 1
    remote: bool = False
    work_s: float | None = None

    @classmethod
    def on(
        cls, devices: Sequence[Device], listening: bool, slots: int, work_s: float | None = None
    ) -> Situation:
        """The situation on these devices."""
        gpus = sum(device.kind != "cpu" for device in devices)
        remote = any(device.kind == "remote" for device in devices)
        return cls(gpus, listening, slots, remote, work_s)

    def __str__(self) -> str:
        """For a person: "1 GPU, a listener, 4 slots, 0.20 s of work"."""
        slots = "1 slot" if self.slots == 1 else f"{self.slots} slots"
        where = count_servers(self.gpus) if self.remote else count_gpus(self.gpus)
        work = "" if self.work_s is None else f", {_seconds(self.work_s)} of work"
        return f"{where}, {_listener(self.listening)}, {slots}{work}"


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
    work_s_max: Seconds | None = None
    """a worker needs this many seconds or fewer for all that is to be spoken, and that is known before"""

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
                (self.work_s_max, f"{self.work_s_max or 0:g} s of work or less"),
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
            and (self.work_s_max is None or (here.work_s is not None and here.work_s <= self.work_s_max))
        )


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"


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


Spoken = Annotated[str, Field(min_length=1)]


class LexiconSection(Section):
    """Words and phrases, and how they are spoken."""

    words: dict[Name, Spoken | dict[Name, Spoken]] = {}
    """the spoken form of each word; or for each language its own: `chat: {fr: cha}`"""
    files: FilePath | FilePaths | None = None
    """file with more of them, or a list: CSV (word,spoken[,language]) or PLS (.pls); `words` go before"""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, one or many, in the order given."""
        return (self.files,) if isinstance(self.files, Path) else self.files or ()


class ReplaceSection(Section):
    """What is spoken in the place of a pattern."""

    model_config = ConfigDict(populate_by_name=True)

    pattern: Name
    """regular expression"""
    words: str = Field("", alias="with")
    """what is spoken instead; empty leaves it out"""
    language: Name | None = None
    """only in text of this language"""

    @model_validator(mode="after")
    def _can_be_used(self) -> ReplaceSection:
        self.compiled  # noqa: B018  # it says what is wrong
        return self

    @property
    def compiled(self) -> Pattern:
        """The pattern, ready for use."""
        return Pattern(self.pattern, self.words, self.language)

    @model_serializer
    def _as_it_is_read(self) -> dict[str, Any]:
        data = {"pattern": self.pattern, "with": self.words}
        return data if self.language is None else data | {"language": self.language}


class TextRuleSection(Section):
    """A text rule of a plugin."""

    use: Name
    """name of the rule"""
    options: Options = {}
    """the rule's own options"""
    language: Name | None = None
    """only in text of this language"""


class ObserverSection(Section):
    """An observer of a plugin, which is told what happens in a run."""

    use: Name
    """name of the observer"""
    options: Options = {}
    """the observer's own options"""


class VoiceSection(Section):
    """A voice in a text that has several; what it leaves out is as in the rest of the text."""

    voice: Name | None = None
    """name of one of the backend's voices"""
    reference: FilePath | FilePaths | None = None
    """recording of the voice, or a list of recordings, instead of a named one"""
    speed: PositiveFloat | None = None
    """speaking speed"""

    @model_validator(mode="after")
    def _one_voice(self) -> VoiceSection:
        return _with_one_voice(self)

    @property
    def references(self) -> tuple[Path, ...]:
        """The recordings in `reference`, one or many, in the order given."""
        return (self.reference,) if isinstance(self.reference, Path) else self.reference or ()


class SpeakerSection(VoiceSection):
    """The voice of a speaker, whom the text names: [[voice: Anna]]."""

    language: Name | None = None
    """language code of what the speaker says"""


class TextSection(Section):
    """What is spoken, and in which voice."""

    language: Name = "en"
    """language code, as the backend lists them"""
    voice: Name | None = None
    """name of one of the backend's voices; the backend's default where there is none"""
    reference: FilePath | FilePaths | None = None
    """recording of the voice to speak with, instead of a named one; or a list of recordings"""
    format: InputFormat | None = None
    """format of the text, such as markdown or epub; unset: the file's suffix decides"""
    encoding: str = "utf-8"
    """encoding of text files"""
    encoding_errors: EncodingErrors = "strict"
    """what becomes of bytes that are not valid in the encoding: strict is an error, replace leaves out"""
    lines: Lines = "auto"
    """line ends of plain text: each ends something, or they are wrapped; auto finds out"""
    addresses: bool = True
    """speak web and mail addresses of plain text as a whole, not the host alone"""
    citations: bool = True
    """speak numbers of citations in square brackets: [12], [3, 5-7]"""
    note_marks: bool = True
    """speak the marks of notes behind words: small digits, *, [^1]"""
    code: bool = True
    """speak blocks of code in plain text, between lines ```"""
    marks: bool = True
    """read [[voice: Anna]] and [[pause: 1.5]] as marks, not as words, in all formats but subtitles"""
    cues: Cues = "flow"
    """when subtitles are heard: flow, one after the other, or timed, each at its time"""
    markdown: MarkdownSection = MarkdownSection()
    replace: Annotated[tuple[ReplaceSection, ...], Strict(False)] = ()
    """patterns that are left out, or spoken as something else, in this order"""
    lexicon: LexiconSection = LexiconSection()
    rules: Annotated[tuple[TextRuleSection, ...], Strict(False)] = ()
    """text rules of plugins, asked in this order after `replace` and the lexicon"""
    speakers: dict[Name, SpeakerSection] = {}
    """the voices of the speakers whom a text names"""
    foreign: bool = True
    """speak what a book says is in another language in that language, where the backend speaks it"""
    languages: dict[Name, VoiceSection] = {}
    """the voices of other languages in a text, by their codes"""
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
        return _with_one_voice(self)

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
            self.code,
            self.marks,
            self.cues,
        )

    @property
    def references(self) -> tuple[Path, ...]:
        """The recordings in `reference`, one or many, in the order given."""
        return (self.reference,) if isinstance(self.reference, Path) else self.reference or ()


_Voiced = TypeVar("_Voiced", VoiceSection, TextSection)


def _with_one_voice(section: _Voiced) -> _Voiced:
    if section.voice is not None and section.reference is not None:
        raise ValueError("has both voice and reference; give one of them")
    return section


class OutputSection(Section):
    """How the audio is written."""

    format: OutputFormat | None = None
    """wav, flac, mp3, opus, m4a, m4b (an audiobook), aac (a stream), or pcm: raw little-endian 16-bit samples
    without a header; unset: the output's suffix decides"""
    bit_rate: PositiveInt | None = None
    """kbit/s of compressed audio; unset: 64, and 32 for opus"""
    sample_rate: Annotated[int, Field(ge=8000, le=192_000)] | None = None
    """Hz; unset: the engine's, or the next one that the format knows"""

    loudness: Annotated[float, Field(ge=LOWEST, le=HIGHEST)] | None = None
    """integrated loudness in LUFS (EBU R 128), by one gain for the whole file; unset: as it was spoken"""

    trim: bool = False
    """shorten silence at the edges of each chunk, and fade what begins or ends off zero"""
    subtitles: Subtitles | None = None
    """srt, vtt or json: a file beside the output with each sentence and its times"""
    split: Split | None = None
    """chapter or chunk: a folder beside the output with a file for each, too"""

    @property
    def encoding(self) -> Encoding:
        """How the audio is encoded, as far as it was chosen."""
        return Encoding(self.bit_rate, self.sample_rate, self.loudness)


class ClusterSection(Section):
    """The Ray cluster on whose nodes workers run."""

    address: Name | None = None
    """address of its head, as host:port; auto: the one that this machine is in; local: one of this machine
    alone; unset: no cluster, workers run on this machine"""
    nodes: Annotated[tuple[Name, ...], Strict(False)] = ()
    """names of the nodes to use, with * and ? for what may vary; none: all of them"""
    gpus: NonNegativeInt = 0
    """GPUs for which an autoscaling cluster is to start nodes, with those that are there; 0: these alone"""
    wait_s: Seconds = 30.0
    """for nodes to tell what they have; those that take longer are used when they have told"""


class ServerSection(Section):
    """Where `ttsflow serve` listens, whom it answers, and how much it takes on."""

    host: Name = "127.0.0.1"
    """address to listen on; 0.0.0.0 is every one of this machine"""
    port: Annotated[int, Field(ge=0, le=65535)] = 8880
    """port to listen on; 0 is any that is free"""
    api_keys_file: FilePath | None = None
    """file with a key a line: whoever shows none of them is refused; unset: everybody is answered"""
    cors_origins: Annotated[tuple[Name, ...], Strict(False)] = ()
    """origins of the pages whose scripts may ask, such as https://example.org; * is every page"""
    trusted_proxies: Annotated[tuple[Name, ...], Strict(False)] = ()
    """addresses of proxies that say for whom they ask (X-Forwarded-For)"""
    models: Annotated[tuple[Name, ...], Strict(False)] = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
    """names by which programs may ask for the engine, beside its own"""
    voices: dict[Name, Name] = {}
    """other names of the engine's voices: `alloy: af_heart`"""
    max_body_bytes: PositiveInt = 1_000_000
    """most bytes in the body of a request"""
    max_input_chars: PositiveInt = 20_000
    """most characters in the text of a request"""
    max_silence_s: Seconds = 600.0
    """most seconds of pauses for which the marks of a text may ask, all together"""
    max_streams: PositiveInt = 64
    """most requests that are spoken at a time"""
    max_streams_per_client: PositiveInt = 16
    """most of them for one client: an API key, or else an address"""
    max_waiting: PositiveInt = 32
    """most requests of which nothing is heard yet"""
    max_late_s: Seconds = 10.0
    """a request is refused that would be later than this, by prediction"""
    request_s: Seconds = 3600.0
    """for a request, from its beginning to its last byte"""
    client_s: Seconds = 60.0
    """for a client to send its request, or to take more of its audio"""
    idle_s: Seconds = 300.0
    """for a WebSocket on which nobody says anything"""
    drain_s: Seconds = 30.0
    """after SIGTERM or Ctrl-C, for requests to be spoken, and files to be sent, to their end"""
    jobs_dir: FilePath | None = None
    """folder in which background jobs are kept; unset: there are none"""
    jobs_at_a_time: Annotated[int, Field(ge=1, le=64)] = 2
    """most background jobs that are spoken at a time"""
    max_jobs_waiting: PositiveInt = 100
    """most background jobs that wait for their turn"""
    max_jobs_waiting_per_client: PositiveInt = 20
    """most of them for one client"""
    max_jobs_kept: PositiveInt | None = None
    """most background jobs that are kept when they have ended; beyond it the first of the client who has most
    goes, with its audio; unset: they stay until they are deleted"""
    max_upload_bytes: PositiveInt = 50_000_000
    """most bytes of a text that is uploaded for a background job"""


class Config(Section):
    """Everything that a file or a flag can set."""

    version: Literal[1] = 1
    """version of this schema"""
    policy: PolicySection
    backend: BackendSection
    text: TextSection = TextSection()
    output: OutputSection = OutputSection()
    limits: Limits = Limits()
    server: ServerSection = ServerSection()
    cluster: ClusterSection = ClusterSection()
    observers: Annotated[tuple[ObserverSection, ...], Strict(False)] = ()
    """observers of plugins, which are told what happens in a run"""
    profile: FilePath | None = None
    """file with the costs of engines on devices, as `ttsflow bench` writes it"""
    plugins: Annotated[tuple[FilePath, ...], Strict(False)] = ()
    """Python files with plugins; a relative path starts from the folder of the file that names it"""
