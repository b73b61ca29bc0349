"""What a request brings: the text, and the manner in which it is spoken; and the places that come of both."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttsflow.config.layers import absolute
from ttsflow.config.model import TextSection
from ttsflow.errors import UsageError
from ttsflow.interface.backend import VoiceRequest
from ttsflow.interface.jobs import ChunkJob, derive_seed
from ttsflow.interface.profile import Profile
from ttsflow.interface.validation import validate
from ttsflow.registry import calling
from ttsflow.session.setup import Setup, as_another, spoken_language
from ttsflow.store import Place
from ttsflow.text import Chunk, Coming, CutRules, Document, LiveCutter, Pauses, Ramp, cut


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is spoken: voice, language, speed, seed, pauses; checked against a setup.

    `text` holds what was asked for, with the backend's own tag of the language. `voice_content` stands
    for what is heard of voice and speed: two manners in which it differs share no audio.
    """

    setup: Setup
    text: TextSection
    voice: VoiceRequest
    voice_content: str
    notice: str | None = None

    @classmethod
    def of(cls, setup: Setup, asked: TextSection) -> Manner:
        """Check what is asked for. Raises UsageErrors that say what there is instead."""
        language = spoken_language(asked.language, setup.profile)
        notice = None
        if language != asked.language:
            notice = as_another(setup.profile.backend, asked.language, language)
        _check_speed(setup, asked.speed)
        voice = VoiceRequest(language, asked.voice, tuple(map(str, asked.references)), asked.speed)
        content = _voice_content(setup, asked)
        plugin = setup.backend.plugin
        with calling(plugin, "check"):
            plugin.cls.check(voice, setup.backend.options)
        return cls(setup, asked.model_copy(update={"language": language}), voice, content, notice)

    def cut(self, text: Document | Coming) -> Iterator[Chunk]:
        """The chunks of a text in its order, cut as they are asked for, or as they come."""
        return chunks_of(text, self.text, self.setup.profile)

    def places(self, spoken: Document | Coming, stream: str) -> Iterator[Place]:
        """The places of a text in its order; their jobs are of `stream`."""
        text, voice = self.text, self.voice
        for index, chunk in enumerate(self.cut(spoken)):
            job = ChunkJob(
                stream,
                index,
                chunk.text,
                voice.language,
                voice.voice,
                derive_seed(text.seed, chunk.text, voice.language, self.voice_content),
                chunk.pause_s,
                chunk.speakable,
                references=voice.references,
                speed=voice.speed,
            )
            yield Place(self.key(job) if chunk.speakable else None, job, chunk.chapter)

    def key(self, job: ChunkJob) -> bytes:
        """Content key, 32 bytes: where it is the same the audio is, wherever in the text the job stands."""
        setup = self.setup
        content = (
            setup.backend.plugin.name,
            setup.identity,
            setup.profile.sample_rate,
            self.text.seed,
            job.text,
            job.language,
            self.voice_content,
        )
        return hashlib.blake2b(json.dumps(content).encode("ascii"), digest_size=32).digest()


@dataclass(frozen=True, slots=True)
class Request:
    """A text to be spoken in a manner, in the stream called `name`.

    Where several streams are spoken at a time each has a share of the work by its `weight`. Raises
    UsageError for a weight that is not above 0.
    """

    text: Document | Coming
    manner: Manner
    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.weight < math.inf:
            raise UsageError(f"a request's weight must be above 0, not {self.weight!r}")

    @property
    def document(self) -> Document:
        """The text, which is there as a whole. Raises UsageError for one that still comes."""
        if isinstance(self.text, Coming):
            raise UsageError(
                f"{self.text.name} still comes, and can only be streamed: give the whole of it in one string"
            )
        return self.text

    def places(self) -> Iterator[Place]:
        """The places of the text in its order, cut as they are asked for, or as they come."""
        if isinstance(self.text, Coming):
            self.text.begin()
        return self.manner.places(self.text, self.name)

    def check_whole(self) -> None:
        """Raise what has broken off a text that came; to be called when what came has been spoken."""
        if isinstance(self.text, Coming):
            self.text.check_whole()

    def leave(self) -> None:
        """Nobody wants the rest of the text."""
        if isinstance(self.text, Coming):
            self.text.leave()


def chunks_of(text: Document | Coming, asked: TextSection, profile: Profile) -> Iterator[Chunk]:
    """The chunks of a text for an engine; `asked` has the engine's own tag of the language."""
    rules, pauses = rules_of(asked, profile), Pauses(**asked.pauses.model_dump())
    if isinstance(text, Coming):
        chunks = text.chunks(LiveCutter(rules, pauses, asked.lines, addresses=asked.addresses), asked.flush_s)
    else:
        chunks = cut(text.blocks(), rules, pauses)
    return chunks if asked.ramp is None else Ramp(**asked.ramp.model_dump()).shorten(chunks, rules)


def rules_of(asked: TextSection, profile: Profile) -> CutRules:
    """How long the chunks of a text may be for an engine."""
    cap = profile.cap(asked.language)
    most = cap if asked.max_chars is None else min(cap, asked.max_chars)
    return CutRules(asked.language, most, profile.min_chars)


def asked_for(defaults: TextSection, said: Mapping[str, Any]) -> TextSection:
    """What a request asks for: what it says, and for what it leaves out (None) the defaults.

    A voice takes the place of the recordings among the defaults, and the other way round. Raises
    ConfigError for a value that cannot be.
    """
    values = {key: value for key, value in said.items() if value is not None}
    if not values:
        return defaults
    kept = defaults.model_dump()
    if "voice" in values or "reference" in values:
        kept |= {"voice": None, "reference": None}
    if "reference" in values:
        values["reference"] = absolute(values["reference"], Path.cwd())
    if isinstance(values.get("pauses"), Mapping):
        values["pauses"] = kept["pauses"] | dict(values["pauses"])
    return validate(TextSection, kept | values, lambda path: "the request")


def _check_speed(setup: Setup, speed: float) -> None:
    slowest, fastest = setup.profile.speeds
    if not slowest <= speed <= fastest:
        backend = setup.profile.backend
        if slowest == fastest:
            raise UsageError(f"backend {backend!r} cannot change its speed: leave speed {speed:g} out")
        raise UsageError(
            f"backend {backend!r} speaks at speeds from {slowest:g} to {fastest:g}, not at {speed:g}; "
            f"1 is its normal speed"
        )


def _voice_content(setup: Setup, asked: TextSection) -> str:
    """What is heard of voice and speed, once the backend has the voice or takes the recordings."""
    plugin = setup.backend.plugin
    if asked.voice is not None:
        with calling(plugin, "check_voice"):
            plugin.cls.check_voice(asked.voice, setup.backend.options)
        content = asked.voice
    else:
        if asked.references and not plugin.cls.takes_reference_audio():
            raise UsageError(
                f"backend {plugin.name!r} does not take reference audio; "
                f"leave the reference out, or choose a backend that does: `ttsflow backends` lists them"
            )
        content = "\n".join(map(_digest, asked.references))
    return content if asked.speed == 1.0 else f"{content}\0speed {asked.speed!r}"


def _digest(reference: Path) -> str:
    """Digest of a recording's content, wherever the file lies. Raises UsageError."""
    try:
        with reference.open("rb") as audio:
            return hashlib.file_digest(audio, "blake2b").hexdigest()
    except OSError as error:
        raise UsageError(f"reference audio {reference}: {error.strerror}; give another file") from error
