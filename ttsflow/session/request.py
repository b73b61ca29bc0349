"""What a request brings: the text, and the manner in which it is spoken; and the places that come of both."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from ttsflow.config.layers import absolute
from ttsflow.config.model import TextSection
from ttsflow.errors import InputError, UsageError
from ttsflow.interface.backend import VoiceRequest
from ttsflow.interface.jobs import ChunkJob, derive_seed
from ttsflow.interface.validation import validate
from ttsflow.session.cast import Cast, speaks
from ttsflow.session.setup import Setup, as_another, spoken_language
from ttsflow.session.voices import check_voices, recorded
from ttsflow.store import Place
from ttsflow.text import NARRATOR, Ascent, Chunk, Coming, Document, LiveCutter, Pauses, Ramp, cut


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is spoken: voices, languages, speed, seed, pauses; checked against a setup.

    `text` holds what was asked for, with the backend's own tag of the language; `cast` has the voices.
    """

    setup: Setup
    text: TextSection
    cast: Cast
    notice: str | None = None
    _heard: dict[VoiceRequest, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, setup: Setup, asked: TextSection) -> Manner:
        """Check what is asked for, all voices too. Raises UsageErrors that say what there is instead."""
        language = spoken_language(asked.language, setup.profile)
        notice = None
        if language != asked.language:
            notice = as_another(setup.profile.backend, asked.language, language)
        text = asked.model_copy(update={"language": language})
        cast = Cast(text, setup.profile, partial(speaks, setup.backend), setup.readings, setup.rules)
        check_voices(cast, setup.backend, setup.profile, setup.readings)
        return cls(setup, text, cast, notice)

    def cut(self, text: Document | Coming) -> Iterator[Chunk]:
        """The chunks of a text in its order, cut as they are asked for, or as they come."""
        return chunks_of(text, self.cast)

    def places(self, spoken: Document | Coming, stream: str) -> Iterator[Place]:
        """The places of a text in its order; their jobs are of `stream`."""
        for index, chunk in enumerate(self.cut(spoken)):
            yield self.place(chunk, stream, index)

    def place(self, chunk: Chunk, stream: str, index: int) -> Place:
        """The place of a chunk; its job is of `stream`."""
        voice = self.cast.voice(chunk.role)
        job = ChunkJob(
            stream,
            index,
            chunk.text,
            voice.language,
            voice.voice,
            derive_seed(self.text.seed, chunk.text, voice.language, self._content(voice)),
            chunk.pause_s,
            chunk.speakable,
            references=voice.references,
            speed=voice.speed,
            written=chunk.written,
            until_s=chunk.until_s,
        )
        return Place(self.key(job) if chunk.speakable else None, job, chunk.chapter)

    def saying(self, job: ChunkJob, words: str) -> ChunkJob:
        """A job that speaks other words than those that are written there."""
        voice = VoiceRequest(job.language, job.voice, job.references, job.speed)
        seed = derive_seed(self.text.seed, words, job.language, self._content(voice))
        return replace(job, text=words, written=None if words == job.shown else job.shown, seed=seed)

    def key(self, job: ChunkJob) -> bytes:
        """Content key, 32 bytes: where it is the same the audio is, wherever in the text the job stands."""
        setup = self.setup
        content: tuple[object, ...] = (
            setup.backend.plugin.name,
            setup.identity,
            setup.profile.sample_rate,
            self.text.seed,
            job.text,
            job.language,
            self._content(VoiceRequest(job.language, job.voice, job.references, job.speed)),
        )
        if setup.config.output.trim:
            content = (*content, "trim")
        return hashlib.blake2b(json.dumps(content).encode("ascii"), digest_size=32).digest()

    def _content(self, voice: VoiceRequest) -> str:
        """What is heard of voice and speed: two voices in which it differs share no audio."""
        if voice not in self._heard:
            content = recorded(voice, self.setup.readings) if voice.voice is None else voice.voice
            self._heard[voice] = content if voice.speed == 1.0 else f"{content}\0speed {voice.speed!r}"
        return self._heard[voice]


@dataclass(frozen=True, slots=True)
class Request:
    """A text to be spoken in a manner, in the stream called `name`.

    Where several streams are spoken at a time each has a share of the work by its `weight`; those of one
    `group` have one share together. Raises UsageError for a weight that is not above 0.
    """

    text: Document | Coming
    manner: Manner
    name: str
    weight: float = 1.0
    group: str | None = None

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


def chunks_of(text: Document | Coming, cast: Cast) -> Iterator[Chunk]:
    """The chunks of a text as a cast speaks it."""
    if isinstance(text, Coming):
        chunks = text.chunks(live_cutter(cast), cast.asked.flush_s)
    else:
        roles, pauses = groupby(text.blocks(), attrgetter("role")), _pauses(cast.asked)
        chunks = chain.from_iterable(cut(blocks, cast.rules(role), pauses) for role, blocks in roles)
    delivery = Delivery(cast, text.name)
    for chunk in chunks:
        yield from delivery.spoken(chunk)
    delivery.check_left()


def live_cutter(cast: Cast) -> LiveCutter:
    """What cuts a text that comes as a cast speaks it."""
    asked = cast.asked
    return LiveCutter(
        cast.rules(NARRATOR),
        _pauses(asked),
        asked.lines,
        addresses=asked.addresses,
        code=asked.code,
        rules_of=cast.rules if asked.marks else None,
    )


class Delivery:
    """Makes of each chunk of a text, in their order, the chunks that are spoken: short ones at its beginning,
    in the words of the lexicon."""

    def __init__(self, cast: Cast, name: str) -> None:
        self._cast, self._name = cast, name
        self._written = self._left = False
        ramp = cast.asked.ramp
        self._ascent = None if ramp is None else Ascent(Ramp(**ramp.model_dump()), cast.rules(NARRATOR))

    def spoken(self, chunk: Chunk) -> Iterator[Chunk]:
        """The next chunk of the text, as it is spoken."""
        self._written = self._written or chunk.speakable
        for part in [chunk] if self._ascent is None else self._ascent.shorten(chunk):
            for spoken in self._cast.spoken(part):
                self._left = self._left or spoken.speakable
                yield spoken

    def check_left(self) -> None:
        """At the end: raise InputError where the text has words, and nothing is left of them."""
        if self._written and not self._left:
            why = f"{self._cast.leaves_out} leave all of it out"
            raise InputError(f"{self._name}: nothing is left to be spoken: {why}")


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


def _pauses(asked: TextSection) -> Pauses:
    return Pauses(**asked.pauses.model_dump())
